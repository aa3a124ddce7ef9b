/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that mean harm: whatever they do, others are served and the broker ends well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stage.h"

#define BODY_MAX (2u << 20)

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends what it can and returns the status of what comes back within so many ms, 0 for none. */
static int talk(struct stage *s, const char *bytes, size_t size, int ms)
{
	int fd = stage_connect(s, ALICE), status = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[4096] = "";

	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	if (poll(&p, 1, ms) > 0 && read(fd, buf, sizeof(buf) - 1) > 0)
		sscanf(buf, "HTTP/1.1 %d", &status);
	close(fd);
	return status;
}

static void garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"\r\n\r\n",
		"GET",
		"GET / HTTP/9.9\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET /v1/status\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\nContent-Length: 20\r\n\r\n{}",
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\n{\"policy\"",
		"DELETE /v1/grants/g HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nabcde",
		"GET /%%%%%%%% HTTP/1.1\r\nHost: d\r\n\r\n",
		"GET /v1/events?%=%&&&=&tail HTTP/1.1\r\nHost: d\r\n\r\n",
		"GET http://x/v1/status HTTP/1.1\r\nHost: d\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: d\r\n\r\n",
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		talk(s, texts[i], strlen(texts[i]), 100);
	assert_true(stage_alive(s));
}

static void random_bytes(void **state)
{
	static const char frame[] =
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nContent-Length: 64\r\n\r\n{\"policy\": {}}";
	struct stage *s = *state;

	srandom(1);
	for (int i = 0; i < 500; i++) {
		char bytes[sizeof(frame)];

		memcpy(bytes, frame, sizeof(frame));
		for (long k = random() % 8; k >= 0; k--)
			bytes[(size_t)random() % (sizeof(frame) - 1)] = (char)random();
		talk(s, bytes, sizeof(frame) - 1, 20);
	}
	assert_true(stage_alive(s));
}

static void header_sizes(void **state)
{
	struct stage *s = *state;
	char *text = malloc(1 << 20);
	int n;

	assert_non_null(text);
	for (size_t size = 1024; size <= 512 << 10; size *= 2) {
		n = sprintf(text, "GET /v1/status HTTP/1.1\r\nHost: d\r\nX: ");
		memset(text + n, 'x', size);
		n = talk(s, text, (size_t)n + (size_t)sprintf(text + (size_t)n + size, "\r\n\r\n") + size,
			 2000);
		assert_int_equal(n, size <= 16384 ? 200 : 431);
		n = sprintf(text, "GET /");
		memset(text + n, 'x', size);
		talk(s, text,
		     (size_t)n + (size_t)sprintf(text + (size_t)n + size, " HTTP/1.1\r\n\r\n") + size, 2000);
	}
	free(text);
	assert_true(stage_alive(s));
}

static char *padded(size_t size)
{
	char *body = malloc(size + 1);

	memset(body, ' ', size);
	body[size] = '\0';
	return body;
}

static void body_sizes(void **state)
{
	struct stage *s = *state;
	struct reply r;
	char *body;

	for (size_t extra = 0; extra < 2; extra++) {
		body = padded(BODY_MAX + extra);
		stage_request(s, ALICE, "POST", "/v1/grants", body, &r);
		assert_int_equal(r.status, extra ? 413 : 400);
		reply_free(&r);
		free(body);
	}
	body = padded(100);
	stage_request(s, ALICE, "POST", "/v1/introspect", body, &r);
	assert_int_equal(r.status, 400);
	reply_free(&r);
	stage_request(s, ALICE, "GET", "/v1/status", body, &r);
	assert_int_equal(r.status, 413); /* none is wanted */
	reply_free(&r);
	free(body);
}

/* A policy of exactly POLICY_TEXT_MAX bytes is read, one byte more is not. */
static void policy_sizes(void **state)
{
	struct stage *s = *state;
	const size_t max = 1u << 20;

	for (size_t extra = 0; extra < 2; extra++) {
		char *text = padded(max + extra), *body;
		struct reply r;

		memset(text, '#', max + extra);
		assert_true(asprintf(&body, "{\"policy\": {\"name\": \"x\", \"text\": \"%s\"}}", text) > 0);
		stage_request(s, ALICE, "POST", "/v1/grants", body, &r);
		assert_int_equal(r.status, extra ? 413 : 400);
		reply_free(&r);
		free(body);
		free(text);
	}
}

static void chunked(void **state)
{
	static const char head[] =
		"POST /v1/grants HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const size_t counts[] = {1, 31, 33, 40, 65, 200}; /* of 64 KiB */
	static const int statuses[] = {400, 400, 413, 413, 0, 0};
	struct stage *s = *state;
	char *text = malloc(16 << 20);

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char *p = stpcpy(text, head);

		for (size_t k = 0; k < counts[i]; k++) {
			p = stpcpy(p, "10000\r\n");
			memset(p, ' ', 65536);
			p = stpcpy(p + 65536, "\r\n");
		}
		p = stpcpy(p, "0\r\n\r\n");
		assert_int_equal(talk(s, text, (size_t)(p - text), 5000), statuses[i]);
	}
	free(text);
	assert_true(stage_alive(s));
}

