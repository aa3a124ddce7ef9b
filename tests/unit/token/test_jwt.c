/* SPDX-License-Identifier: Apache-2.0 */
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

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
	assert_int_equal(jwt_sign(key, "JWT", NULL, &text), -EINVAL);
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
	static const struct {
		const char *claims;
		int err;
		int64_t seconds;
	} cases[] = {
		{"{\"exp\":0}", 0, 0},
		{"{\"exp\":2000000}", 0, 2000000},
		{"{\"exp\":253402300799}", 0, JWT_TIME_MAX},
		{"{\"exp\":253402300800}", -EBADMSG, 7},
		{"{\"exp\":-1}", -EBADMSG, 7},
		{"{\"exp\":2000000.0}", -EBADMSG, 7},
		{"{\"exp\":2e6}", -EBADMSG, 7},
		{"{\"exp\":\"2000000\"}", -EBADMSG, 7},
		{"{\"exp\":true}", -EBADMSG, 7},
		{"{\"nbf\":0}", -EBADMSG, 7},
		{"[0]", -EBADMSG, 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *claims = json_loads(cases[i].claims, 0, NULL);
		int64_t t = 7;

		if (jwt_time(claims, "exp", &t) != cases[i].err || t != cases[i].seconds)
			fail_msg("%s", cases[i].claims);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(types),
		cmocka_unit_test(names),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests_name("jwt", tests, keys_setup, keys_teardown);
}
