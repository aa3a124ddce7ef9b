/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/base64url.h"
#include "token/token.h"
#include "vectors.h"

#define NOW 1000000

static struct secret_key *key, *other;

static int setup(void **state)
{
	unsigned char seed[KEY_SEED_BYTES] = {1};

	(void)state;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	seed[0] = 2;
	return key_from_seed(seed, &other);
}

static int teardown(void **state)
{
	(void)state;
	key_free(key);
	key_free(other);
	return 0;
}

static int verify(const char *text, json_t **claims)
{
	return token_verify(key_public(key), text, strlen(text), NOW, claims);
}

/* ---- our own tokens ---- */

static void round_trip(void **state)
{
	json_auto_t *claims = json_pack("{s:i, s:i, s:s}", "nbf", NOW, "exp", NOW + 1, "jti", "g2345");
	json_auto_t *got = NULL;
	char *text;

	(void)state;
	assert_int_equal(token_sign(key, claims, &text), 0);
	assert_int_equal(verify(text, &got), 0);
	assert_true(json_equal(claims, got));
	free(text);
}

static void times(void **state)
{
	static const struct {
		int64_t now;
		int err;
	} cases[] = {{99, -EAGAIN}, {100, 0}, {199, 0}, {200, -EKEYEXPIRED}, {INT64_MAX, -EKEYEXPIRED},
		     {-1, -EAGAIN}};
	json_auto_t *claims = json_pack("{s:i, s:i}", "nbf", 100, "exp", 200);
	char *text;

	(void)state;
	assert_int_equal(token_sign(key, claims, &text), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *got = NULL;

		assert_int_equal(token_verify(key_public(key), text, strlen(text), cases[i].now, &got),
				 cases[i].err);
	}
	free(text);
}

static void other_key(void **state)
{
	json_auto_t *claims = json_pack("{s:i, s:i}", "nbf", 0, "exp", NOW + 1);
	json_t *got = NULL;
	char *text;

	(void)state;
	assert_int_equal(token_sign(other, claims, &text), 0);
	assert_int_equal(verify(text, &got), -ENOKEY);
	assert_null(got);
	free(text);
}

/* Every single-character change of a good token must be refused. */
static void bit_flips(void **state)
{
	json_auto_t *claims = json_pack("{s:i, s:i}", "nbf", 0, "exp", NOW + 1);
	json_t *got = NULL;
	size_t refused = 0;
	char *text;

	(void)state;
	assert_int_equal(token_sign(key, claims, &text), 0);
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];

		for (const char *c = "Ab3-_.= \x80"; *c; c++) {
			if (*c == was)
				continue;
			text[i] = *c;
			if (verify(text, &got) == 0)
				fail_msg("character %zu of %zu: '%c' for '%c'", i, strlen(text), *c, was);
			refused++;
		}
		text[i] = was;
	}
	print_message("# %zu changed tokens refused\n", refused);
	assert_int_equal(verify(text, &got), 0);
	json_decref(got);
	free(text);
}

/* ---- forged forms, properly signed so that only the form is wrong ---- */

static const char good_payload[] = "{\"exp\":2000000,\"nbf\":0}";

static void headers(void **state)
{
	static const struct {
		const char *header; /* %s is the right kid */
		int err;
	} cases[] = {
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", 0},
		{" {\"typ\":\"JWT\", \"kid\":\"%s\", \"alg\":\"EdDSA\"} ", 0},
		{"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"eddsa\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"Ed25519\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":1,\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":[\"EdDSA\"],\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":null,\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"\",\"typ\":\"JWT\"}", -ENOKEY},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%sx\",\"typ\":\"JWT\"}", -ENOKEY},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[]}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"b64\":false}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"jwk\":{}}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"jku\":\"http://x\"}", -EBADMSG},
		{"{\"alg\":\"none\",\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"\\u0061lg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\\u0000\",\"kid\":\"%s\",\"typ\":\"JWT\"}", -EBADMSG},
		{"[\"alg\",\"kid\",\"typ\"]", -EBADMSG},
		{"\"%s\"", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\",\"x\":\"\xff\"}", -EBADMSG},
		{"", -EBADMSG},
		{"null", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char header[512], *text;
		json_auto_t *got = NULL;
		int err;

		snprintf(header, sizeof(header), cases[i].header, key_public(key)->kid);
		assert_int_equal(
			jws_sign(key, header, strlen(header), good_payload, strlen(good_payload), &text), 0);
		err = verify(text, &got);
		if (err != cases[i].err)
			fail_msg("%s: %d and not %d", header, err, cases[i].err);
		free(text);
	}
}

