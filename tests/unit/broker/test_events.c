/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: who sees which lines, from where, and how a stream goes on and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

static const char lines[] =
	"{\"seq\":1,\"type\":\"daemon\",\"op\":\"started\"}\n"
	"{\"seq\":2,\"grant\":\"gaaaa1\",\"owner\":\"uid:1234567\",\"pid\":10,\"verdict\":\"allow\"}\n"
	"{\"seq\":3,\"grant\":\"gbbbb1\",\"owner\":\"uid:1234568\",\"pid\":11,\"verdict\":\"deny\"}\n"
	"{\"seq\":4,\"grant\":\"gaaaa2\",\"owner\":\"uid:1234567\",\"pid\":12,\"verdict\":\"deny\"}\n"
	"not JSON \"owner\":\"uid:1234567\"\n"
	"[\"owner\",\"uid:1234567\"]\n"
	"{\"seq\":7,\"grant\":\"gaaaa2\",\"owner\":\"uid:12345678\",\"pid\":13,\"verdict\":\"deny\"}\n"
	"{\"seq\":8,\"grant\":\"gaaaa2\",\"owner\":\"uid:1234567\",\"pid\":14,\"verdict\":\"deny\"}\n";

/* The sequence numbers in a text of lines, "2,4,8"; a line without one is '?'. */
static const char *sequence(const char *text)
{
	static char list[65536];
	size_t n = 0;

	list[0] = '\0';
	while (text && *text && n < sizeof(list) - 32) {
		const char *seq = strstr(text, "\"seq\":"), *end = strchr(text, '\n');

		if (seq && seq < end)
			n += (size_t)sprintf(list + n, "%s%d", n ? "," : "", atoi(seq + 6));
		else
			n += (size_t)sprintf(list + n, "%s?", n ? "," : "");
		text = end + 1;
	}
	return list;
}

static void check(struct stage *s, uid_t uid, const char *query, const char *wanted)
{
	struct reply r;
	char path[256];

	snprintf(path, sizeof(path), "/v1/events%s", query);
	stage_request(s, uid, "GET", path, NULL, &r);
	if (r.status != 200 || strcmp(sequence(r.text), wanted) != 0)
		fail_msg("%s as %u: %ld %s, and not %s", query, uid, r.status, sequence(r.text), wanted);
	reply_free(&r);
}

static void filters(void **state)
{
	struct stage *s = *state;

	check(s, 0, "", "");
	stage_log(s, lines);
	check(s, 0, "", "1,2,3,4,?,?,7,8");
	check(s, ALICE, "", "2,4,8");
	check(s, BOB, "", "3");
	check(s, 999, "", "");
	check(s, 0, "?verdict=deny", "3,4,7,8");
	check(s, ALICE, "?verdict=deny", "4,8");
	check(s, ALICE, "?grant=gaaaa1", "2");
	check(s, ALICE, "?grant=gaaaa", "2,4,8");
	check(s, ALICE, "?grant=gbbbb1", "");
	check(s, BOB, "?grant=gaaaa2", "");
	check(s, ALICE, "?pid=12", "4");
	check(s, ALICE, "?pid=11", "");
	check(s, ALICE, "?pid=14&verdict=deny&grant=gaaaa2", "8");
}

/* Of owners who gave a proof it is the user who asked. */
static void proven(void **state)
{
	static const char more[] =
		"{\"seq\":1,\"grant\":\"gaaaa1\",\"owner\":\"ssh:SHA256:x\",\"user\":\"1234567\"}\n"
		"{\"seq\":2,\"grant\":\"gaaaa2\",\"owner\":\"oidc:a@b.example\",\"user\":\"1234567\"}\n"
		"{\"seq\":3,\"grant\":\"gaaaa3\",\"owner\":\"oidc:a@b.example\",\"user\":\"1234568\"}\n"
		"{\"seq\":4,\"grant\":\"gaaaa4\",\"owner\":\"uid:999\",\"user\":\"1234567\"}\n";

	stage_log(*state, more);
	check(*state, 0, "", "1,2,3,4");
	check(*state, ALICE, "", "1,2");
	check(*state, BOB, "", "3");
}

