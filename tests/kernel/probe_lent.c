/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that has the probe's memory in common with it (CLONE_VM without CLONE_THREAD): as vfork(2) makes
 * them, but both go on. It does what it is told through that memory, while the probe waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

#define STACK (1u << 20)

static struct {
	volatile int turn; /* 1: the borrower's */
	char **words;
	int said;
} lent;

/* Both have one errno and one of everything else: never at the same time. */
__attribute__((noreturn)) static int borrower(void *unused)
{
	(void)unused;
	for (;;) {
		while (!lent.turn)
			usleep(1000);
		lent.said = operation_run(lent.words);
		__atomic_store_n(&lent.turn, 0, __ATOMIC_SEQ_CST);
	}
}

static pid_t lend(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (stack == MAP_FAILED)
		return -errno;
	pid = clone(borrower, stack + STACK - 64, CLONE_VM | SIGCHLD, NULL);
	return pid < 0 ? -errno : pid;
}

/* lend: a process that borrows the memory. Its pid. */
static int do_lend(char **w)
{
	pid_t pid = lend();

	(void)w;
	detail("%d", pid);
	return pid < 0 ? pid : 0;
}

/* lent OPERATION...: by that process. */
static int do_lent(char **w)
{
	lent.words = w + 1;
	__atomic_store_n(&lent.turn, 1, __ATOMIC_SEQ_CST);
	while (lent.turn)
		usleep(1000);
	return lent.said;
}

static int server_connect(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = name ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (fd < 0)
		return -EBADF;
	strncpy(to.sun_path, name, sizeof(to.sun_path) - 1);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -errno;
}

static size_t file_read(const char *name, char *text, size_t size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size);

	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

/* The connection on which the request is by now. */
static int daemon_tell(const char *file)
{
	char text[8192];
	size_t have = file_read(file, text, sizeof(text));
	int fd = have ? server_connect(getenv("DEPUTY_SOCKET")) : -ENOENT;

	if (fd < 0 || send(fd, text, have, MSG_NOSIGNAL) == (ssize_t)have)
		return fd;
	close(fd);
	return -EPROTO;
}

static int daemon_hear(int fd, char *answer, size_t size)
{
	ssize_t n;

	memset(answer, 0, size);
	n = read(fd, answer, size - 1);
	close(fd);
	return n < 12 ? -EPROTO : atoi(answer + 9);
}

int daemon_ask(const char *file, char *answer, size_t size)
{
	int fd = daemon_tell(file);

	return fd < 0 ? fd : daemon_hear(fd, answer, size);
}

/* request FILE: the answer's status and the beginning of what it says. */
static int do_request(char **w)
{
	char answer[512], *body;
	int status = daemon_ask(w[1], answer, sizeof(answer));

	if (status < 0)
		return status;
	body = strstr(answer, "\r\n\r\n");
	detail("%d %.220s", status, body ? body + 4 : "");
	return 0;
}

/* The kernel copies the table of descriptors between asking who may be born and giving it the memory. */
static int table_grow(int top)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : done(dup2(0, top));
}

/* request-lend FILE MICROSECONDS TOP: lends that long after the request was sent. The answer's status, and
 * the borrower. */
static int do_request_lend(char **w)
{
	int err = table_grow(atoi(w[3])), fd = err ? err : daemon_tell(w[1]), status;
	char answer[512];
	pid_t pid;

	if (fd < 0)
		return fd;
	usleep((useconds_t)atoi(w[2]));
	pid = lend();
	status = daemon_hear(fd, answer, sizeof(answer));
	detail("%d %d", status, pid);
	return status < 0 ? status : pid < 0 ? pid : 0;
}

const struct operation lent_operations[] = {{"lend", 0, do_lend},
					    {"lent", 1, do_lent},
					    {"request", 1, do_request},
					    {"request-lend", 3, do_request_lend},
					    {0}};