static void payloads(void **state)
{
	static const struct {
		const char *payload;
		int err;
	} cases[] = {
		{"{\"exp\":2000000,\"nbf\":0}", 0},
		{"{\"exp\":253402300799,\"nbf\":0}", 0},
		{"{\"exp\":253402300800,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":99999999999999999999,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":2000000.0,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":2e6,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":\"2000000\",\"nbf\":0}", -EBADMSG},
		{"{\"exp\":true,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":2000000,\"nbf\":-1}", -EBADMSG},
		{"{\"exp\":2000000,\"nbf\":2000000}", -EBADMSG},
		{"{\"exp\":2000000}", -EBADMSG},
		{"{\"nbf\":0}", -EBADMSG},
		{"{\"exp\":1,\"exp\":2000000,\"nbf\":0}", -EBADMSG},
		{"{\"exp\":2000000,\"nbf\":0,\"a\":{\"b\":1,\"b\":2}}", -EBADMSG},
		{"{\"exp\":2000000,\"nbf\":0} x", -EBADMSG},
		{"[{\"exp\":2000000,\"nbf\":0}]", -EBADMSG},
		{"", -EBADMSG},
		{"{}", -EBADMSG},
	};
	char header[128];

	(void)state;
	snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		 key_public(key)->kid);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *got = NULL;
		char *text;
		int err;

		assert_int_equal(jws_sign(key, header, strlen(header), cases[i].payload,
					  strlen(cases[i].payload), &text),
				 0);
		err = verify(text, &got);
		if (err != cases[i].err)
			fail_msg("%s: %d and not %d", cases[i].payload, err, cases[i].err);
		free(text);
	}
}

/* ---- forms that are not three parts of canonical base64url ---- */

static void shapes(void **state)
{
	json_auto_t *claims = json_pack("{s:i, s:i}", "nbf", 0, "exp", NOW + 1);
	char *good, h[256], p[256], s[256], bad[1024];
	json_t *got = NULL;

	(void)state;
	assert_int_equal(token_sign(key, claims, &good), 0);
	assert_int_equal(sscanf(good, "%255[^.].%255[^.].%255s", h, p, s), 3);
	const char *const forms[][7] = {
		{h, ".", p},
		{h, p, s},
		{h, ".", p, "."},
		{h, ".", p, ".", s, "."},
		{h, ".", p, ".", s, ".", s},
		{".", p, ".", s},
		{".", s},
		{".."},
		{"."},
		{""},
		{h, "=.", p, ".", s},
		{h, ".", p, "=.", s},
		{h, ".", p, ".", s, "="},
		{h, ".", p, ".", s, "\n"},
		{" ", h, ".", p, ".", s},
		{h, ". ", p, ".", s},
		{h, ".", p, ".", s, "AA"},
		{h, ".", p, ".", s, "A"},
		{h, "..", p, ".", s},
		{h, "A.", p, ".", s},
		{s, ".", p, ".", s},
		{p, ".", h, ".", s},
		{good, ".", good},
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*bad = '\0';
		for (size_t k = 0; k < 7 && forms[i][k]; k++)
			strcat(bad, forms[i][k]);
		if (verify(bad, &got) != -EBADMSG)
			fail_msg("form %zu: %s", i, bad);
	}
	/* A NUL is a character like any other outside the alphabet. */
	assert_int_equal(token_verify(key_public(key), good, strlen(good) + 1, NOW, &got), -EBADMSG);
	free(good);
}

/* Different last characters that decode to the same 64 bytes: only one of them is the signature. */
static void trailing_bits(void **state)
{
	json_auto_t *claims = json_pack("{s:i, s:i}", "nbf", 0, "exp", NOW + 1);
	json_t *got = NULL;
	size_t last, good = 0;
	char *text;

	(void)state;
	assert_int_equal(token_sign(key, claims, &text), 0);
	last = strlen(text) - 1;
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; *c; c++) {
		text[last] = *c;
		if (verify(text, &got) == 0) {
			good++;
			json_decref(got);
		}
	}
	assert_int_equal(good, 1);
	free(text);
}

