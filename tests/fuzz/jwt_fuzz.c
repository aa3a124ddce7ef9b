/* SPDX-License-Identifier: Apache-2.0 */
/* token_verify() on any text, and on any header and payload behind a good signature. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/token.h"

#define NOW 1000000

static struct secret_key *key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	return sodium_init() < 0 ? -1 : key_from_seed(seed, &key);
}

static void verify(const char *text, size_t len)
{
	json_t *claims = NULL;

	if (token_verify(key_public(key), text, len, NOW, &claims) == 0 && !json_is_object(claims))
		abort();
	json_decref(claims);
}

/* A header is the right one unless the input brings its own, ended by NUL. */
static void forge(const char *data, size_t size)
{
	const char *end = memchr(data, '\0', size);
	char header[128], *text;

	if (end) {
		if (jws_sign(key, data, (size_t)(end - data), end + 1, size - (size_t)(end - data) - 1,
			     &text))
			return;
	} else {
		snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
			 key_public(key)->kid);
		if (jws_sign(key, header, strlen(header), data, size, &text))
			return;
	}
	verify(text, strlen(text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of exactly this size: a read past its end is seen */
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	if (size && text[0] == 'f')
		forge(text + 1, size - 1);
	else
		verify(text, size);
	free(text);
	return 0;
}
