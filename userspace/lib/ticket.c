/* SPDX-License-Identifier: Apache-2.0 */
/* Redeeming a ticket between fork(2) and execve(2): nothing here but async-signal-safe calls. */
#pragma GCC visibility push(default)
#include "include/deputy.h"
#pragma GCC visibility pop

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "lib/connect.h"

#define TICKET_MAX 64u /* characters */
#define STATUS_AT  9u  /* in "HTTP/1.1 201 Created" */

/* It becomes a part of a request: letters and digits, as ids are. */
static bool ticket_ok(const char *ticket)
{
	size_t n = strspn(ticket, "abcdefghijklmnopqrstuvwxyz0123456789");

	return n && n <= TICKET_MAX && !ticket[n];
}

int lib_connect(const char *path, int *fd)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = LIB_WAIT_SECONDS};
	int s;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	/* unix(7) has connect(2) wait for a place in a full backlog, by the timeout for sending. */
	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
	    connect(s, (struct sockaddr *)&to, sizeof(to))) {
		int err = errno == EAGAIN ? -ETIMEDOUT : -errno;

		close(s);
		return err;
	}
	*fd = s;
	return 0;
}

static int request_send(int fd, const char *ticket)
{
	static const char head[] = "POST /v1/tickets/";
	static const char tail[] =
		" HTTP/1.1\r\nHost: deputy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	char text[sizeof(head) + TICKET_MAX + sizeof(tail)], *p = text;

	p = mempcpy(p, head, sizeof(head) - 1);
	p = mempcpy(p, ticket, strlen(ticket));
	p = mempcpy(p, tail, sizeof(tail) - 1);
	for (const char *at = text; at < p;) {
		ssize_t n = send(fd, at, (size_t)(p - at), MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		at += n > 0 ? n : 0;
	}
	return 0;
}

static int status_read(int fd, int *status)
{
	char text[STATUS_AT + 3];
	size_t have = 0;

	while (have < sizeof(text)) {
		ssize_t n = recv(fd, text + have, sizeof(text) - have, 0);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return -EPROTO;
		have += n > 0 ? (size_t)n : 0;
	}
	if (memcmp(text, "HTTP/1.", 7) || text[STATUS_AT - 1] != ' ')
		return -EPROTO;
	*status = 0;
	for (size_t i = STATUS_AT; i < sizeof(text); i++)
		*status = *status * 10 + (text[i] - '0');
	return 0;
}

static int status_errno(int status)
{
	static const struct {
		int status, err;
	} errors[] = {{201, 0}, {403, -EPERM}, {404, -ENOENT}, {409, -EBUSY}, {429, -EAGAIN}, {503, -EAGAIN}};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].status == status)
			return errors[i].err;
	return -EPROTO;
}

int deputy_ticket_redeem(const char *path, const char *ticket)
{
	_cleanup_close_ int fd = -1;
	int status = 0, err;

	if (!ticket || !ticket_ok(ticket))
		return -EINVAL;
	err = lib_connect(path ? path : DEPUTY_SOCKET, &fd);
	if (!err)
		err = request_send(fd, ticket);
	if (!err)
		err = status_read(fd, &status);
	return err ?: status_errno(status);
}
