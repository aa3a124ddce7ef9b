/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay SECONDS FILE QEMU ARGS...: runs QEMU with one end of a socket pair as descriptor 3, prints the output
 * that the guest sends there, and writes the command's exit status to FILE. Ends with 0 when there is a
 * status, 1 when the guest stopped without one, 2 when the time is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

enum { DONE = 0, DIED = 1, HUNG = 2, QEMU_FD = 3, OFF_WAIT_MS = 5000 };

static char buffer[2 * FRAME_MAX];
static size_t filled;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "vm: relay: %s: %s\n", what, strerror(errno));
	exit(DIED);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("output");
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
}

static void write_status(const char *path, const char *data)
{
	int status;
	FILE *file = fopen(path, "we");

	memcpy(&status, data, sizeof(status));
	if (!file ||
	    fprintf(file, "%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)) < 0)
		die(path);
	fclose(file);
}

/* Consumes the whole frames in the buffer; true when the status was among them. */
static int take_frames(const char *status_file)
{
	size_t at = 0;
	int ended = 0;

	while (filled - at >= FRAME_HEAD) {
		const char *frame = buffer + at;
		size_t size = frame_size(frame);

		if (size > FRAME_DATA)
			die("bad frame");
		if (filled - at < FRAME_HEAD + size)
			break;
		if (frame[0] == FRAME_OUTPUT)
			write_all(STDOUT_FILENO, frame + FRAME_HEAD, size);
		else if (frame[0] == FRAME_STATUS && size == sizeof(int)) {
			write_status(status_file, frame + FRAME_HEAD);
			ended = 1;
		}
		at += FRAME_HEAD + size;
	}
	memmove(buffer, buffer + at, filled - at);
	filled -= at;
	return ended;
}

static int receive(int port, const char *status_file, long deadline)
{
	struct pollfd fd = {.fd = port, .events = POLLIN};

	for (;;) {
		long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&fd, 1, (int)left) == 0)
			return HUNG;
		n = read(port, buffer + filled, sizeof(buffer) - filled);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return DIED;
		filled += (size_t)n;
		if (take_frames(status_file))
			return DONE;
	}
}

static pid_t start(char **qemu, int port)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (dup2(port, QEMU_FD) < 0)
		die("descriptor");
	fcntl(QEMU_FD, F_SETFD, 0);
	execvp(qemu[0], qemu);
	die(qemu[0]);
}

/* The guest powers off once it knows that everything has been read. */
static void finish(int port, pid_t qemu)
{
	struct pollfd fd = {.fd = port, .events = POLLIN};

	if (send(port, "A", 1, MSG_NOSIGNAL) == 1)
		poll(&fd, 1, OFF_WAIT_MS);
	kill(qemu, SIGKILL);
	waitpid(qemu, NULL, 0);
}

int main(int argc, char **argv)
{
	int ends[2];

	if (argc < 4)
		return 64;
	/* The reader of the output may be gone, whatever our parent does about it. */
	signal(SIGPIPE, SIG_DFL);
	long deadline = now_ms() + 1000 * strtol(argv[1], NULL, 10);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		die("socket pair");
	pid_t qemu = start(argv + 3, ends[1]);
	if (qemu < 0)
		die("fork");
	close(ends[1]);
	int result = receive(ends[0], argv[2], deadline);
	finish(ends[0], qemu);
	return result;
}
