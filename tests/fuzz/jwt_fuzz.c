/* SPDX-License-Identifier: Apache-2.0 */
/* jwt_verify() and jwt_names() on any text, and on any header and payload behind a good signature. */
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "token/jwt.h"

#define TYPE "at+jwt"

static struct secret_key *key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	return sodium_init() < 0 ? -1 : key_from_seed(seed, &key);
}

/* What is verified has the type that is told before. */
static void verify(const char *text, size_t len)
{
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1], *line = strndup(text, len);
	bool named = jwt_names(line, kid, typ) == 0;
	json_t *claims = NULL;
	int64_t exp;

	if (jwt_verify(key_public(key), TYPE, text, len, &claims) == 0) {
		jwt_time(claims, "exp", &exp);
		if (!json_is_object(claims) || (named && strcmp(typ, TYPE) != 0))
			abort();
	}
	json_decref(claims);
	free(line);
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
		snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"" TYPE "\"}",
			 key_public(key)->kid);
		if (jws_sign(key, header, strlen(header), data, size, &text))
			return;
	}
	verify(text, strlen(text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size);

	if (size && text[0] == 'f')
		forge(text + 1, size - 1);
	else
		verify(text, size);
	free(text);
	return 0;
}
