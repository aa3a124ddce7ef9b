/* SPDX-License-Identifier: Apache-2.0 */
/* dpop_verify() on any text, and on any header and payload behind a good signature. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "proof/dpop.h"
#include "token/jws.h"

#define NOW 1000000

static struct secret_key *key;
static char *header;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";
	json_t *h;

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	h = json_pack("{s:s, s:s, s:o}", "alg", "EdDSA", "typ", DPOP_TYPE, "jwk", key_jwk(key_public(key)));
	header = json_dumps(h, JSON_COMPACT);
	json_decref(h);
	return header ? 0 : -1;
}

static void verify(const char *text, size_t len, const char *token)
{
	const struct dpop_request request = {"POST", "https://deputy.invalid/v1/token", token, NOW};
	struct dpop_proof p;

	if (dpop_verify(text, len, &request, &p, NULL))
		return;
	if (strlen(p.jkt) != KID_BYTES - 1 || strlen(p.nonce) > DPOP_NONCE_MAX || p.until <= NOW ||
	    p.until > NOW + DPOP_PAST + DPOP_FUTURE)
		abort();
}

/* The header is the right one unless the input brings its own, ended by NUL. */
static void forge(const char *data, size_t size)
{
	const char *end = memchr(data, '\0', size);
	size_t len = end ? (size_t)(end - data) : strlen(header), skip = end ? len + 1 : 0;
	char *text;

	if (jws_sign(key, end ? data : header, len, data + skip, size - skip, &text))
		return;
	verify(text, strlen(text), size & 1 ? "token" : NULL);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size);

	if (size && text[0] == 'f')
		forge(text + 1, size - 1);
	else
		verify(text, size, NULL);
	free(text);
	return 0;
}
