/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/grants of docs/API.md, and /v1/delegate for another layer, by the process that is to be bound. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ruleset.h"

#define MINT   "/v1/grants"
#define NARROW "/v1/delegate" /* a second layer */

static bool is_bound; /* this process, or the one that forked it, holds a grant */

/* By a relative path: tests change their root to where the socket has no name. */
static int daemon_connect(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "deputy.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int err = 0;

	if (fd < 0 || here < 0 || fchdir(daemon_fd) || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		err = -errno;
	if (here >= 0 && fchdir(here))
		err = err ? err : -errno;
	if (here >= 0)
		close(here);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

static void json_print(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '\n')
			fputs("\\n", out);
		else
			fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static char *request_body(const char *policy)
{
	char *body = NULL;
	size_t size;
	FILE *out = open_memstream(&body, &size);

	if (!out)
		return NULL;
	fputs("{\"policy\": {\"name\": \"ruleset.yaml\", \"text\": \"", out);
	json_print(out, policy);
	fputs("\"}, \"purpose\": \"selftest\", \"workdir\": \"/\", \"argv\": [\"selftest\"]}", out);
	fclose(out);
	return body;
}

/* The HTTP status, or -errno. By the time the answer is read the caller is bound. */
static int exchange(int fd, const char *target, const char *body, char *answer, size_t size)
{
	size_t have = 0;
	ssize_t len;

	if (dprintf(fd,
		    "POST %s HTTP/1.1\r\nHost: deputy\r\nConnection: close\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    target, strlen(body), body) < 0)
		return -errno;
	while (have < size - 1 && (len = recv(fd, answer + have, size - 1 - have, 0)) > 0)
		have += (size_t)len;
	answer[have] = '\0';
	return have > 12 ? atoi(answer + 9) : -EPROTO;
}

static int refused(int status, const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n");

	if (body && strstr(body, "wider than grant"))
		shim_note("wider", "a second ruleset that is not within the first");
	else if (body && strstr(body, "any further"))
		shim_note("depth", "a chain has 8 grants");
	else if (status == 409)
		shim_note("threads", "a grant binds a process, and this one has threads");
	else
		shim_note("refused", status < 0 ? strerror(-status) : body ? body + 4 : answer);
	return -EPERM;
}

int grant_take(const char *policy)
{
	char answer[4096] = "", *body = request_body(policy);
	int fd = daemon_connect();
	int status = !body    ? -ENOMEM
		     : fd < 0 ? fd
			      : exchange(fd, is_bound ? NARROW : MINT, body, answer, sizeof(answer));

	free(body);
	if (fd >= 0)
		close(fd);
	if (status != 201)
		return refused(status, answer);
	is_bound = true;
	return 0;
}