static void connections_per_user(void **state)
{
	struct stage *s = *state;
	int fds[8];
	struct reply r;

	for (int i = 0; i < 8; i++)
		fds[i] = stage_connect(s, ALICE);
	stage_request(s, ALICE, "GET", "/v1/status", NULL, &r);
	assert_int_equal(r.status, 429);
	assert_string_equal(reply_text(&r, "error"), "too_many");
	reply_free(&r);
	stage_request(s, BOB, "GET", "/v1/status", NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	close(fds[0]);
	usleep(50000);
	stage_request(s, ALICE, "GET", "/v1/status", NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	for (int i = 1; i < 8; i++)
		close(fds[i]);
}

/* Until connections that were closed are. */
static void settled(void)
{
	usleep(50000);
}

static void as_agent(struct stage *s, uid_t uid, uint32_t slot, long status)
{
	struct reply r;

	settled();
	stage_caller(s, slot, slot ? 7 : 0, 1);
	stage_request(s, uid, "GET", "/v1/status", NULL, &r);
	assert_int_equal(r.status, status);
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
}

static void hold(struct stage *s, uid_t uid, uint32_t slot, int *fds, int n)
{
	struct reply r;

	settled();
	stage_caller(s, slot, 7, 1);
	for (int i = 0; i < n; i++)
		fds[i] = stage_connect(s, uid);
	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r); /* until they were looked at */
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
}

/* An agent holds what it may: its child has none more, another agent and their owner have. */
static void connections_of_agents(void **state)
{
	struct stage *s = *state;
	int one[4], other[2];
	char id[ID_BYTES], path[64];
	struct reply r;

	for (int i = 0; i < 3; i++)
		stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_caller(s, 1, 7, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{}", &r);
	assert_int_equal(r.status, 201);
	reply_free(&r);
	hold(s, ALICE, 1, one, 3);
	as_agent(s, ALICE, 1, 200);
	hold(s, ALICE, 4, one + 3, 1);
	as_agent(s, ALICE, 1, 429);
	as_agent(s, ALICE, 4, 429);
	as_agent(s, BOB, 1, 429); /* whoever it runs as */
	as_agent(s, 0, 1, 429);
	as_agent(s, ALICE, 2, 200);
	hold(s, ALICE, 2, other, 2);
	as_agent(s, ALICE, 3, 429); /* all of hers together */
	as_agent(s, BOB, 0, 200);
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	for (int i = 0; i < 4; i++)
		close(one[i]);
	as_agent(s, ALICE, 1, 200);
	close(other[0]);
	close(other[1]);
}

/* All users together cannot take the last places from root. */
static void connections_in_all(void **state)
{
	struct stage *s = *state;
	double start;
	int fds[200];

	for (int i = 0; i < 200; i++)
		fds[i] = stage_connect(s, 2000000u + (uid_t)i / 8);
	start = seconds();
	assert_true(stage_alive(s));
	assert_true(seconds() - start < 1);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	assert_true(stage_alive(s));
}

/* About a second of work for the compiler; asked for by every connection that a user may have. */
static char *slow_body(void)
{
	char *body = malloc(1 << 20), *p = body;

	p += sprintf(
		p, "{\"policy\": {\"name\": \"slow.yaml\", \"text\": \"apiVersion: deputy/v1\\nname: slow\\n"
		   "owner: {any_of: [uid:1234567]}\\npurposes:\\n  p:\\n    ttl: 1m\\n    files:\\n");
	for (int i = 0; i < 60; i++)
		p += sprintf(p, "      - {allow: [read], path: \\\"**/a%d/**/b%d\\\"}\\n", i, i);
	sprintf(p, "\"}, \"workdir\": \"/w\"}");
	return body;
}

static void slow_policies(void **state)
{
	struct stage *s = *state;
	char *body = slow_body(), head[128];
	double start, longest = 0;
	int fds[8];

	for (int i = 0; i < 8; i++) {
		fds[i] = stage_connect(s, ALICE);
		sprintf(head, "POST /v1/grants HTTP/1.1\r\nHost: d\r\nContent-Length: %zu\r\n\r\n",
			strlen(body));
		assert_true(write(fds[i], head, strlen(head)) > 0 && write(fds[i], body, strlen(body)) > 0);
	}
	start = seconds();
	for (int i = 0; i < 20; i++) {
		double t = seconds();

		assert_true(stage_alive(s));
		longest = seconds() - t > longest ? seconds() - t : longest;
	}
	print_message("# 20 requests took %.3f s beside 8 slow policies, the longest %.3f s\n",
		      seconds() - start, longest);
	assert_true(longest < 1);
	for (int i = 0; i < 7; i++)
		close(fds[i]); /* and do not wait */
	free(body);
	assert_true(stage_alive(s));
	/* the teardown ends the broker while the last one waits */
}

/* A client that asks and goes is not bound: it would not know. */
static void gone_before_the_answer(void **state)
{
	struct stage *s = *state;
	char *body, *text;
	int fd;

	assert_true(asprintf(&body,
			     "{\"policy\": {\"name\": \"c\", \"text\": \"%s\"}, \"purpose\": \"long\"}",
			     stage_policy) > 0);
	assert_true(asprintf(&text, "POST /v1/grants HTTP/1.1\r\nHost: d\r\nContent-Length: %zu\r\n\r\n%s",
			     strlen(body), body) > 0);
	for (int i = 0; i < 20; i++) {
		fd = stage_connect(s, ALICE);
		assert_true(write(fd, text, strlen(text)) > 0);
		close(fd);
	}
	usleep(200000);
	assert_true(stage_alive(s));
	assert_int_equal(stage_calls(s, WARDEN_TAG), stage_notes(s, NOTE_MINTED));
	print_message("# %u of 20 bound all the same\n", stage_calls(s, WARDEN_TAG));
	free(text);
	free(body);
}

static void deaf_recorder(void **state)
{
	struct stage *s = *state;
	double start = seconds();
	struct reply r;
	unsigned minted = 0;

	s->deaf = true;
	do { /* until its socket is full */
		stage_mint(s, ALICE, ", \"purpose\": \"long\"", &r);
		minted += r.status == 201;
		if (r.status == 503)
			break;
		reply_free(&r);
	} while (seconds() - start < 60);
	assert_int_equal(r.status, 503);
	assert_string_equal(reply_message(&r), "cannot record: Connection timed out");
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_LOAD),
			 stage_calls(s, WARDEN_TAG) + stage_calls(s, WARDEN_RELEASE));
	stage_lock(s);
	s->deaf = false;
	stage_unlock(s);
	usleep(300000);
	stage_mint(s, ALICE, ", \"purpose\": \"long\"", &r);
	assert_int_equal(r.status, 201);
	reply_free(&r);
	print_message("# refused after %u grants that nobody recorded the end of\n", minted);
}

