/* SPDX-License-Identifier: Apache-2.0 */
/* What jwt_verify() must not take: forged, changed, of another form or of another algorithm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "token/base64url.h"
#include "token/jwt.h"
#include "vectors.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TYPE	 "t+jwt"

static int verify(const char *text, json_t **claims)
{
	return jwt_verify(key_public(key), TYPE, text, strlen(text), claims);
}

static char *good(void)
{
	json_auto_t *claims = json_pack("{s:s}", "jti", "g2345");
	char *text;

	assert_int_equal(jwt_sign(key, TYPE, claims, &text), 0);
	return text;
}

/* Every single-character change of a good token must be refused. */
static void bit_flips(void **state)
{
	json_t *got = NULL;
	size_t refused = 0;
	char *text = good();

	(void)state;
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

/* HEADER.PAYLOAD, well signed, to be freed; %s in the header is the right kid. */
static char *forge(const char *header, const char *payload)
{
	const char *kid = key_public(key)->kid;
	char *head, *text;

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
	assert_true(asprintf(&head, header, kid, kid) >= 0);
	assert_int_equal(jws_sign(key, head, strlen(head), payload, strlen(payload), &text), 0);
	free(head);
	return text;
}

static void expect(const char *header, const char *payload, int err)
{
	char *text = forge(header, payload);
	json_auto_t *got = NULL;
	int was = verify(text, &got);

	if (was != err || !got != !!err)
		fail_msg("%s.%s: %d and not %d", header, payload, was, err);
	free(text);
}

static void headers(void **state)
{
	static const struct {
		const char *header;
		int err;
	} cases[] = {
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", 0},
		{" {\"typ\":\"t+jwt\", \"kid\":\"%s\", \"alg\":\"EdDSA\"} ", 0},
		{"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"eddsa\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"Ed25519\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":1,\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":[\"EdDSA\"],\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"T+JWT\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":null,\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"\",\"typ\":\"t+jwt\"}", -ENOKEY},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%sx\",\"typ\":\"t+jwt\"}", -ENOKEY},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"crit\":[\"exp\"]}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"crit\":[]}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"b64\":false}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"jwk\":{}}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"jku\":\"http://x\"}", -EBADMSG},
		{"{\"alg\":\"none\",\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"\\u0061lg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"{\"alg\":\"EdDSA\\u0000\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", -EBADMSG},
		{"[\"alg\",\"kid\",\"typ\"]", -EBADMSG},
		{"\"%s\"", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\",\"x\":\"\xff\"}", -EBADMSG},
		{"", -EBADMSG},
		{"null", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect(cases[i].header, "{}", cases[i].err);
}

static void payloads(void **state)
{
	static const struct {
		const char *payload;
		int err;
	} cases[] = {
		{"{}", 0},
		{" {\"a\":{\"b\":1,\"c\":[2.5,null]}} ", 0},
		{"{\"exp\":99999999999999999999}", -EBADMSG},
		{"{\"exp\":1,\"exp\":2}", -EBADMSG},
		{"{\"a\":{\"b\":1,\"b\":2}}", -EBADMSG},
		{"{} x", -EBADMSG},
		{"{", -EBADMSG},
		{"[{}]", -EBADMSG},
		{"null", -EBADMSG},
		{"{\"a\":\"\xff\"}", -EBADMSG},
		{"", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		expect("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t+jwt\"}", cases[i].payload,
		       cases[i].err);
}

/* ---- forms that are not three parts of canonical base64url ---- */

static void shapes(void **state)
{
	char *whole = good(), h[256], p[256], s[256], bad[1024];
	json_t *got = NULL;

	(void)state;
	assert_int_equal(sscanf(whole, "%255[^.].%255[^.].%255s", h, p, s), 3);
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
		{whole, ".", whole},
	};
	for (size_t i = 0; i < COUNT(forms); i++) {
		*bad = '\0';
		for (size_t k = 0; k < 7 && forms[i][k]; k++)
			strcat(bad, forms[i][k]);
		if (verify(bad, &got) != -EBADMSG)
			fail_msg("form %zu: %s", i, bad);
	}
	/* A NUL is a character like any other outside the alphabet. */
	assert_int_equal(jwt_verify(key_public(key), TYPE, whole, strlen(whole) + 1, &got), -EBADMSG);
	assert_null(got);
	free(whole);
}

/* Different last characters that decode to the same 64 bytes: only one of them is the signature. */
static void trailing_bits(void **state)
{
	json_t *got = NULL;
	size_t taken = 0;
	char *text = good(), *last = text + strlen(text) - 1;

	(void)state;
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; *c; c++) {
		*last = *c;
		if (verify(text, &got) == 0) {
			taken++;
			json_decref(got);
		}
	}
	assert_int_equal(taken, 1);
	free(text);
}

/* Of exactly TOKEN_MAX characters, and one more. */
static void size_limit(void **state)
{
	/* header, dots and signature take a fixed part; the payload fills up what is left */
	size_t fixed = BASE64URL_LEN(strlen("{\"alg\":\"EdDSA\",\"kid\":\"\",\"typ\":\"" TYPE "\"}") +
				     KID_BYTES - 1) +
		       BASE64URL_LEN(KEY_SIGN_BYTES) + 2;
	size_t room =
		(TOKEN_MAX - fixed) / 4 * 3 + ((TOKEN_MAX - fixed) % 4 ? (TOKEN_MAX - fixed) % 4 - 1 : 0);
	size_t frame = strlen("{\"x\":\"\"}");
	char *pad = malloc(room + 2), *text;
	json_auto_t *got = NULL;
	json_t *none = NULL;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		json_auto_t *claims = NULL;
		size_t n = room - frame + extra;

		memset(pad, 'x', n);
		pad[n] = '\0';
		claims = json_pack("{s:s}", "x", pad);
		assert_int_equal(jwt_sign(key, TYPE, claims, &text), extra ? -EMSGSIZE : 0);
	}
	assert_int_equal(strlen(text), TOKEN_MAX);
	assert_int_equal(verify(text, &got), 0);
	text = realloc(text, TOKEN_MAX + 2);
	strcat(text, "A");
	assert_int_equal(verify(text, &none), -EMSGSIZE);
	free(text);
	free(pad);
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
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; vectors_jws[i]; i++) {
		json_auto_t *v = vectors_load(vectors_jws[i]);
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
		cmocka_unit_test(bit_flips), cmocka_unit_test(headers),		 cmocka_unit_test(payloads),
		cmocka_unit_test(shapes),    cmocka_unit_test(trailing_bits),	 cmocka_unit_test(size_limit),
		cmocka_unit_test(rfc8037),   cmocka_unit_test(other_algorithms),
	};

	return cmocka_run_group_tests_name("jwt_forms", tests, keys_setup, keys_teardown);
}