static void tails(void **state)
{
	struct stage *s = *state;

	check(s, 0, "?tail=3", "");
	stage_log(s, lines);
	check(s, 0, "?tail=0", "");
	check(s, 0, "?tail=1", "8");
	check(s, 0, "?tail=8", "1,2,3,4,?,?,7,8");
	check(s, 0, "?tail=100", "1,2,3,4,?,?,7,8");
	check(s, ALICE, "?tail=1", "8");
	check(s, ALICE, "?tail=2", "4,8");
	check(s, ALICE, "?tail=3", "2,4,8");
	check(s, ALICE, "?tail=4", "2,4,8");
	check(s, BOB, "?tail=2&verdict=deny", "3");
}

static void tagged(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], line[256];

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_log(s, lines);
	snprintf(line, sizeof(line), "{\"seq\":9,\"grant\":\"%s\",\"owner\":\"uid:1234567\"}\n", id);
	stage_log(s, line);
	check(s, ALICE, "", "2,4,8,9");
	stage_caller(s, 1, 7, 1);
	check(s, ALICE, "", "9");
	check(s, 0, "", "9");
	check(s, 0, "?grant=gaaaa", "");
}

/* Lines of every length around the sizes that the reader works in; one is too long to be read at all. */
static void long_lines(void **state)
{
	static const size_t sizes[] = {100,    16383,  16384,  65535, 65536,  65537, 131071,
				       131072, 131073, 300000, 50,    262144, 60};
	struct stage *s = *state;
	char *line = malloc(400000);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int n = sprintf(line, "{\"seq\":%zu,\"owner\":\"uid:1234567\",\"pad\":\"", i);

		memset(line + n, 'x', sizes[i] - (size_t)n - 3);
		strcpy(line + sizes[i] - 3, "\"}\n");
		stage_log(s, line);
	}
	free(line);
	/* with its newline, a line of 131071 bytes just fits */
	check(s, ALICE, "", "0,1,2,3,4,5,6,10,12");
	check(s, 0, "", "0,1,2,3,4,5,6,10,12");
	check(s, ALICE, "?tail=1", "12");
	check(s, ALICE, "?tail=2", "10,12");
	check(s, ALICE, "?tail=3", "6,10,12");
	check(s, ALICE, "?tail=100", "0,1,2,3,4,5,6,10,12");
}

static void many_lines(void **state)
{
	struct stage *s = *state;
	char *text = malloc(8 << 20), *p = text;
	struct reply r;

	for (int i = 0; i < 60000; i++)
		p += sprintf(
			p,
			"{\"seq\":%d,\"owner\":\"uid:%d\",\"grant\":\"gaaaa\",\"pid\":1,\"more\":\"of it\"}\n",
			i, i % 20000 ? 1234568 : 1234567);
	stage_log(s, text);
	stage_request(s, 0, "GET", "/v1/events", NULL, &r);
	assert_int_equal(r.size, strlen(text));
	assert_string_equal(r.text, text);
	reply_free(&r);
	check(s, ALICE, "", "0,20000,40000");
	check(s, ALICE, "?tail=2", "20000,40000");
	free(text);
}

/* ---- following ---- */

static int follow(struct stage *s, uid_t uid, const char *query)
{
	char request[256];
	int fd = stage_connect(s, uid);
	int n = snprintf(request, sizeof(request), "GET /v1/events%s HTTP/1.1\r\nHost: deputy\r\n\r\n",
			 query);

	assert_int_equal(write(fd, request, (size_t)n), n);
	return fd;
}