static void size_limit(void **state)
{
	/* header, dots and signature take a fixed part; the payload fills up to exactly TOKEN_MAX */
	size_t fixed =
		BASE64URL_LEN(strlen("{\"alg\":\"EdDSA\",\"kid\":\"\",\"typ\":\"JWT\"}") + KID_BYTES - 1) +
		BASE64URL_LEN(KEY_SIGN_BYTES) + 2;
	size_t room =
		(TOKEN_MAX - fixed) / 4 * 3 + ((TOKEN_MAX - fixed) % 4 ? (TOKEN_MAX - fixed) % 4 - 1 : 0);
	size_t frame = strlen("{\"exp\":2000000,\"nbf\":0,\"x\":\"\"}");
	char *pad = malloc(room + 2), *text;
	json_auto_t *got = NULL;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		json_auto_t *claims = NULL;
		size_t n = room - frame + extra;

		memset(pad, 'x', n);
		pad[n] = '\0';
		claims = json_pack("{s:i, s:i, s:s}", "exp", 2000000, "nbf", 0, "x", pad);
		assert_int_equal(token_sign(key, claims, &text), extra ? -EMSGSIZE : 0);
	}
	assert_int_equal(strlen(text), TOKEN_MAX);
	assert_int_equal(verify(text, &got), 0);
	text = realloc(text, TOKEN_MAX + 2);
	strcat(text, "A");
	assert_int_equal(token_verify(key_public(key), text, TOKEN_MAX + 1, NOW, &got), -EMSGSIZE);
	free(text);
	free(pad);
}

static void sign_refuses(void **state)
{
	json_auto_t *no_exp = json_pack("{s:i}", "nbf", 0);
	json_auto_t *array = json_array();
	char *text;

	(void)state;
	assert_int_equal(token_sign(key, no_exp, &text), -EINVAL);
	assert_int_equal(token_sign(key, array, &text), -EINVAL);
	assert_int_equal(token_sign(key, NULL, &text), -EINVAL);
}

/* ---- RFC 8037 appendix A.4, as published ---- */

static void rfc8037(void **state)
{
	json_auto_t *v = vectors_load("jose-cookbook/curve25519/jws.json");
	const char *d, *payload, *compact;
	struct secret_key *k;
	unsigned char seed[KEY_SEED_BYTES];
	struct jws jws;
	char *text;
	size_t n;

	(void)state;
	if (!v)
		skip();
	assert_int_equal(json_unpack(v, "{s:{s:s, s:{s:s}}, s:{s:s}}", "input", "payload", &payload, "key",
				     "d", &d, "output", "compact", &compact),
			 0);
	assert_int_equal(base64url_decode(d, strlen(d), seed, sizeof(seed), &n), 0);
	assert_int_equal(key_from_seed(seed, &k), 0);
	assert_int_equal(jws_sign(k, "{\"alg\":\"EdDSA\"}", 15, payload, strlen(payload), &text), 0);
	assert_string_equal(text, compact);
	assert_int_equal(jws_split(text, strlen(text), &jws), 0);
	assert_int_equal(jws.payload_len, strlen(payload));
	assert_memory_equal(jws.payload, payload, jws.payload_len);
	assert_int_equal(key_verify(key_public(k), text, jws.signed_len, jws.signature), 0);
	print_message("# RFC 8037: 1 case\n");
	jws_free(&jws);
	free(text);
	key_free(k);
}

/* Other algorithms' published signatures are none of ours, whatever their form. */
static void other_algorithms(void **state)
{
	static const char *const files[] = {
		"jose-cookbook/jws/4_1.rsa_v15_signature.json",
		"jose-cookbook/jws/4_2.rsa-pss_signature.json",
		"jose-cookbook/jws/4_3.ecdsa_signature.json",
		"jose-cookbook/jws/4_4.hmac-sha2_integrity_protection.json",
		"jose-cookbook/jws/4_5.signature_with_detached_content.json",
		"jose-cookbook/curve25519/jws.json",
	};
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		json_auto_t *v = vectors_load(files[i]);
		const char *compact =
			json_string_value(json_object_get(json_object_get(v, "output"), "compact"));
		json_t *got = NULL;

		if (!compact)
			continue;
		ran++;
		assert_int_equal(verify(compact, &got), -EBADMSG);
	}
	print_message("# JOSE cookbook: %zu cases refused\n", ran);
	if (!ran)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(times),
		cmocka_unit_test(other_key),  cmocka_unit_test(bit_flips),
		cmocka_unit_test(headers),    cmocka_unit_test(payloads),
		cmocka_unit_test(shapes),     cmocka_unit_test(trailing_bits),
		cmocka_unit_test(size_limit), cmocka_unit_test(sign_refuses),
		cmocka_unit_test(rfc8037),    cmocka_unit_test(other_algorithms),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
