/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring whose thread is its maker's (IORING_SETUP_SQPOLL), in the hands of somebody else. The thread takes
 * paths from its maker's memory and puts descriptors into its maker's table, so the name that is to be opened
 * waits here, and that it was opened is the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define WAIT_ROUNDS 3000 /* of 10 ms: emulated machines are slow */

static char name[256];

/* Makes a ring with a thread; its number without close-on-exec, or -errno. */
static int ring_make(unsigned flags)
{
	struct io_uring_params p = {.flags = flags};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &p);

	if (fd < 0)
		return -errno;
	return fcntl(fd, F_SETFD, 0) ? -errno : fd;
}

/* What its maker's thread answers to an open of the name at `address`. */
static int ring_ask(int fd, unsigned long address)
{
	struct io_uring_params p = {0};
	char *rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	int probe;

	if (rings == MAP_FAILED || (void *)sqe == MAP_FAILED)
		return -errno;
	/* Another of its size tells the layout. */
	probe = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (probe < 0)
		return -errno;
	close(probe);
	*sqe = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = address};
	((unsigned *)(rings + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(rings + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0) < 0)
		return -errno;
	for (int i = 0; i < WAIT_ROUNDS; i++) {
		if (__atomic_load_n((unsigned *)(rings + p.cq_off.tail), __ATOMIC_ACQUIRE)) {
			int ret = ((struct io_uring_cqe *)(rings + p.cq_off.cqes))->res;

			return ret < 0 ? ret : 0;
		}
		usleep(10000);
	}
	return -ETIMEDOUT;
}

/* sqpoll-use FD ADDRESS: in a process that was given the ring. */
static int do_use(char **w)
{
	return ring_ask(atoi(w[1]), strtoul(w[2], NULL, 16));
}

/* Who executes `command... FD -- PROBE sqpoll-use FD ADDRESS`, which answers if it is run at all. */
static void child_exec(char **command, int fd)
{
	char *argv[2 * WORDS], number[16], address[32];
	int n = 0;

	snprintf(number, sizeof(number), "%d", fd);
	snprintf(address, sizeof(address), "%lx", (unsigned long)name);
	while (command[n] && n < WORDS) {
		argv[n] = command[n];
		n++;
	}
	argv[n++] = number;
	argv[n++] = "--";
	argv[n++] = getenv("PROBE");
	argv[n++] = "sqpoll-use";
	argv[n++] = number;
	argv[n++] = address;
	argv[n] = NULL;
	execv(argv[0], argv);
	_exit(126);
}

/* sqpoll-give FILE COMMAND...: the command is given a ring through which FILE would be opened out here. */
static int do_give(char **w)
{
	int fd = ring_make(IORING_SETUP_SQPOLL), status;
	pid_t pid;

	snprintf(name, sizeof(name), "%s", w[1]);
	if (fd < 0)
		return fd;
	pid = fork();
	if (!pid)
		child_exec(w + 2, fd);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	close(fd);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 1; /* it answered */
	detail("%d", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return -EACCES;
}

/* sqpoll-run FD -- PROBE OPERATION...: what `deputy run --keep-fd` does, without a grant. */
static int do_run(char **w)
{
	return operation_run(w + 4);
}

const struct operation sqpoll_operations[] = {
	{"sqpoll-give", 2, do_give},
	{"sqpoll-run", 4, do_run},
	{"sqpoll-use", 2, do_use},
	{0},
};
