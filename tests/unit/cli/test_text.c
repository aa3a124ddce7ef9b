/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/endpoint.h"
#include "cli/event_text.h"
#include "cli/print.h"
#include "cli/query.h"

static void test_safe(void **state)
{
	static const char *const cases[][2] = {
		{"plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "plain \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"\x1b[2J\r\n\t\x7f", "\\x1b[2J\\x0d\\x0a\\x09\\x7f"},
		{"\xc2\x9b"
		 "2J",
		 "\\xc2\\x9b2J"}, /* CSI as a C1 control */
		{"a\xe2\x80\xae"
		 "b",
		 "a\\xe2\\x80\\xaeb"},						/* right-to-left override */
		{"\xe2\x81\xa6\xef\xbb\xbf", "\\xe2\\x81\\xa6\\xef\\xbb\\xbf"}, /* isolate, byte-order mark */
		{"\xff\xc0\x80", "\\xff\\xc0\\x80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *safe = print_safe_copy(cases[i][0]);

		assert_string_equal(safe, cases[i][1]);
		free(safe);
	}
}

static void test_duration(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{-5, "0s"},	   {0, "0s"},
		{59, "59s"},	   {60, "1m00s"},
		{3599, "59m59s"},  {3600, "1h00m"},
		{86399, "23h59m"}, {86400, "1d00h"},
		{90000, "1d01h"},  {INT64_MAX, "99999d00h"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_duration(cases[i].seconds, buf);
		assert_string_equal(buf, cases[i].text);
	}
}

static void test_query(void **state)
{
	char *path = query_path("/v1/x",
				(const struct query[]){{"a", NULL}, {"b", "1&c=2"}, {"d", "\xc3\xa4"}, {0}});

	(void)state;
	assert_string_equal(path, "/v1/x?b=1%26c%3D2&d=%C3%A4");
	free(path);
}

static void test_endpoint(void **state)
{
	static const char *const bad[] = {
		"",	     "1.2.3.4",	      "1.2.3.4:",     ":80",	      "1.2.3:80",
		"1.2.3.4:x", "1.2.3.4:65536", "1.2.3.4:-1",   "::1:80",	      "[::1]",
		"[::1:80",   "1.2.3.4:80 ",   "localhost:80", "[1.2.3.4]:80", "::ffff:1.2.3.4:80"};
	struct cell_addr addr;
	uint16_t port;

	(void)state;
	assert_int_equal(endpoint_parse("192.0.2.7:443", &addr, &port), 0);
	assert_true(addr.hi == 0 && addr.lo == 0xffffc0000207ull && port == 443);
	assert_int_equal(endpoint_parse("[::ffff:192.0.2.7]:0", &addr, &port), 0);
	assert_true(addr.hi == 0 && addr.lo == 0xffffc0000207ull && port == 0);
	assert_int_equal(endpoint_parse("[2001:db8::1]:65535", &addr, &port), 0);
	assert_true(addr.hi == 0x20010db800000000ull && addr.lo == 1 && port == 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(endpoint_parse(bad[i], &addr, &port), -EINVAL);
}

/* Whatever the daemon sends, a line comes of it. */
static void test_event_text(void **state)
{
	static const char *const cases[][2] = {
		{"{\"time\": \"2026-11-23T20:14:05.123456789Z\", \"type\": \"net\", \"verdict\": \"deny\", "
		 "\"reason\": \"rule\", \"rule\": \"a.yaml:1 x\", \"errno\": \"EACCES\", \"op\": \"connect\", "
		 "\"addr\": \"::1\", \"port\": 80, \"grant\": \"gabcdefghijk\", \"user\": \"al\", \"pid\": 7, "
		 "\"comm\": \"c\\u001b\"}",
		 "20:14:05.123 deny  net connect [::1]:80  EACCES  (a.yaml:1 x)  c\\x1b[7]  gabcdefg al\n"},
		{"{\"type\": \"guard\", \"verdict\": \"deny\", \"reason\": \"guarded\"}",
		 " deny  guard  (guarded)\n"},
		{"{}", "      \n"},
		{"{\"time\": 5, \"pid\": \"x\", \"path\": {}, \"comm\": null}", "      [0]\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *event = json_loads(cases[i][0], 0, NULL);
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(event);
		event_text(out, event, false);
		fclose(out);
		assert_string_equal(text, cases[i][1]);
		free(text);
		json_decref(event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_safe),	   cmocka_unit_test(test_duration),
		cmocka_unit_test(test_query),	   cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_event_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
