/* SPDX-License-Identifier: Apache-2.0 */
/* Work under way: descriptors opened while all was granted, and what can be done with them later. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static struct {
	int file, dir, pipe[2], pair[2], other[2], tcp;
	int *low; /* memory that a call of 32 bits can name, where there are such calls */
} work;

static char buffer[16] = "work";

/* ioctl(fd, FIONREAD) as a program of 32 bits would call it; -errno. */
static int fionread_compat(int fd)
{
	long ret = 54;

	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"((long)fd), "c"((long)FIONREAD), "d"((long)(intptr_t)work.low)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

/* A kernel without such calls kills who makes one. */
static void compat_open(void)
{
	int status;
	pid_t pid;

	work.low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	pid = fork();
	if (!pid)
		_exit(fionread_compat(work.pipe[0]) ? 1 : 0);
	if (work.low == MAP_FAILED || pid < 0 || waitpid(pid, &status, 0) != pid || status)
		work.low = NULL;
}

/* To where the test listens and sends something. */
static int tcp_open(void)
{
	struct sockaddr_in to = {AF_INET, htons(7001), {htonl(INADDR_LOOPBACK)}, {0}};
	char c;

	work.tcp = socket(AF_INET, SOCK_STREAM, 0);
	return work.tcp < 0 || connect(work.tcp, (struct sockaddr *)&to, sizeof(to)) ||
	       recv(work.tcp, &c, 1, 0) != 1;
}

/* `work-open FILE DIR`: everything has something to read. */
static int do_open(char **w)
{
	work.file = open(w[1], O_RDWR);
	work.dir = open(w[2], O_RDONLY | O_DIRECTORY);
	if (work.file < 0 || work.dir < 0 || pipe(work.pipe) || pipe(work.other) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, work.pair))
		return -errno;
	if (write(work.pipe[1], "data", 4) != 4 || write(work.pair[1], "data", 4) != 4 ||
	    write(work.other[1], "data", 4) != 4)
		return -errno;
	compat_open();
	return tcp_open() ? -errno : ring_open();
}

static int ring_rw(int op, int fd)
{
	struct io_uring_sqe sqe = {
		.opcode = (uint8_t)op, .fd = fd, .addr = (uint64_t)(uintptr_t)buffer, .len = 2};

	return ring_run(&sqe);
}

static int work_read(void)
{
	return done(read(work.file, buffer, 2));
}
static int work_write(void)
{
	return done(pwrite(work.file, buffer, 2, 0));
}
static int work_readv(void)
{
	struct iovec iov = {buffer, 2};

	return done(preadv2(work.file, &iov, 1, 0, 0));
}
static int work_getdents(void)
{
	char entries[1024];

	lseek(work.dir, 0, SEEK_SET);
	return done(getdents64(work.dir, entries, sizeof(entries)));
}
static int work_sendfile(void)
{
	off_t at = 0;

	return done(sendfile(work.pair[0], work.file, &at, 1));
}
static int work_splice(void)
{
	off_t at = 0;

	return done(splice(work.file, &at, work.other[1], NULL, 1, SPLICE_F_NONBLOCK));
}
static int work_tee(void)
{
	return done(tee(work.pipe[0], work.other[1], 1, SPLICE_F_NONBLOCK));
}
static int work_vmsplice(void)
{
	struct iovec iov = {buffer, 1};

	return done(vmsplice(work.other[1], &iov, 1, SPLICE_F_NONBLOCK));
}
static int work_vmsplice_out(void)
{
	struct iovec iov = {buffer, 1};

	return done(vmsplice(work.pipe[0], &iov, 1, SPLICE_F_NONBLOCK));
}
static int work_copy(void)
{
	off_t from = 0, to = 2;

	return done(copy_file_range(work.file, &from, work.file, &to, 1, 0));
}
static int work_pipe_read(void)
{
	return done(read(work.pipe[0], buffer, 1));
}
static int work_pipe_write(void)
{
	return done(write(work.pipe[1], buffer, 1));
}
static int work_send(void)
{
	return done(send(work.pair[0], buffer, 1, MSG_DONTWAIT));
}
static int work_recv(void)
{
	return done(recv(work.pair[0], buffer, 1, MSG_DONTWAIT));
}
static int work_ioctl(void)
{
	int n;

	return done(ioctl(work.pipe[0], FIONREAD, &n));
}
static int work_ioctl_compat(void)
{
	return work.low ? fionread_compat(work.pipe[0]) : work_ioctl();
}

/* Copies, as what there is does not fill a page. */
static int work_zerocopy(void)
{
	struct tcp_zerocopy_receive z = {.copybuf_address = (uintptr_t)buffer, .copybuf_len = sizeof(buffer)};
	socklen_t len = sizeof(z);

	return done(getsockopt(work.tcp, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &z, &len));
}

static int work_ring_read(void)
{
	return ring_rw(IORING_OP_READ, work.file);
}
static int work_ring_write(void)
{
	return ring_rw(IORING_OP_WRITE, work.file);
}
static int work_ring_send(void)
{
	return ring_rw(IORING_OP_SEND, work.pair[0]);
}

static const struct {
	const char *name;
	int (*run)(void);
} works[] = {
	{"read", work_read},
	{"write", work_write},
	{"readv", work_readv},
	{"getdents", work_getdents},
	{"sendfile", work_sendfile},
	{"splice", work_splice},
	{"copy", work_copy},
	{"tee", work_tee},
	{"vmsplice", work_vmsplice},
	{"vmsplice-out", work_vmsplice_out},
	{"pipe-read", work_pipe_read},
	{"pipe-write", work_pipe_write},
	{"send", work_send},
	{"recv", work_recv},
	{"ioctl", work_ioctl},
	{"ioctl-compat", work_ioctl_compat},
	{"zerocopy", work_zerocopy},
	{"ring-read", work_ring_read},
	{"ring-write", work_ring_write},
	{"ring-send", work_ring_send},
};

static int do_work(char **w)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (!strcmp(works[i].name, w[1]))
			return works[i].run();
	return -ENOSYS;
}

/* Calls the kernel no more: what ends it then ends whatever runs. */
static int do_spin(char **w)
{
	(void)w;
	for (;;)
		__asm__ volatile("");
	return 0;
}

/*
 * Where descriptors are refused too, questions come and answers go through memory, which the test reads and
 * writes from outside (/proc/PID/mem).
 */
static struct {
	volatile int32_t full, on;
	char line[512];
} mail;

static int do_mailbox(char **w)
{
	(void)w;
	mail.on = 1;
	detail("%p", (void *)&mail);
	return 0;
}

void mailbox_serve(void (*answer)(char *line, size_t size))
{
	while (mail.on) {
		if (mail.full) {
			answer(mail.line, sizeof(mail.line));
			__atomic_store_n(&mail.full, 0, __ATOMIC_RELEASE);
		}
		usleep(1000);
	}
}

const struct operation work_operations[] = {
	{"work-open", 2, do_open},
	{"work", 1, do_work},
	{"spin", 0, do_spin},
	{"mailbox", 0, do_mailbox},
	{0},
};
