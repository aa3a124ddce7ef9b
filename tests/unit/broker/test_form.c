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

#include "broker/form.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int decode(const char *body, const char *repeatable, struct form *form, struct form_error *e)
{
	return form_decode(body, strlen(body), repeatable, form, e);
}

static void values(void **state)
{
	static const struct {
		const char *body, *name, *value;
	} cases[] = {
		{"token=abc", "token", "abc"},
		{"token=abc&token_type_hint=access_token", "token_type_hint", "access_token"},
		{"a=1&token=abc&b=2", "token", "abc"},
		{"token=eyJ0.eyJ1.-_~!*'()", "token", "eyJ0.eyJ1.-_~!*'()"},
		{"token=a+b%20c%2Bd%26e%3df%25", "token", "a b c+d&e=f%"},
		{"%74oken=abc", "token", "abc"},
		{"token=%c3%A4%E2%82%AC%F0%9F%94%91", "token", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91"},
		{"token=YWI=", "token", "YWI="},
		{"token=a%0d%0ab", "token", "a\r\nb"},
		{"token=", "token", NULL},
		{"token=&b=2", "b", "2"},
		{"Token=abc", "token", NULL},
		{"token=abc", "toke", NULL},
		{"token=abc", "token2", NULL},
		{"", "token", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct form_error e = {0};
		struct form f;
		const char *v;

		if (decode(cases[i].body, "", &f, &e))
			fail_msg("\"%s\": byte %zu: %s", cases[i].body, e.at, e.what);
		v = form_value(&f, cases[i].name);
		if (!v != !cases[i].value || (v && strcmp(v, cases[i].value) != 0))
			fail_msg("\"%s\": \"%s\"", cases[i].body, v ? v : "(none)");
		form_free(&f);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *body;
		int err;
		size_t at;
	} cases[] = {
		{"a=1&a=2", -EEXIST, 4},
		{"a=1&%61=1", -EEXIST, 4},
		{"a=&a=1", -EEXIST, 3},
		{"a=1&resource=x&resource=y&a=2", -EEXIST, 26},
		{"&", -EBADMSG, 0},
		{"&a=1", -EBADMSG, 0},
		{"a=1&", -EBADMSG, 4},
		{"a=1&&b=2", -EBADMSG, 4},
		{"=1", -EBADMSG, 0},
		{"a", -EBADMSG, 1},
		{"a=1&b&c=3", -EBADMSG, 5},
		{"a=%", -EBADMSG, 2},
		{"a=%4", -EBADMSG, 2},
		{"a=%4&b=1", -EBADMSG, 2},
		{"a=%g1", -EBADMSG, 2},
		{"a=%1g", -EBADMSG, 2},
		{"a=%/1", -EBADMSG, 2},
		{"a=%:1", -EBADMSG, 2},
		{"a=%@1", -EBADMSG, 2},
		{"a=%-1", -EBADMSG, 2},
		{"a=x%00y", -EBADMSG, 3},
		{"a%00=1", -EBADMSG, 1},
		{"a= ", -EBADMSG, 2},
		{"a=1\n", -EBADMSG, 3},
		{"a=\x7f", -EBADMSG, 2},
		{"a=\xc3\xa4", -EBADMSG, 2},
		{"a=%c3", -EBADMSG, 2},
		{"a=%c0%80", -EBADMSG, 2},
		{"a=%ed%a0%80", -EBADMSG, 2},
		{"%ff=1", -EBADMSG, 0},
		{"{\"token\":\"abc\"}", -EBADMSG, 15},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct form f = {.count = 77};
		struct form_error e = {0};
		int err = decode(cases[i].body, "resource audience", &f, &e);

		if (err != cases[i].err || e.at != cases[i].at || !e.what)
			fail_msg("\"%s\": %d at %zu", cases[i].body, err, e.at);
		assert_int_equal(f.count, 77);
	}
}

/* RFC 8693 section 2.1: resource and audience may come more than once. */
static void repeated(void **state)
{
	struct form_error e;
	const struct form_pair *p;
	struct form f;
	size_t at = 0;

	(void)state;
	assert_int_equal(
		decode("audience=a&resource=x&audience=b&resource=&audience=c", "resource audience", &f, &e),
		0);
	assert_string_equal(form_value(&f, "audience"), "a");
	for (const char *want = "abc"; *want; want++) {
		p = form_next(&f, "audience", &at);
		assert_non_null(p);
		assert_int_equal(p->value_len, 1);
		assert_int_equal(p->value[0], *want);
	}
	assert_null(form_next(&f, "audience", &at));
	assert_null(form_next(&f, "audience", &at));
	form_free(&f);
	/* a name is not in the list by being a part of one */
	assert_int_equal(decode("audienc=a&audienc=b", "resource audience", &f, &e), -EEXIST);
	assert_int_equal(decode("resource+audience=a&resource+audience=b", "resource audience", &f, &e),
			 -EEXIST);
}

static int decode_pairs(unsigned count, struct form *f)
{
	char body[FORM_PAIRS_MAX * 8 + 64];
	struct form_error e;
	size_t n = 0;

	for (unsigned i = 0; i < count; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%sn%u=%u", i ? "&" : "", i, i);
	return form_decode(body, n, "", f, &e);
}

static void limits(void **state)
{
	char *body = malloc(FORM_BODY_MAX + 2);
	struct form_error e;
	struct form f;

	(void)state;
	memset(body, 'x', FORM_BODY_MAX + 2);
	body[1] = '=';
	assert_int_equal(form_decode(body, FORM_BODY_MAX, "", &f, &e), 0);
	assert_int_equal(f.pair[0].value_len, FORM_BODY_MAX - 2);
	form_free(&f);
	assert_int_equal(form_decode(body, FORM_BODY_MAX + 1, "", &f, &e), -EMSGSIZE);
	body[1] = 'x';
	body[FORM_NAME_MAX] = '=';
	assert_int_equal(form_decode(body, FORM_NAME_MAX + 2, "", &f, &e), 0);
	form_free(&f);
	body[FORM_NAME_MAX] = 'x';
	body[FORM_NAME_MAX + 1] = '=';
	assert_int_equal(form_decode(body, FORM_NAME_MAX + 3, "", &f, &e), -EMSGSIZE);
	free(body);
	assert_int_equal(decode_pairs(FORM_PAIRS_MAX, &f), 0);
	assert_int_equal(f.count, FORM_PAIRS_MAX);
	assert_string_equal(form_value(&f, "n31"), "31");
	form_free(&f);
	assert_int_equal(decode_pairs(FORM_PAIRS_MAX + 1, &f), -EMSGSIZE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(refused),
		cmocka_unit_test(repeated),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
