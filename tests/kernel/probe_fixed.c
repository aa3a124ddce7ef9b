/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_uring with what was given to the ring beforehand: files of its own table, registered memory, a polling
 * thread; and commands to a file's driver. `fixed-open FILE` prepares, `fixed WAY ...` does one of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

/* Newer than the headers that this may be built with. */
#define OP_SOCKET      45
#define OP_URING_CMD   46
#define OP_SEND_ZC     47
#define OP_INSTALL     54
#define OP_FTRUNCATE   55
#define ZC_FIXED       (1u << 2) /* IORING_RECVSEND_FIXED_BUF */
#define CMD_SIOCINQ    0
#define CMD_SETSOCKOPT 3
#define ADDRESS(of)    ((uint64_t)(uintptr_t)(of))

enum { FILE_AT, TCP_AT, PIPE_AT, NEW_AT, TABLE };

static char memory[4096] __attribute__((aligned(4096))) = "fixed";
static int files[TABLE] = {-1, -1, -1, -1};

static int tcp_open(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(7001), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c;

	return fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) || recv(fd, &c, 1, 0) != 1 ? -errno
												    : fd;
}

/* fixed-open FILE */
static int do_fixed_open(char **w)
{
	struct iovec part = {memory, sizeof(memory)};
	int ends[2], err = ring_open();

	if (err)
		return err;
	files[FILE_AT] = open(w[1], O_RDWR | O_CLOEXEC);
	files[TCP_AT] = tcp_open();
	if (files[FILE_AT] < 0 || files[TCP_AT] < 0 || pipe2(ends, O_CLOEXEC))
		return -errno;
	files[PIPE_AT] = ends[1];
	syscall(SYS_io_uring_register, ring_fd(), IORING_UNREGISTER_FILES, NULL, 0);
	syscall(SYS_io_uring_register, ring_fd(), IORING_UNREGISTER_BUFFERS, NULL, 0);
	return done(syscall(SYS_io_uring_register, ring_fd(), IORING_REGISTER_FILES, files, TABLE)) ?:
	       done(syscall(SYS_io_uring_register, ring_fd(), IORING_REGISTER_BUFFERS, &part, 1)) ?:
	       polled_begin();
}

static int fixed_rw(uint8_t op, int at)
{
	struct io_uring_sqe sqe = {
		.opcode = op, .flags = IOSQE_FIXED_FILE, .fd = at, .addr = ADDRESS(memory), .len = 2};

	return ring_run(&sqe);
}

static int fixed_read(char **w)
{
	(void)w;
	return fixed_rw(IORING_OP_READ_FIXED, FILE_AT);
}

static int fixed_write(char **w)
{
	(void)w;
	return fixed_rw(IORING_OP_WRITE_FIXED, FILE_AT);
}

static int fixed_send(char **w)
{
	(void)w;
	return fixed_rw(IORING_OP_SEND, TCP_AT);
}

static int fixed_recv(char **w)
{
	(void)w;
	return fixed_rw(IORING_OP_RECV, TCP_AT);
}

static int fixed_send_zc(char **w)
{
	struct io_uring_sqe sqe = {.opcode = OP_SEND_ZC,
				   .flags = IOSQE_FIXED_FILE,
				   .ioprio = ZC_FIXED,
				   .fd = TCP_AT,
				   .addr = ADDRESS(memory),
				   .len = 2};

	(void)w;
	return ring_run(&sqe);
}

static int fixed_splice(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SPLICE,
				   .flags = IOSQE_FIXED_FILE,
				   .fd = PIPE_AT,
				   .off = (uint64_t)-1,
				   .len = 1,
				   .splice_flags = SPLICE_F_FD_IN_FIXED,
				   .splice_fd_in = FILE_AT};

	(void)w;
	return ring_run(&sqe);
}

static int fixed_fallocate(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_FALLOCATE,
				   .flags = IOSQE_FIXED_FILE,
				   .fd = FILE_AT,
				   .addr = 16,
				   .len = 1 /* FALLOC_FL_KEEP_SIZE */};

	(void)w;
	return ring_run(&sqe);
}

