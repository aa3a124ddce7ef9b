/* SPDX-License-Identifier: Apache-2.0 */
/* Published JWKs and JWS against jwk_parse() and jws_verify(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "proof/jws_verify.h"
#include "token/vectors.h"

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The public part of a published private key. */
static json_t *public_of(const json_t *jwk)
{
	static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth"};
	json_t *copy = json_deep_copy(jwk);

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		json_object_del(copy, secret[i]);
	return copy;
}

static int verify_text(const json_t *jwk, const char *text)
{
	struct jws_open jws;
	struct jwk key;
	int err = jwk_parse(jwk, &key, NULL);

	if (err)
		return err;
	err = jws_open(text, strlen(text), false, &jws, NULL);
	if (!err) {
		err = jws_verify(&jws, &key, NULL);
		jws_open_free(&jws);
	}
	jwk_free(&key);
	return err;
}

/* As the broker does it: a set, and the key that the header means. */
static int verify_in_set(const json_t *keys, const char *text)
{
	char *set_text = json_dumps(keys, 0);
	const struct jwk *key;
	struct jws_open jws;
	struct jwk_set set;
	int err = jwk_set_parse(set_text, strlen(set_text), &set, NULL);

	free(set_text);
	if (err)
		return err;
	err = jws_open(text, strlen(text), false, &jws, NULL);
	if (!err) {
		key = jwk_set_find(&set, jws.kid);
		err = key ? jws_verify(&jws, key, NULL) : -ENOKEY;
		jws_open_free(&jws);
	}
	jwk_set_free(&set);
	return err;
}

/* ---- the cookbook ---- */

static void cookbook_jws(void **state)
{
	static const struct {
		const char *file;
		int err;
	} cases[] = {
		{"jose-cookbook/jws/4_1.rsa_v15_signature.json", 0},
		{"jose-cookbook/jws/4_2.rsa-pss_signature.json", 0},
		{"jose-cookbook/jws/4_3.ecdsa_signature.json", 0},
		{"jose-cookbook/curve25519/jws.json", 0},
		{"jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json", -ENOTSUP},
		{"jose-cookbook/jws/4_5.signature_with_detached_content.json", -ENOTSUP}, /* HS256 too */
		{"jose-cookbook/rfc7797/hmac-sha2_b64_false.json", -EBADMSG},
		{"jose-cookbook/rfc7797/4.2.hmac-sha2_b64_false.json", -EBADMSG},
	};
	/* The symmetric ones have no key for us: with any at all the text is refused first. */
	json_auto_t *any = json_pack("{s:s, s:s, s:s}", "kty", "OKP", "crv", "Ed25519", "x",
				     "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *v = vectors_load(cases[i].file);
		json_auto_t *jwk = v ? public_of(json_object_get(json_object_get(v, "input"), "key")) : NULL;
		const json_t *output = json_object_get(v, "output");
		const char *text = text_of(output, "compact") ?: text_of(output, "compact_detached");

		if (!v)
			continue;
		if (!text) {
			print_message("# SKIP: %s has no compact serialization\n", cases[i].file);
			continue;
		}
		ran++;
		if (verify_text(json_object_get(jwk, "k") ? any : jwk, text) != cases[i].err)
			fail_msg("%s: %d", cases[i].file,
				 verify_text(json_object_get(jwk, "k") ? any : jwk, text));
	}
	print_message("# cookbook: %zu of %zu JWS as they should be\n", ran,
		      sizeof(cases) / sizeof(cases[0]));
	if (ran)
		return;
	json_decref(any);
	any = NULL; /* skip() jumps past the cleanup */
	skip();
}

static void cookbook_jwk(void **state)
{
	static const struct {
		const char *file;
		int err;
	} cases[] = {
		{"jose-cookbook/jwk/3_1.ec_public_key.json", 0},
		{"jose-cookbook/jwk/3_2.ec_private_key.json", -EPERM},
		{"jose-cookbook/jwk/3_3.rsa_public_key.json", 0},
		{"jose-cookbook/jwk/3_4.rsa_private_key.json", -EPERM},
		{"jose-cookbook/jwk/3_5.symmetric_key_mac_computation.json", -EPERM},
		{"jose-cookbook/jwk/3_6.symmetric_key_encryption.json", -EPERM},
	};
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *v = vectors_load(cases[i].file);
		struct jwk key = {0};

		if (!v)
			continue;
		ran++;
		if (jwk_parse(v, &key, NULL) != cases[i].err)
			fail_msg("%s", cases[i].file);
		jwk_free(&key);
	}
	print_message("# cookbook: %zu JWKs\n", ran);
	if (!ran)
		skip();
}

