/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "proof/jwk.h"

static const char *const kinds[] = {"RS256", "ES256", "ES384", "ES512", "EdDSA"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int parse(const json_t *jwk, struct why *why)
{
	struct jwk key;
	int err = jwk_parse(jwk, &key, why);

	if (!err)
		jwk_free(&key);
	return err;
}

static void every_kind(void **state)
{
	static const enum jwk_kind expect[KINDS] = {JWK_RSA, JWK_P256, JWK_P384, JWK_P521, JWK_ED25519};

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		EVP_PKEY *made = forge_key(kinds[i]);
		json_auto_t *jwk = forge_jwk(made);
		struct jwk key;

		assert_int_equal(jwk_parse(jwk, &key, NULL), 0);
		assert_int_equal(key.kind, expect[i]);
		assert_int_equal(EVP_PKEY_eq(key.pkey, made), 1);
		assert_null(key.kid);
		assert_null(key.alg);
		assert_int_equal(strlen(key.thumbprint), KID_BYTES - 1);
		jwk_free(&key);
	}
}

/* One member of a good key changed: NULL takes it out, else JSON. */
static void changed(void **state)
{
	static const struct {
		const char *kind, *member, *value;
		int err;
	} cases[] = {
		{"RS256", "kid", "\"a\"", 0},
		{"RS256", "use", "\"sig\"", 0},
		{"RS256", "key_ops", "[\"verify\"]", 0},
		{"RS256", "key_ops", "[\"sign\", \"verify\"]", 0},
		{"RS256", "alg", "\"PS512\"", 0},
		{"ES384", "alg", "\"ES384\"", 0},
		{"EdDSA", "alg", "\"Ed25519\"", 0},
		{"RS256", "x5c", "[\"ignored\"]", 0},
		{"RS256", "kty", NULL, -EBADMSG},
		{"RS256", "kty", "1", -EBADMSG},
		{"RS256", "kty", "\"rsa\"", -ENOTSUP},
		{"RS256", "kty", "\"oct\"", -ENOTSUP},
		{"RS256", "kty", "\"EC\"", -EBADMSG},
		{"RS256", "n", NULL, -EBADMSG},
		{"RS256", "n", "\"\"", -EBADMSG},
		{"RS256", "n", "17", -EBADMSG},
		{"RS256", "n", "\"AQAB\"", -ENOTSUP},
		{"RS256", "e", NULL, -EBADMSG},
		{"RS256", "e", "\"AQ\"", -ENOTSUP},
		{"RS256", "e", "\"BA\"", -ENOTSUP},
		{"RS256", "e", "\"AAEAAQ\"", -EBADMSG},
		{"RS256", "e", "\"AQAB=\"", -EBADMSG},
		{"RS256", "e", "\"AQ AB\"", -EBADMSG},
		{"RS256", "e", "\"AQABAQABAQAB\"", -ENOTSUP},
		{"RS256", "kid", "\"\"", -EBADMSG},
		{"RS256", "kid", "7", -EBADMSG},
		{"RS256", "use", "\"enc\"", -ENOTSUP},
		{"RS256", "use", "[\"sig\"]", -EBADMSG},
		{"RS256", "key_ops", "[]", -ENOTSUP},
		{"RS256", "key_ops", "[\"encrypt\"]", -ENOTSUP},
		{"RS256", "key_ops", "\"verify\"", -EBADMSG},
		{"RS256", "key_ops", "[\"verify\", \"verify\"]", -EBADMSG},
		{"RS256", "key_ops", "[\"verify\", 1]", -EBADMSG},
		{"RS256", "alg", "\"ES256\"", -EBADMSG},
		{"RS256", "alg", "\"HS256\"", -ENOTSUP},
		{"RS256", "alg", "\"none\"", -ENOTSUP},
		{"RS256", "alg", "\"RSA-OAEP\"", -ENOTSUP},
		{"RS256", "alg", "null", -EBADMSG},
		{"RS256", "d", "\"AQAB\"", -EPERM},
		{"RS256", "p", "\"\"", -EPERM},
		{"RS256", "qi", "null", -EPERM},
		{"RS256", "oth", "[]", -EPERM},
		{"RS256", "k", "\"AQAB\"", -EPERM},
		{"ES256", "d", "\"AQAB\"", -EPERM},
		{"EdDSA", "d", "\"AQAB\"", -EPERM},
		{"ES256", "crv", NULL, -EBADMSG},
		{"ES256", "crv", "\"P-384\"", -EBADMSG},
		{"ES256", "crv", "\"secp256k1\"", -ENOTSUP},
		{"ES256", "crv", "\"Ed25519\"", -ENOTSUP},
		{"ES256", "x", NULL, -EBADMSG},
		{"ES256", "y", NULL, -EBADMSG},
		{"ES256", "x", "\"AQAB\"", -EBADMSG},
		/* a point that is not on the curve, and coordinates past p: x = p, which is 0 modulo p */
		{"ES256", "x", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"", -EBADMSG},
		{"ES256", "x", "\"_____wAAAAEAAAAAAAAAAAAAAAD_______________8\"", -EBADMSG},
		{"ES256", "alg", "\"ES384\"", -EBADMSG},
		{"ES256", "alg", "\"RS256\"", -EBADMSG},
		{"EdDSA", "crv", "\"X25519\"", -ENOTSUP},
		{"EdDSA", "crv", "\"Ed448\"", -ENOTSUP},
		{"EdDSA", "crv", "\"P-256\"", -ENOTSUP},
		{"EdDSA", "alg", "\"ES256\"", -EBADMSG},
		{"EdDSA", "x", "\"AQAB\"", -EBADMSG},
		/* the neutral element, a point of order 8, one that is not canonical, and none at all */
		{"EdDSA", "x", "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", -EBADMSG},
		{"EdDSA", "x", "\"xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o\"", -EBADMSG},
		{"EdDSA", "x", "\"7v_______________________________________38\"", -EBADMSG},
		{"EdDSA", "x", "\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *jwk = forge_jwk(forge_key(cases[i].kind));
		struct why why = {""};
		int err;

		if (cases[i].value)
			json_object_set_new(jwk, cases[i].member,
					    json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(jwk, cases[i].member);
		err = parse(jwk, &why);
		if (err != cases[i].err || (err && !why.text[0]))
			fail_msg("%s %s=%s: %d \"%s\"", cases[i].kind, cases[i].member, cases[i].value, err,
				 why.text);
	}
	assert_int_equal(parse(NULL, NULL), -EBADMSG);
}

/* The last character of a good coordinate carries bits that must be zero. */
static void not_canonical(void **state)
{
	json_auto_t *jwk = forge_jwk(forge_key("ES256"));
	char x[64];

	(void)state;
	snprintf(x, sizeof(x), "%s", json_string_value(json_object_get(jwk, "x")));
	assert_int_equal(strlen(x), 43);
	x[42]++;
	json_object_set_new(jwk, "x", json_string(x));
	assert_int_equal(parse(jwk, NULL), -EBADMSG);
}

static void rsa_sizes(void **state)
{
	static const struct {
		unsigned bits;
		int err;
	} cases[] = {{1024, -ENOTSUP}, {2047, -ENOTSUP}, {2048, 0}, {3072, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_PKEY *made = forge_new_key("RS256", cases[i].bits);
		json_auto_t *jwk = forge_jwk(made);

		assert_int_equal(parse(jwk, NULL), cases[i].err);
		EVP_PKEY_free(made);
	}
}

/* The largest modulus and one bit past it: making such keys takes minutes, and any odd number is a modulus
 * here. */
static void rsa_largest(void **state)
{
	json_auto_t *jwk = forge_jwk(forge_key("RS256"));
	char n[1400];

	(void)state;
	memset(n, '_', 1366); /* 1024 bytes: 1365 characters of ones, and two bits of four */
	n[1365] = 'w', n[1366] = '\0';
	json_object_set_new(jwk, "n", json_string(n));
	assert_int_equal(parse(jwk, NULL), 0);
	memset(n, 'A', 1368);
	n[1] = 'Q', n[1366] = 'E', n[1367] = '\0'; /* 1025 bytes, the first and the last of them 1 */
	json_object_set_new(jwk, "n", json_string(n));
	assert_int_equal(parse(jwk, NULL), -ENOTSUP);
}

static int parse_set(const char *text, struct jwk_set *set, struct why *why)
{
	return jwk_set_parse(text, strlen(text), set, why);
}

static json_t *named(const char *kind, const char *kid)
{
	json_t *jwk = forge_jwk(forge_key(kind));

	if (kid)
		json_object_set_new(jwk, "kid", json_string(kid));
	return jwk;
}

static char *set_of(json_t *keys)
{
	json_auto_t *set = json_pack("{s:o}", "keys", keys);

	return json_dumps(set, 0);
}

static void set_finds(void **state)
{
	json_t *keys = json_pack("[o, o, o, {s:s}, {s:s, s:s}]", named("RS256", "a"), named("ES256", "b"),
				 named("EdDSA", NULL), "kty", "future", "kty", "RSA", "use", "enc");
	char *text = set_of(keys);
	struct jwk_set set;

	(void)state;
	assert_int_equal(parse_set(text, &set, NULL), 0);
	assert_int_equal(set.count, 3);
	assert_int_equal(set.skipped, 2);
	assert_int_equal(jwk_set_find(&set, "a")->kind, JWK_RSA);
	assert_int_equal(jwk_set_find(&set, "b")->kind, JWK_P256);
	assert_null(jwk_set_find(&set, "c"));
	assert_null(jwk_set_find(&set, NULL));
	jwk_set_free(&set);
	free(text);
}

static void set_of_one(void **state)
{
	char *text = forge_set(forge_key("ES256"), "only", NULL);
	struct jwk_set set;

	(void)state;
	assert_int_equal(parse_set(text, &set, NULL), 0);
	assert_ptr_equal(jwk_set_find(&set, NULL), &set.keys[0]);
	assert_null(jwk_set_find(&set, "other"));
	jwk_set_free(&set);
	free(text);
}

static void set_refuses(void **state)
{
	struct {
		json_t *keys;
		int err;
		const char *why;
	} cases[] = {
		{json_pack("[o, o]", named("RS256", "a"), named("ES256", "a")), -EBADMSG,
		 "keys[1]: its `kid`"},
		{json_pack("[o, {s:s, s:s}]", named("RS256", "a"), "kty", "oct", "k", "c2VjcmV0"), -EPERM,
		 "keys[1]: a key is published with its private `k`"},
		{json_pack("[{s:s, s:s}]", "kty", "RSA", "n", "AQAB"), -EBADMSG, "keys[0]: no `e`"},
		{json_pack("[i]", 1), -EBADMSG, "keys[0]: a key is not an object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = set_of(cases[i].keys);
		struct jwk_set set = {.count = 77};
		struct why why = {""};

		assert_int_equal(parse_set(text, &set, &why), cases[i].err);
		if (strncmp(why.text, cases[i].why, strlen(cases[i].why)))
			fail_msg("%s", why.text);
		assert_int_equal(set.count, 77);
		free(text);
	}
}

static void set_texts(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"{\"keys\":[]}", 0},
		{"", -EBADMSG},
		{"[]", -EBADMSG},
		{"{}", -EBADMSG},
		{"{\"keys\":{}}", -EBADMSG},
		{"{\"keys\":[]} x", -EBADMSG},
		{"{\"keys\":[],\"keys\":[]}", -EBADMSG},
		{"{\"keys\":[{\"kty\":\"future\",\"kty\":\"RSA\"}]}", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jwk_set set = {0};

		if (parse_set(cases[i].text, &set, NULL) != cases[i].err)
			fail_msg("%s", cases[i].text);
		assert_null(jwk_set_find(&set, NULL));
		jwk_set_free(&set);
	}
}

static void set_limits(void **state)
{
	char *text = malloc(JWK_SET_TEXT_MAX + 2);
	struct jwk_set set;

	(void)state;
	memset(text, ' ', JWK_SET_TEXT_MAX + 1);
	memcpy(text, "{\"keys\":[]}", 11);
	assert_int_equal(jwk_set_parse(text, JWK_SET_TEXT_MAX, &set, NULL), 0);
	jwk_set_free(&set);
	assert_int_equal(jwk_set_parse(text, JWK_SET_TEXT_MAX + 1, &set, NULL), -EMSGSIZE);
	free(text);
	for (size_t n = JWK_SET_KEYS_MAX; n <= JWK_SET_KEYS_MAX + 1; n++) {
		json_t *keys = json_array();

		for (size_t i = 0; i < n; i++)
			json_array_append_new(keys, named("EdDSA", NULL));
		text = set_of(keys);
		assert_int_equal(parse_set(text, &set, NULL), n > JWK_SET_KEYS_MAX ? -EMSGSIZE : 0);
		if (n <= JWK_SET_KEYS_MAX)
			jwk_set_free(&set);
		free(text);
	}
}

static void long_kid(void **state)
{
	(void)state;
	for (size_t len = JWK_KID_MAX; len <= JWK_KID_MAX + 1; len++) {
		char kid[JWK_KID_MAX + 2] = "";
		json_auto_t *jwk = NULL;

		memset(kid, 'k', len);
		jwk = named("EdDSA", kid);
		assert_int_equal(parse(jwk, NULL), len > JWK_KID_MAX ? -EBADMSG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind), cmocka_unit_test(changed),     cmocka_unit_test(not_canonical),
		cmocka_unit_test(rsa_sizes),  cmocka_unit_test(rsa_largest), cmocka_unit_test(set_finds),
		cmocka_unit_test(set_of_one), cmocka_unit_test(set_refuses), cmocka_unit_test(set_texts),
		cmocka_unit_test(set_limits), cmocka_unit_test(long_kid),
	};

	return cmocka_run_group_tests(tests, NULL, forge_teardown);
}