/* Whether a text comes before a pause of so many ms, within 64 KiB. Whatever came before it is dropped. */
static bool comes(int fd, const char *text, int ms)
{
	char buf[65536];
	size_t have = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, ms) > 0 && have < sizeof(buf) - 1) {
		ssize_t n = read(fd, buf + have, sizeof(buf) - 1 - have);

		if (n <= 0)
			return false;
		have += (size_t)n;
		buf[have] = '\0';
		if (strstr(buf, text))
			return true;
	}
	return false;
}

static void following(void **state)
{
	struct stage *s = *state;
	int all, hers, tail;

	stage_log(s, lines);
	all = follow(s, 0, "?follow=1");
	hers = follow(s, ALICE, "?follow=1&tail=1");
	tail = follow(s, ALICE, "?follow=1&tail=0");
	assert_true(comes(all, "\"seq\":8", 2000));
	assert_true(comes(hers, "\"seq\":8", 2000));
	assert_true(comes(tail, "200 OK", 2000));
	stage_log(s, "{\"seq\":20,\"owner\":\"uid:1234568\"}\n");
	assert_true(comes(all, "\"seq\":20", 2000));
	assert_false(comes(hers, "seq", 100));
	stage_log(s, "{\"seq\":21,\"owner\":\"uid:1234567\"}\n");
	assert_true(comes(all, "\"seq\":21", 2000));
	assert_true(comes(hers, "\"seq\":21", 2000));
	assert_true(comes(tail, "\"seq\":21", 2000));
	close(all);
	stage_log(s, "{\"seq\":22,\"owner\":\"uid:1234567\"}\n");
	assert_true(comes(hers, "\"seq\":22", 2000));
	close(hers);
	close(tail);
	assert_true(stage_alive(s));
}

/* A follower that hangs up gives its place free at once, not when the log next grows. */
static void hanging_up(void **state)
{
	struct stage *s = *state;

	for (int i = 0; i < 50; i++) {
		int fd = follow(s, ALICE, "?follow=1");

		assert_true(comes(fd, "200 OK", 2000));
		close(fd);
		usleep(2000);
	}
	check(s, ALICE, "", "");
}

/* A reader that pauses, with more waiting for it than its socket holds, loses nothing. */
static void pausing(void **state)
{
	struct stage *s = *state;
	char line[1100];
	int fd;

	if (!getenv("DEPUTY_SLOW_TESTS"))
		skip();
	fd = follow(s, ALICE, "?follow=1");
	for (int i = 0; i < 2000; i++) {
		sprintf(line, "{\"seq\":%d,\"owner\":\"uid:1234567\",\"pad\":\"%01000d\"}\n", i, 0);
		stage_log(s, line);
	}
	sleep(15);
	stage_log(s, "{\"seq\":5000,\"owner\":\"uid:1234567\"}\n");
	for (int i = 0; i < 100; i++)
		if (comes(fd, "\"seq\":5000", 2000))
			return (void)close(fd);
	fail();
}

static void left_open(void **state)
{
	struct stage *s = *state;

	/* the teardown ends the broker while these wait */
	assert_true(comes(follow(s, ALICE, "?follow=1"), "200 OK", 2000));
	assert_true(comes(follow(s, 0, "?follow=1"), "200 OK", 2000));
}

/* At the start the file may end in an unfinished line. */
static void unfinished(void **state)
{
	struct stage *s = *state;
	int fd;

	stage_log(s, "{\"seq\":1,\"owner\":\"uid:1234567\"}\n{\"seq\":2,\"ow");
	check(s, ALICE, "", "1");
	check(s, ALICE, "?tail=1", "1");
	fd = follow(s, ALICE, "?follow=1&tail=1");
	assert_true(comes(fd, "\"seq\":1", 2000));
	stage_log(s, "ner\":\"uid:1234567\"}\n");
	assert_true(comes(fd, "\"seq\":2", 2000));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)
		STAGED(filters),    STAGED(proven),	STAGED(tails),	    STAGED(tagged),
		STAGED(long_lines), STAGED(many_lines), STAGED(following),  STAGED(hanging_up),
		STAGED(left_open),  STAGED(pausing),	STAGED(unfinished),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
