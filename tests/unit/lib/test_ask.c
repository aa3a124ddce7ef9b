/* SPDX-License-Identifier: Apache-2.0 */
/* Answers taken apart: what the daemon sends, and nothing that could be read in two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/ask.h"
#include "lib/connect.h"

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

/* A daemon that stands still holds nobody up for ever: not by taking no connection, reading nothing or
 * answering nothing. */
static void waits(void **state)
{
	static const int options[] = {SO_SNDTIMEO, SO_RCVTIMEO};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

	(void)state;
	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/deputy-ask-%d", (int)getpid());
	unlink(at.sun_path);
	assert_int_equal(lib_connect(at.sun_path, &fd), -ENOENT);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(lib_connect(at.sun_path, &fd), 0);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct timeval wait = {0};
		socklen_t len = sizeof(wait);

		assert_int_equal(getsockopt(fd, SOL_SOCKET, options[i], &wait, &len), 0);
		assert_int_equal(wait.tv_sec, LIB_WAIT_SECONDS);
	}
	close(fd);
	close(listener);
	unlink(at.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parsed), cmocka_unit_test(cut),
					   cmocka_unit_test(waits)};

	return cmocka_run_group_tests_name("lib/ask", tests, NULL, NULL);
}
