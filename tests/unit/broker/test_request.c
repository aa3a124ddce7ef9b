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

#include "broker/request.h"
#include "broker/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND	 1000000000ull

static void ttls(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0: refused */
	} cases[] = {
		{"1s", SECOND},
		{"30s", 30 * SECOND},
		{"10m", 600 * SECOND},
		{"2h", 7200 * SECOND},
		{"007m", 420 * SECOND},
		{"8784h", REQUEST_TTL_MAX},
		{"8785h", 0},
		{"527040m", REQUEST_TTL_MAX},
		{"527041m", 0},
		{"0s", 0},
		{"", 0},
		{"s", 0},
		{"10", 0},
		{"10d", 0},
		{"10 m", 0},
		{" 10m", 0},
		{"10m ", 0},
		{"-1m", 0},
		{"+1m", 0},
		{"1.5h", 0},
		{"1h30m", 0},
		{"10M", 0},
		{"9999999999s", 0},
		{"0x10s", 0},
		{"10ms", 0},
		{"999999999h", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ns = 0;
		int err = request_ttl(cases[i].text, &ns);

		if (err != (cases[i].ns ? 0 : -EINVAL) || ns != cases[i].ns)
			fail_msg("\"%s\": %d, %llu", cases[i].text, err, (unsigned long long)ns);
	}
}