/* RFC 7638 section 3.1, RFC 8037 appendix A.3. */
static void thumbprints(void **state)
{
	static const struct {
		const char *jwk, *thumbprint;
	} cases[] = {
		{"{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a"
		 "PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65"
		 "YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4v"
		 "MQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\","
		 "\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}",
		 "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		 "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *v = json_loads(cases[i].jwk, 0, NULL);
		struct jwk key = {0};

		assert_int_equal(jwk_parse(v, &key, NULL), 0);
		assert_string_equal(key.thumbprint, cases[i].thumbprint);
		jwk_free(&key);
	}
}

/* ---- wycheproof ---- */

/* All the keys are secrets for MACs, which we have no use for. */
static bool is_symmetric(const json_t *key)
{
	const json_t *keys = json_object_get(key, "keys"), *k;
	size_t i;

	json_array_foreach (keys, i, k)
		if (!is_symmetric(k))
			return false;
	return keys || json_object_get(key, "k");
}

struct count {
	size_t ran, valid, refused, symmetric, other_alg, skipped;
};

/*
 * Four valid cases (RFC 7520's figures 20 and 27) come with a key whose `alg` is not the header's: PS256 for
 * PS384, and ES521, which there is not. RFC 7517 section 4.4 has the key say what it is for, so they are
 * refused here and good without that member.
 */
static bool is_other_alg(const json_t *key, const char *text)
{
	json_auto_t *copy = json_deep_copy(key);

	return json_object_del(copy, "alg") == 0 && verify_text(copy, text) == 0;
}

static void count_case(const json_t *key, const json_t *test, struct count *c)
{
	const char *text = text_of(test, "jws");
	bool valid = strcmp(text_of(test, "result"), "invalid") != 0;
	int err;

	if (!text) { /* encryption, or JSON serialization */
		c->skipped++;
		return;
	}
	err = json_object_get(key, "keys") ? verify_in_set(key, text) : verify_text(key, text);
	if (err && valid && is_symmetric(key)) {
		c->symmetric++;
		return;
	}
	if (err && valid && is_other_alg(key, text)) {
		c->other_alg++;
		return;
	}
	c->ran++;
	c->valid += valid;
	c->refused += !!err;
	if (valid == !!err)
		fail_msg("tcId %lld (%s): %d", json_integer_value(json_object_get(test, "tcId")),
			 text_of(test, "comment"), err);
}

static void wycheproof_file(const char *file)
{
	json_auto_t *v = vectors_load(file);
	const json_t *group, *test;
	struct count c = {0};
	size_t g, t;

	if (!v)
		skip();
	json_array_foreach (json_object_get(v, "testGroups"), g, group) {
		const json_t *key = json_object_get(group, "public") ?: json_object_get(group, "private");

		json_array_foreach (json_object_get(group, "tests"), t, test)
			count_case(key, test, &c);
	}
	print_message(
		"# %s: %zu ran: %zu valid, %zu refused; on purpose refused: %zu symmetric, %zu with a key "
		"for another alg; skipped: %zu no JWS\n",
		file, c.ran, c.valid, c.refused, c.symmetric, c.other_alg, c.skipped);
	assert_true(c.other_alg <= 4);
	assert_int_equal(c.ran + c.symmetric + c.other_alg + c.skipped,
			 json_integer_value(json_object_get(v, "numberOfTests")));
}

static void wycheproof_jws(void **state)
{
	(void)state;
	wycheproof_file("wycheproof/json_web_signature_test.json");
}

static void wycheproof_jwk(void **state)
{
	(void)state;
	wycheproof_file("wycheproof/json_web_key_test.json");
}

static void wycheproof_crypto(void **state)
{
	(void)state;
	wycheproof_file("wycheproof/json_web_crypto_test.json");
}

static size_t unhex(const char *hex, unsigned char *bytes, size_t room)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(bytes, room, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static void wycheproof_ed25519(void **state)
{
	json_auto_t *v = vectors_load("wycheproof/ed25519_test.json");
	const json_t *group, *test;
	size_t g, t, ran = 0;

	(void)state;
	if (!v)
		skip();
	json_array_foreach (json_object_get(v, "testGroups"), g, group) {
		json_auto_t *jwk = json_deep_copy(json_object_get(group, "publicKeyJwk"));
		struct jwk key;

		assert_int_equal(jwk_parse(jwk, &key, NULL), 0);
		json_array_foreach (json_object_get(group, "tests"), t, test) {
			unsigned char msg[4096], sig[4096];
			size_t msg_len = unhex(text_of(test, "msg"), msg, sizeof(msg));
			size_t sig_len = unhex(text_of(test, "sig"), sig, sizeof(sig));
			bool valid = strcmp(text_of(test, "result"), "valid") == 0;

			ran++;
			if (jws_verify_raw(jws_alg_find("EdDSA"), key.pkey, msg, msg_len, sig, sig_len) !=
			    valid)
				fail_msg("tcId %lld", json_integer_value(json_object_get(test, "tcId")));
		}
		jwk_free(&key);
	}
	print_message("# wycheproof: %zu Ed25519 cases by OpenSSL\n", ran);
	assert_int_equal(ran, json_integer_value(json_object_get(v, "numberOfTests")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookbook_jws),	      cmocka_unit_test(cookbook_jwk),
		cmocka_unit_test(thumbprints),	      cmocka_unit_test(wycheproof_jws),
		cmocka_unit_test(wycheproof_jwk),     cmocka_unit_test(wycheproof_crypto),
		cmocka_unit_test(wycheproof_ed25519),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
