/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "lib/connect.h"

/* ---- out ---- */

static int send_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The daemon closes afterwards, so the end of an answer is the end of the stream. */
static int ask_send(int fd, const char *method, const char *path, const char *body)
{
	size_t size = body ? strlen(body) : 0;
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "%s %s HTTP/1.1\r\nHost: deputy\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
			 method, path, size);

	if (n < 0 || (size_t)n >= sizeof(head))
		return -EINVAL;
	return send_all(fd, head, (size_t)n) ?: send_all(fd, body, size);
}

/* ---- in ---- */

static time_t seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static int answer_room(char **text, size_t have, size_t *room)
{
	char *more;

	if (have + 1 < *room)
		return 0;
	if (*room >= LIB_ANSWER_MAX)
		return -EPROTO;
	*room = *room ? *room * 2 : 16384;
	more = realloc(*text, *room);
	if (!more)
		return -ENOMEM;
	*text = more;
	return 0;
}

/* recv(2) itself waits no longer than that; a byte now and then does not make it longer. */
static int answer_read(int fd, char **text, size_t *have)
{
	time_t end = seconds() + LIB_WAIT_SECONDS;
	size_t room = 0;

	for (*have = 0;;) {
		int err = answer_room(text, *have, &room);
		ssize_t n = err ? 0 : recv(fd, *text + *have, room - *have - 1, 0);

		if (err || (n < 0 && errno != EINTR))
			return err ?: errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return 0;
		*have += n > 0 ? (size_t)n : 0;
		if (seconds() > end)
			return -ETIMEDOUT;
	}
}

static bool digits(const char *text, size_t n)
{
	return strspn(text, "0123456789") >= n;
}

/* RFC 9112 section 4: a version, one space, three digits, and a space or the end. */
static int status_parse(const char *text, int *status)
{
	if (strncmp(text, "HTTP/1.1 ", 9) || !digits(text + 9, 3) || (text[12] != ' ' && text[12] != '\r'))
		return -EPROTO;
	*status = atoi(text + 9);
	return 0;
}

/* Once, in digits alone; and no other way to tell where a body ends (RFC 9112 section 6.3). */
static int length_parse(const char *head, size_t *length)
{
	bool found = false;

	for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
		const char *value = line + 2 + sizeof("Content-Length:") - 1;
		size_t n;

		if (!strncasecmp(line + 2, "Transfer-Encoding:", 18))
			return -EPROTO;
		if (strncasecmp(line + 2, "Content-Length:", 15))
			continue;
		value += strspn(value, " ");
		n = strspn(value, "0123456789");
		if (found || !n || n > 8 || value[n] != '\r')
			return -EPROTO;
		found = true;
		*length = strtoul(value, NULL, 10);
	}
	return found ? 0 : -EPROTO;
}

int lib_answer_parse(struct lib_answer *a, size_t have)
{
	char *body;
	size_t length;

	a->text[have] = '\0';
	body = strstr(a->text, "\r\n\r\n");
	if (!body || status_parse(a->text, &a->status))
		return -EPROTO;
	body[2] = '\0'; /* the head ends here */
	a->body = body + 4;
	a->size = have - (size_t)(a->body - a->text);
	return length_parse(a->text, &length) ?: length == a->size ? 0 : -EPROTO;
}

int lib_ask(const char *socket, const char *method, const char *path, const char *body,
	    struct lib_answer *answer)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct lib_answer a;
	size_t have = 0;
	int err = body && strlen(body) > LIB_ASK_MAX ? -E2BIG : lib_connect(socket, &fd);

	if (!err)
		err = ask_send(fd, method, path, body);
	if (!err)
		err = answer_read(fd, &text, &have);
	if (err)
		return err;
	a.text = text;
	err = lib_answer_parse(&a, have);
	if (err)
		return err;
	text = NULL;
	*answer = a;
	return 0;
}