/* Both sides talk at once, more than the sockets hold, and neither waits for the other for ever. */
static void loud_recorder(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	for (int i = 0; i < 50; i++) {
		for (int k = 0; k < 200; k++)
			stage_report(s, REPORT_GREW, 0, 0, 0);
		stage_grant(s, ALICE, ", \"purpose\": \"long\"", id);
	}
	assert_true(stage_alive(s));
}

static void grants_per_user(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;

	for (int i = 0; i < 256; i++)
		stage_grant(s, ALICE, ", \"purpose\": \"long\"", id);
	stage_mint(s, ALICE, ", \"purpose\": \"long\"", &r);
	assert_int_equal(r.status, 429);
	assert_string_equal(reply_message(&r), "uid:1234567 holds 256 grants; the limit is 256");
	reply_free(&r);
	stage_grant(s, 0, ", \"purpose\": \"long\"", id);
	s->slots[1].tasks = 0;
	stage_report(s, REPORT_EMPTY, 1, 7, 0);
	assert_true(stage_heard(s, NOTE_ENDED, 1));
	stage_grant(s, ALICE, ", \"purpose\": \"long\"", id);
}

/* One byte a second keeps a connection from being idle, but not for ever. */
static void trickle(void **state)
{
	struct stage *s = *state;
	double start = seconds();
	int fd;

	if (!getenv("DEPUTY_SLOW_TESTS"))
		skip();
	fd = stage_connect(s, ALICE);
	while (seconds() - start < 60 && send(fd, "G", 1, MSG_NOSIGNAL) == 1)
		usleep(1000000);
	print_message("# dropped after %.0f s\n", seconds() - start);
	assert_in_range((int)(seconds() - start), 30, 37);
	close(fd);
	start = seconds();
	fd = stage_connect(s, ALICE);
	assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 60000), 1);
	print_message("# idle for %.0f s\n", seconds() - start);
	assert_in_range((int)(seconds() - start), 9, 12);
	close(fd);
}

static void warden_gone(void **state)
{
	struct stage s = {0};

	(void)state;
	stage_open(&s, &stage_options);
	shutdown(s.warden, SHUT_RDWR);
	usleep(200000); /* before SIGTERM */
	assert_int_equal(stage_close(&s), 1);
	memset(&s, 0, sizeof(s));
	stage_open(&s, &stage_options);
	shutdown(s.recorder, SHUT_RDWR);
	usleep(200000);
	assert_int_equal(stage_close(&s), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)
		STAGED(garbage),
		STAGED(random_bytes),
		STAGED(header_sizes),
		STAGED(body_sizes),
		STAGED(policy_sizes),
		STAGED(chunked),
		STAGED(connections_per_user),
		STAGED(connections_of_agents),
		STAGED(connections_in_all),
		STAGED(slow_policies),
		STAGED(gone_before_the_answer),
		STAGED(deaf_recorder),
		STAGED(loud_recorder),
		STAGED(grants_per_user),
		STAGED(trickle),
		cmocka_unit_test(warden_gone),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