static void paths(void **state)
{
	static const struct {
		const char *path;
		bool ok;
	} cases[] = {
		{"/", true},	  {"/a", true},	     {"/a/b", true},	 {"/a/..b", true}, {"/a/b..", true},
		{"/...", true},	  {"/.a", true},     {"/a b/*", true},	 {"", false},	   {"a", false},
		{"./a", false},	  {"//", false},     {"/a/", false},	 {"//a", false},   {"/a//b", false},
		{"/.", false},	  {"/..", false},    {"/a/.", false},	 {"/a/..", false}, {"/./a", false},
		{"/../a", false}, {"/a/./b", false}, {"/a/../b", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (request_path_ok(cases[i].path) != cases[i].ok)
			fail_msg("\"%s\"", cases[i].path);
}

static int decode(const char *body, struct grant_request *r, struct answer *a)
{
	memset(r, 0, sizeof(*r));
	memset(a, 0, sizeof(*a));
	return request_decode(body, strlen(body), REQUEST_GRANT, r, a);
}

static void whole(void **state)
{
	struct grant_request r;
	struct answer a;

	(void)state;
	assert_int_equal(
		decode("{\"policy\": {\"name\": \"c.yaml\", \"text\": \"x: 1\\n\"}, \"purpose\": \"p\", "
		       "\"ttl\": \"2m\", \"workdir\": \"/w\", \"argv\": [\"a\", \"\"]}",
		       &r, &a),
		0);
	assert_string_equal(r.name, "c.yaml");
	assert_string_equal(r.text, "x: 1\n");
	assert_int_equal(r.text_len, 5);
	assert_string_equal(r.purpose, "p");
	assert_string_equal(r.workdir, "/w");
	assert_int_equal(r.ttl_ns, 120 * SECOND);
	assert_int_equal(json_array_size(r.argv), 2);
	request_free(&r);
	assert_int_equal(decode("{\"policy\": {\"name\": \"c.yaml\"}}", &r, &a), 0);
	assert_null(r.text);
	assert_null(r.purpose);
	assert_null(r.workdir);
	assert_int_equal(r.ttl_ns, 0);
	assert_int_equal(json_array_size(r.argv), 0);
	request_free(&r);
}

/* Each limit as it stands, and one past it. */
static void limits(void **state)
{
	static const struct {
		const char *format;
		size_t max;
	} cases[] = {
		{"{\"policy\": {\"name\": \"%s\"}}", REQUEST_NAME_MAX},
		{"{\"policy\": {\"name\": \"n\"}, \"purpose\": \"%s\"}", REQUEST_PURPOSE_MAX},
		{"{\"policy\": {\"name\": \"n\"}, \"workdir\": \"/%s\"}", REQUEST_WORKDIR_MAX - 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t extra = 0; extra < 2; extra++) {
			char text[8192], body[16384];
			struct grant_request r;
			struct answer a;

			memset(text, 'x', cases[i].max + extra);
			text[cases[i].max + extra] = '\0';
			snprintf(body, sizeof(body), cases[i].format, text);
			assert_int_equal(decode(body, &r, &a), extra ? -EINVAL : 0);
			if (extra)
				assert_non_null(strstr(answer_message(&a), "the limit is"));
			answer_clear(&a);
			request_free(&r);
		}
	}
}

static void arguments(void **state)
{
	json_auto_t *body = json_pack("{s:{s:s}, s:[]}", "policy", "name", "n", "argv");
	json_t *argv = json_object_get(body, "argv");
	struct grant_request r;
	struct answer a;
	char *text;

	(void)state;
	for (unsigned i = 0; i < REQUEST_ARGV_MAX + 1; i++)
		json_array_append_new(argv, json_sprintf("%u", i));
	text = json_dumps(body, 0);
	assert_int_equal(decode(text, &r, &a), 0);
	assert_int_equal(json_array_size(r.argv), REQUEST_ARGV_MAX);
	request_free(&r);
	free(text);
	/* 2 bytes each: the last one that fits is whole, the next is cut to nothing */
	json_array_clear(argv);
	text = malloc(REQUEST_ARGV_BYTES + 2);
	for (unsigned i = 0; i < REQUEST_ARGV_BYTES / 2; i++)
		memcpy(text + 2 * i, "\u00e9", 2);
	memcpy(text + REQUEST_ARGV_BYTES - 1, "\u00e9", 3); /* on an odd byte from here */
	text[REQUEST_ARGV_BYTES - 2] = 'x';
	json_array_append_new(argv, json_string(text));
	json_array_append_new(argv, json_string("more"));
	free(text);
	text = json_dumps(body, 0);
	assert_int_equal(decode(text, &r, &a), 0);
	assert_int_equal(json_array_size(r.argv), 1);
	assert_int_equal(json_string_length(json_array_get(r.argv, 0)), REQUEST_ARGV_BYTES - 1);
	request_free(&r);
	free(text);
}

static void deep(void **state)
{
	char *body = malloc(2 << 20);
	struct grant_request r;
	struct answer a;

	(void)state;
	memset(body, '[', (2 << 20) - 1);
	body[(2 << 20) - 1] = '\0';
	assert_int_equal(decode(body, &r, &a), -EINVAL);
	answer_clear(&a);
	free(body);
}

static void cutting(void **state)
{
	static const struct {
		const char *text;
		size_t max, keeps;
	} cases[] = {
		{"abc", 5, 3},	  {"abc", 3, 3},	{"abc", 2, 2},
		{"abc", 0, 0},	  {"a\u00e9", 2, 1},	{"a\u00e9", 3, 3},
		{"\u20ac", 2, 0}, {"\U0001f600", 3, 0}, {"\U0001f600x", 4, 4},
	};
	char small[4];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(text_cut(cases[i].text, strlen(cases[i].text), cases[i].max),
				 cases[i].keeps);
	text_copy(small, sizeof(small), "ab\u00e9");
	assert_string_equal(small, "ab");
}

static void words(void **state)
{
	char time[TIME_BYTES], ttl[TIME_BYTES];

	(void)state;
	text_time(0, time);
	assert_string_equal(time, "1970-01-01T00:00:00Z");
	text_ttl(90 * SECOND, ttl);
	assert_string_equal(ttl, "90s");
	text_ttl(900 * SECOND, ttl);
	assert_string_equal(ttl, "15m");
	text_ttl(7200 * SECOND, ttl);
	assert_string_equal(ttl, "2h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ttls),	   cmocka_unit_test(paths),	cmocka_unit_test(whole),
		cmocka_unit_test(limits),  cmocka_unit_test(arguments), cmocka_unit_test(deep),
		cmocka_unit_test(cutting), cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
