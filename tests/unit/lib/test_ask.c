/* SPDX-License-Identifier: Apache-2.0 */
/* Answers taken apart: what the daemon sends, and nothing that could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ask.h"

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
	const char *text;
	int err, status;
	const char *body;
} cases[] = {
	{OK "Content-Length: 2\r\n\r\n{}", 0, 200, "{}"},
	{OK "content-length:0\r\nX: y\r\n\r\n", 0, 200, ""},
	{"HTTP/1.1 404\r\nContent-Length: 2\r\n\r\n{}", 0, 404, "{}"},
	{OK "X: y\r\nContent-Length: 2\r\n\r\n{}", 0, 200, "{}"},
	{OK "Content-Length: 6\r\n\r\n{}\r\n\r\n", 0, 200, "{}\r\n\r\n"},
	{"", -EPROTO, 0, NULL},
	{"\r\n\r\n", -EPROTO, 0, NULL},
	{OK "\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: 2\r\n\r\n{", -EPROTO, 0, NULL},
	{OK "Content-Length: 2\r\n\r\n{}}", -EPROTO, 0, NULL},
	{OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: +2\r\n\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: 2 \r\n\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: \r\n\r\n", -EPROTO, 0, NULL},
	{OK "Content-Length: 4294967298\r\n\r\n{}", -EPROTO, 0, NULL},
	{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", -EPROTO, 0, NULL},
	{"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}", -EPROTO, 0, NULL},
	{"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}", -EPROTO, 0, NULL},
	{"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\n{}", -EPROTO, 0, NULL},
	{OK "Content-Length: 2\n\n{}", -EPROTO, 0, NULL},
};

static void parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		struct lib_answer a = {.text = malloc(len + 1)};

		memcpy(a.text, cases[i].text, len);
		if (lib_answer_parse(&a, len) != cases[i].err)
			fail_msg("case %zu", i);
		if (!cases[i].err) {
			assert_int_equal(a.status, cases[i].status);
			assert_int_equal(a.size, strlen(cases[i].body));
			assert_memory_equal(a.body, cases[i].body, a.size);
		}
		free(a.text);
	}
}

/* Whatever is cut off is no answer. */
static void cut(void **state)
{
	static const char whole[] = OK "Content-Length: 2\r\n\r\n{}";

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		struct lib_answer a = {.text = malloc(len + 1)};

		memcpy(a.text, whole, len);
		assert_int_equal(lib_answer_parse(&a, len), len < sizeof(whole) - 1 ? -EPROTO : 0);
		free(a.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parsed), cmocka_unit_test(cut)};

	return cmocka_run_group_tests_name("lib/ask", tests, NULL, NULL);
}
