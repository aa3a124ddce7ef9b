/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agents that do nothing but hold grants: N side by side, or a tree of delegation. Static and small, so that
 * ten thousand fit into a virtual machine. Prints "ready ID", of the first, when all are bound; ends with its
 * input.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define ID_BYTES 24

static const char *mint, *narrower; /* bodies of requests */
static int fan;

static void fail(const char *what)
{
	perror(what);
	kill(0, SIGKILL);
	exit(EX_UNAVAILABLE);
}

static int daemon_connect(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", getenv("DEPUTY_SOCKET"));
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("agents: connect");
	return fd;
}

/* The HTTP status. */
static int ask(const char *target, const char *body, char *answer, size_t size)
{
	int fd = daemon_connect();
	size_t have = 0;
	ssize_t n;

	dprintf(fd,
		"POST %s HTTP/1.1\r\nHost: deputy\r\nConnection: close\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		target, strlen(body), body);
	while (have < size - 1 && (n = recv(fd, answer + have, size - 1 - have, 0)) > 0)
		have += (size_t)n;
	answer[have] = '\0';
	close(fd);
	return have > 12 ? atoi(answer + 9) : 0;
}

/* Waits when it has asked too often. */
static void bind_self(const char *target, const char *body, char id[ID_BYTES])
{
	static char answer[65536];
	const char *at;
	int status;

	while ((status = ask(target, body, answer, sizeof(answer))) == 429)
		sleep(1);
	at = strstr(answer, "\"grant\":");
	if (status != 201 || !at || sscanf(at + 8, " \"%23[a-z0-9]", id) != 1) {
		fprintf(stderr, "agents: %d %s\n", status, answer);
		kill(0, SIGKILL);
	}
}

static void agent(int depth, int levels, int done);

/* One after another, each with all beneath it. */
static void agents_below(int depth, int levels)
{
	char id[ID_BYTES];
	int ends[2];

	if (pipe(ends))
		fail("agents: pipe");
	for (int i = 0; i < fan; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("agents: fork");
		if (!pid) {
			close(ends[0]);
			agent(depth, levels, ends[1]);
		}
		if (read(ends[0], id, sizeof(id)) != sizeof(id))
			fail("agents: read");
	}
	close(ends[0]);
	close(ends[1]);
}

static void agent(int depth, int levels, int done)
{
	char id[ID_BYTES] = "";

	bind_self(depth ? "/v1/delegate" : "/v1/grants", depth ? narrower : mint, id);
	if (depth < levels)
		agents_below(depth + 1, levels);
	if (write(done, id, sizeof(id)) != sizeof(id))
		fail("agents: write");
	close(done);
	for (;;)
		pause();
}

static void agents_start(int count, int levels, char id[ID_BYTES])
{
	char other[ID_BYTES];
	int ends[2];

	if (pipe(ends))
		fail("agents: pipe");
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("agents: fork");
		if (!pid)
			agent(0, levels, ends[1]);
		if (read(ends[0], i ? other : id, ID_BYTES) != ID_BYTES)
			fail("agents: read");
	}
}

int main(int argc, char **argv)
{
	char id[ID_BYTES], byte;

	if (argc != 6 || !getenv("DEPUTY_SOCKET")) {
		fprintf(stderr, "usage: agents COUNT LEVELS FAN BODY NARROWER-BODY\n");
		return EX_USAGE;
	}
	fan = atoi(argv[3]);
	mint = argv[4];
	narrower = argv[5];
	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN); /* nobody waits: the dead go at once */
	agents_start(atoi(argv[1]), atoi(argv[2]), id);
	printf("ready %s\n", id);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	return 0;
}
