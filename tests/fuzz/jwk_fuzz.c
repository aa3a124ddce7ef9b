/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JWK Set, or behind a 'k' as what the members of a key stand for: what comes out is whole. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "proof/jwk.h"
#include "token/base64url.h"

static void key_check(const struct jwk_set *set, const struct jwk *key)
{
	if (!key->pkey || strlen(key->thumbprint) != KID_BYTES - 1)
		abort();
	if (key->alg && key->alg->kind != key->kind)
		abort();
	if (key->kid && (strlen(key->kid) > JWK_KID_MAX || jwk_set_find(set, key->kid) != key))
		abort();
	if ((key->kind == JWK_RSA) != !!EVP_PKEY_is_a(key->pkey, "RSA"))
		abort();
	if (key->kind == JWK_RSA && (EVP_PKEY_get_bits(key->pkey) < JWK_RSA_BITS_MIN ||
				     EVP_PKEY_get_bits(key->pkey) > JWK_RSA_BITS_MAX))
		abort();
}

static void parse(const char *text, size_t len)
{
	struct why why = {""};
	struct jwk_set set;

	if (jwk_set_parse(text, len, &set, &why)) {
		if (!why.text[0])
			abort(); /* an administrator would be told nothing */
		return;
	}
	if (set.count + set.skipped > JWK_SET_KEYS_MAX)
		abort();
	for (size_t i = 0; i < set.count; i++)
		key_check(&set, &set.keys[i]);
	if ((jwk_set_find(&set, NULL) != NULL) != (set.count == 1))
		abort();
	jwk_set_free(&set);
}

/* ---- keys that are spelled well ---- */

#define PART_MAX	 1100u /* bytes: some more than the largest key's */
#define PICK(list, byte) (list)[(byte) % (sizeof(list) / sizeof((list)[0]))]

/* The input over and over, so that a large number needs no large input. */
static void part_set(json_t *jwk, const char *name, const uint8_t *data, size_t size, size_t len)
{
	static char text[2 * PART_MAX];
	static uint8_t bytes[PART_MAX];

	for (size_t i = 0; i < len; i++)
		bytes[i] = data[i % size];
	base64url_encode(bytes, len, text);
	json_object_set_new(jwk, name, json_string(text));
}

static json_t *key_make(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"RSA", "EC", "OKP", "oct"};
	static const char *const curves[] = {"P-256", "P-384", "P-521", "Ed25519", "X25519"};
	static const char *const algs[] = {"RS256", "ES256", "ES384", "EdDSA", "HS256", "none"};
	static const unsigned short sizes[] = {1, 3, 32, 48, 66, 255, 256, 257, 512, 1024, 1025};
	static const char *const names[] = {"n", "e", "x", "y", "d", "k"};
	json_t *jwk = json_pack("{s:s, s:s}", "kty", PICK(types, data[0]), "crv", PICK(curves, data[1]));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (data[2] >> i & 1)
			part_set(jwk, names[i], data + 4, size - 4, PICK(sizes, data[3] + i * (data[0] | 1)));
	if (data[2] & 64)
		json_object_set_new(jwk, "alg", json_string(PICK(algs, data[1] >> 3)));
	if (data[2] & 128)
		json_object_set_new(jwk, "kid", json_stringn((const char *)data + 4, (size - 4) % 300));
	return jwk;
}

static void make(const uint8_t *data, size_t size)
{
	json_t *set = json_pack("{s:[]}", "keys");
	char *text;

	for (; size > 8; data += 8, size -= 8)
		json_array_append_new(json_object_get(set, "keys"), key_make(data, size));
	text = json_dumps(set, 0);
	json_decref(set);
	if (text)
		parse(text, strlen(text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size);

	if (size && text[0] == 'k')
		make((const uint8_t *)text + 1, size - 1);
	else
		parse(text, size);
	free(text);
	return 0;
}