static int fixed_ftruncate(char **w)
{
	struct io_uring_sqe sqe = {
		.opcode = OP_FTRUNCATE, .flags = IOSQE_FIXED_FILE, .fd = FILE_AT, .off = 16};

	(void)w;
	return ring_run(&sqe);
}

/* A descriptor of a file that was one of the ring's only. */
static int fixed_install(char **w)
{
	struct io_uring_sqe sqe = {.opcode = OP_INSTALL, .flags = IOSQE_FIXED_FILE, .fd = FILE_AT};

	(void)w;
	return ring_run(&sqe);
}

static int fixed_cmd(char **w)
{
	struct io_uring_sqe sqe = {
		.opcode = OP_URING_CMD, .flags = IOSQE_FIXED_FILE, .fd = TCP_AT, .off = CMD_SIOCINQ};

	(void)w;
	return ring_run(&sqe);
}

/* fixed option LEVEL OPTION: a command that sets four bytes. */
static int fixed_option(char **w)
{
	static int value = 1;
	struct io_uring_sqe sqe = {
		.opcode = OP_URING_CMD, .flags = IOSQE_FIXED_FILE, .fd = TCP_AT, .off = CMD_SETSOCKOPT};
	uint32_t name[2];
	uint64_t at = ADDRESS(&value);

	if (!w[2] || !w[3])
		return -EINVAL;
	name[0] = (uint32_t)atoi(w[2]);
	name[1] = (uint32_t)atoi(w[3]);
	memcpy(&sqe.addr, name, sizeof(name));
	sqe.file_index = sizeof(value);
	memcpy((char *)&sqe + 48, &at, sizeof(at)); /* addr3 */
	return ring_run(&sqe);
}

/* fixed socket FAMILY TYPE PROTOCOL: straight into the table. */
static int fixed_socket(char **w)
{
	struct io_uring_sqe sqe = {.opcode = OP_SOCKET, .file_index = NEW_AT + 1};

	if (!w[2] || !w[3] || !w[4])
		return -EINVAL;
	sqe.fd = atoi(w[2]);
	sqe.off = (uint64_t)atoi(w[3]);
	sqe.len = (uint32_t)atoi(w[4]);
	return ring_run(&sqe);
}

/* fixed connect PORT: by a socket that never was a descriptor. */
static int fixed_connect(char **w)
{
	char *stream[] = {"fixed", "socket", "2", "1", "0", NULL};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_CONNECT,
				   .flags = IOSQE_FIXED_FILE,
				   .fd = NEW_AT,
				   .addr = ADDRESS(&to),
				   .off = sizeof(to)};

	if (!w[2])
		return -EINVAL;
	to.sin_port = htons((in_port_t)atoi(w[2]));
	return fixed_socket(stream) ?: ring_run(&sqe);
}

/* By a thread of the kernel's that was there before. */
static int fixed_polled(char **w)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_READ, .fd = files[FILE_AT], .addr = ADDRESS(memory), .len = 2};

	(void)w;
	return polled_again(&sqe);
}

static const struct {
	const char *name;
	int (*run)(char **w);
} ways[] = {
	{"read", fixed_read},		{"write", fixed_write},
	{"send", fixed_send},		{"recv", fixed_recv},
	{"send-zc", fixed_send_zc},	{"splice", fixed_splice},
	{"fallocate", fixed_fallocate}, {"ftruncate", fixed_ftruncate},
	{"install", fixed_install},	{"cmd", fixed_cmd},
	{"option", fixed_option},	{"socket", fixed_socket},
	{"connect", fixed_connect},	{"polled", fixed_polled},
};

static int do_fixed(char **w)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, w[1]))
			return ways[i].run(w);
	return -ENOSYS;
}

/* uring-cmd FILE: to a device that takes any (/dev/null, since 6.2). */
static int do_uring_cmd(char **w)
{
	int ret, fd = open(w[1], O_RDWR | O_CLOEXEC);
	struct io_uring_sqe sqe = {.opcode = OP_URING_CMD, .fd = fd};

	if (fd < 0)
		return -errno;
	ret = ring_run(&sqe);
	close(fd);
	return ret;
}

const struct operation fixed_operations[] = {
	{"fixed-open", 1, do_fixed_open}, {"fixed", 1, do_fixed}, {"uring-cmd", 1, do_uring_cmd}, {0}};
