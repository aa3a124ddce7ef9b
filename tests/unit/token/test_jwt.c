/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"
#include "token/jwt.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

static int verify(const char *typ, const char *text, json_t **claims)
{
	return jwt_verify(key_public(key), typ, text, strlen(text), claims);
}

static void round_trip(void **state)
{
	json_auto_t *claims = json_pack("{s:s, s:i, s:{s:[i]}}", "iss", "https://h", "iat", 5, "x", "y", 1);
	json_auto_t *got = NULL;
	json_t *none = NULL;
	char *text;

	(void)state;
	assert_int_equal(jwt_sign(key, "secevent+jwt", claims, &text), 0);
	assert_int_equal(verify("secevent+jwt", text, &got), 0);
	assert_true(json_equal(claims, got));
	/* never one type for another, or one key's for another's */
	assert_int_equal(verify("JWT", text, &none), -EBADMSG);
	assert_int_equal(verify("secevent+jw", text, &none), -EBADMSG);
	assert_int_equal(jwt_verify(key_public(other), "secevent+jwt", text, strlen(text), &none), -ENOKEY);
	text[strlen(text) - 3] ^= 1;
	assert_int_equal(verify("secevent+jwt", text, &none), -EKEYREJECTED);
	assert_null(none);
	free(text);
}

static void types(void **state)
{
	static const struct {
		const char *typ;
		int err;
	} cases[] = {
		{"JWT", 0},
		{"at+jwt", 0},
		{"txntoken+jwt", 0},
		{"statuslist+jwt", 0},
		{"a123456789012345678901234567890123456789012345678901234567890123", 0},
		{"a1234567890123456789012345678901234567890123456789012345678901234", -EINVAL},
		{"", -EINVAL},
		{"a b", -EINVAL},
		{"a\"b", -EINVAL},
		{"a\\b", -EINVAL},
		{"a/b", -EINVAL},
		{"\xc3\xa4", -EINVAL},
	};
	json_auto_t *claims = json_object(), *list = json_array();
	char *text;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *got = NULL;

		text = NULL;
		if (jwt_sign(key, cases[i].typ, claims, &text) != cases[i].err)
			fail_msg("\"%s\"", cases[i].typ);
		if (text)
			assert_int_equal(verify(cases[i].typ, text, &got), 0);
		free(text);
	}
	assert_int_equal(jwt_sign(key, "JWT", list, &text), -EINVAL);
}

/* Signed well, so that only the form is wrong. */
static void forms(void **state)
{
	static const struct {
		const char *header, *payload;
		int err;
	} cases[] = {
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t\"}", "{}", 0},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t\"}", "[]", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t\"}", "{\"a\":1,\"a\":1}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t\"}", "", -EBADMSG},
		{"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"t\"}", "{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", "{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"t\",\"crit\":[]}", "{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"kid\":\"%s\",\"typ\":\"t\"}", "{}", -EBADMSG},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%sx\",\"typ\":\"t\"}", "{}", -ENOKEY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *kid = key_public(key)->kid;
		json_auto_t *got = NULL;
		char *header, *text;

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
		assert_true(asprintf(&header, cases[i].header, kid, kid) > 0);
		assert_int_equal(jws_sign(key, header, strlen(header), cases[i].payload,
					  strlen(cases[i].payload), &text),
				 0);
		if (verify("t", text, &got) != cases[i].err)
			fail_msg("%s %s", header, cases[i].payload);
		free(header);
		free(text);
	}
}

static void names(void **state)
{
	static const struct {
		const char *header;
		int err;
	} cases[] = {
		{"{\"kid\":\"k\",\"typ\":\"t\"}", 0},
		{"{\"alg\":\"none\",\"typ\":\"t\",\"kid\":\"k\"}", 0},
		{"{\"kid\":\"k\"}", -EBADMSG},
		{"{\"typ\":\"t\"}", -EBADMSG},
		{"{\"kid\":1,\"typ\":\"t\"}", -EBADMSG},
		{"{\"kid\":\"k\",\"typ\":null}", -EBADMSG},
		{"{\"kid\":\"k\",\"typ\":\"t\",\"typ\":\"t\"}", -EBADMSG},
		{"[]", -EBADMSG},
		{"", -EBADMSG},
	};
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1], text[2048], header[1100];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = base64url_encode(cases[i].header, strlen(cases[i].header), text);

		strcpy(text + n, ".e30.");
		if (jwt_names(text, kid, typ) != cases[i].err)
			fail_msg("%s", cases[i].header);
	}
	/* at the limits and past them */
	for (int more = 0; more < 2; more++) {
		int n = snprintf(header, sizeof(header), "{\"kid\":\"%0*d\",\"typ\":\"t\"}",
				 (int)JWT_TYPE_MAX + more, 0);

		base64url_encode(header, (size_t)n, text);
		assert_int_equal(jwt_names(text, kid, typ), more ? -EBADMSG : 0);
		n = snprintf(header, sizeof(header), "{\"kid\":\"k\",\"typ\":\"t\"}%*s", 1003 + more, "");
		assert_int_equal(n, 1024 + more);
		base64url_encode(header, (size_t)n, text);
		assert_int_equal(jwt_names(text, kid, typ), more ? -EBADMSG : 0);
	}
	assert_int_equal(jwt_names("~", kid, typ), -EBADMSG);
}

static void times(void **state)
{
	json_auto_t *claims =
		json_pack("{s:i, s:I, s:i, s:I, s:f, s:s}", "zero", 0, "last", (json_int_t)JWT_TIME_MAX,
			  "before", -1, "after", (json_int_t)JWT_TIME_MAX + 1, "real", 1.0, "text", "1");
	int64_t t = 7;

	(void)state;
	assert_int_equal(jwt_time(claims, "before", &t), -EBADMSG);
	assert_int_equal(jwt_time(claims, "after", &t), -EBADMSG);
	assert_int_equal(jwt_time(claims, "real", &t), -EBADMSG);
	assert_int_equal(jwt_time(claims, "text", &t), -EBADMSG);
	assert_int_equal(jwt_time(claims, "none", &t), -EBADMSG);
	assert_int_equal(t, 7);
	assert_int_equal(jwt_time(claims, "zero", &t), 0);
	assert_int_equal(t, 0);
	assert_int_equal(jwt_time(claims, "last", &t), 0);
	assert_true(t == JWT_TIME_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(types), cmocka_unit_test(forms),
		cmocka_unit_test(names),      cmocka_unit_test(times),
	};

	return cmocka_run_group_tests_name("jwt", tests, setup, teardown);
}
