/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring does by itself what other system calls do: `uring OPERATION ARGS...`, -EINVAL where it cannot. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

/* Newer than the headers that this may be built with. */
#define OP_SENDMSG   9
#define OP_CONNECT   16
#define OP_FSETXATTR 41
#define OP_SETXATTR  42
#define OP_GETXATTR  44
#define OP_SOCKET    45
#define OP_SEND_ZC   47
#define OP_BIND	     56

#define ADDRESS(of) ((uint64_t)(uintptr_t)(of))

static int run_openat(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[2]),
				   .open_flags = O_RDONLY | O_CLOEXEC};

	return ring_run(&sqe);
}

/* In a worker of the kernel's. */
static int run_openat_async(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .flags = IOSQE_ASYNC,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[2]),
				   .open_flags = O_WRONLY | O_CLOEXEC};

	return ring_run(&sqe);
}

static int run_openat2(char **w)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT2,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[2]),
				   .len = sizeof(how),
				   .off = ADDRESS(&how)};

	return ring_run(&sqe);
}

static int run_unlinkat(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = ADDRESS(w[2])};

	return ring_run(&sqe);
}

static int run_mkdirat(char **w)
{
	struct io_uring_sqe sqe = {
		.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = ADDRESS(w[2]), .len = 0755};

	return ring_run(&sqe);
}

static int two_names(char **w, int op)
{
	struct io_uring_sqe sqe = {.opcode = (uint8_t)op,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[2]),
				   .len = (uint32_t)AT_FDCWD,
				   .off = ADDRESS(w[3])};

	return w[3] ? ring_run(&sqe) : -EINVAL;
}

static int run_renameat(char **w)
{
	return two_names(w, IORING_OP_RENAMEAT);
}

static int run_linkat(char **w)
{
	return two_names(w, IORING_OP_LINKAT);
}

static int run_symlinkat(char **w)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_SYMLINKAT,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS("anywhere"),
				   .off = ADDRESS(w[2])};

	return ring_run(&sqe);
}

static int run_statx(char **w)
{
	struct statx buf;
	struct io_uring_sqe sqe = {.opcode = IORING_OP_STATX,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[2]),
				   .len = STATX_BASIC_STATS,
				   .off = ADDRESS(&buf)};

	return ring_run(&sqe);
}

/* addr3, where headers have it, is at 48. */
static void third_set(struct io_uring_sqe *sqe, const void *at)
{
	uint64_t value = ADDRESS(at);

	memcpy((char *)sqe + 48, &value, sizeof(value));
}

static int run_setxattr(char **w)
{
	struct io_uring_sqe sqe = {
		.opcode = OP_SETXATTR, .addr = ADDRESS("user.kt"), .off = ADDRESS("x"), .len = 1};

	third_set(&sqe, w[2]);
	return ring_run(&sqe);
}

static int run_getxattr(char **w)
{
	char value[16];
	struct io_uring_sqe sqe = {.opcode = OP_GETXATTR,
				   .addr = ADDRESS("user.kt"),
				   .off = ADDRESS(value),
				   .len = sizeof(value)};
	int ret;

	third_set(&sqe, w[2]);
	ret = ring_run(&sqe);
	return ret == -ENODATA ? 0 : ret;
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr = {htonl(INADDR_LOOPBACK)},
				    .sin_port = htons((uint16_t)atoi(port))};
}

/* With a socket of its own for the time of one operation; its number is put in. */
static int with_socket(int family, int type, struct io_uring_sqe *sqe)
{
	int ret, fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	sqe->fd = fd;
	ret = ring_run(sqe);
	close(fd);
	return ret;
}

static int run_connect(char **w)
{
	struct sockaddr_in a = loopback(w[2]);
	struct io_uring_sqe sqe = {.opcode = OP_CONNECT, .addr = ADDRESS(&a), .off = sizeof(a)};

	return with_socket(AF_INET, SOCK_STREAM, &sqe);
}

static int run_bind(char **w)
{
	struct sockaddr_in a = loopback(w[2]);
	struct io_uring_sqe sqe = {.opcode = OP_BIND, .addr = ADDRESS(&a), .off = sizeof(a)};

	return with_socket(AF_INET, SOCK_STREAM, &sqe);
}

static int run_unix_connect(char **w)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct io_uring_sqe sqe = {.opcode = OP_CONNECT, .addr = ADDRESS(&a), .off = sizeof(a)};

	strncpy(a.sun_path, w[2], sizeof(a.sun_path) - 1);
	return with_socket(AF_UNIX, SOCK_STREAM, &sqe);
}

static int run_sendmsg(char **w)
{
	struct sockaddr_in a = loopback(w[2]);
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &iov, .msg_iovlen = 1};
	struct io_uring_sqe sqe = {.opcode = OP_SENDMSG, .addr = ADDRESS(&m), .len = 1};

	return with_socket(AF_INET, SOCK_DGRAM, &sqe);
}

static int run_send_zc(char **w)
{
	struct sockaddr_in a = loopback(w[2]);
	struct io_uring_sqe sqe = {.opcode = OP_SEND_ZC, .addr = ADDRESS("x"), .len = 1, .off = ADDRESS(&a)};

	*((uint16_t *)((char *)&sqe + 44)) = sizeof(a); /* addr_len */
	return with_socket(AF_INET, SOCK_DGRAM, &sqe);
}

/* uring socket FAMILY TYPE PROTOCOL */
static int run_socket(char **w)
{
	struct io_uring_sqe sqe = {.opcode = OP_SOCKET};

	if (!w[3] || !w[4])
		return -EINVAL;
	sqe.fd = atoi(w[2]);
	sqe.off = (uint64_t)atoi(w[3]);
	sqe.len = (uint32_t)atoi(w[4]);
	return ring_run(&sqe);
}

static const struct {
	const char *name;
	int (*run)(char **w);
} runs[] = {
	{"openat", run_openat},	    {"openat-async", run_openat_async},
	{"openat2", run_openat2},   {"unlinkat", run_unlinkat},
	{"mkdirat", run_mkdirat},   {"renameat", run_renameat},
	{"linkat", run_linkat},	    {"symlinkat", run_symlinkat},
	{"statx", run_statx},	    {"setxattr", run_setxattr},
	{"getxattr", run_getxattr}, {"connect", run_connect},
	{"bind", run_bind},	    {"unix-connect", run_unix_connect},
	{"sendmsg", run_sendmsg},   {"send_zc", run_send_zc},
	{"socket", run_socket},
};

static int do_uring(char **w)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		if (!strcmp(runs[i].name, w[1]))
			return runs[i].run(w);
	return -ENOSYS;
}

/* ---- a polling thread that wears credentials of another time ---- */

struct polled {
	struct io_uring_params p;
	int fd;
	char *rings;
	struct io_uring_sqe *sqe;
};

static int polled_open(struct polled *r, unsigned int flags, int beside)
{
	*r = (struct polled){.p = {.flags = IORING_SETUP_SQPOLL | flags, .wq_fd = (uint32_t)beside}};
	r->fd = (int)syscall(SYS_io_uring_setup, 1, &r->p);
	if (r->fd < 0)
		return -errno;
	r->rings = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
	return r->rings == MAP_FAILED || (void *)r->sqe == MAP_FAILED ? -errno : 0;
}

static int polled_run(struct polled *r, const struct io_uring_sqe *sqe)
{
	uint32_t *tail = (uint32_t *)(r->rings + r->p.sq_off.tail);
	uint32_t *array = (uint32_t *)(r->rings + r->p.sq_off.array);
	uint32_t *head = (uint32_t *)(r->rings + r->p.cq_off.head);
	uint32_t mask = *(uint32_t *)(r->rings + r->p.cq_off.ring_mask);
	struct io_uring_cqe *cqes = (void *)(r->rings + r->p.cq_off.cqes);
	int res;

	*r->sqe = *sqe;
	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_SEQ_CST);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL,
		    0) < 0)
		return -errno;
	res = __atomic_load_n(&cqes[*head & mask].res, __ATOMIC_ACQUIRE);
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

static struct polled kept = {.fd = -1};

int polled_begin(void)
{
	return kept.fd < 0 ? polled_open(&kept, 0, 0) : 0;
}

int polled_again(const struct io_uring_sqe *sqe)
{
	int ret = polled_run(&kept, sqe);

	return ret < 0 ? ret : 0;
}

/* The same set of capabilities once more: credentials of another address. */
static int creds_renew(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) || syscall(SYS_capset, &head, data))
		return -errno;
	return 0;
}

/*
 * polled-read PATH: opened by a thread that was made for one ring and serves another, which was set up with
 * other credentials: it takes those on for the time, as overlayfs takes on those of whoever mounted it.
 */
static int do_polled_read(char **w)
{
	struct polled first, second = {.fd = -1};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .fd = AT_FDCWD,
				   .addr = ADDRESS(w[1]),
				   .open_flags = O_RDONLY | O_CLOEXEC};
	int ret = polled_open(&first, 0, 0);

	if (!ret)
		ret = creds_renew() ?: polled_open(&second, IORING_SETUP_ATTACH_WQ, first.fd);
	if (!ret)
		ret = polled_run(&second, &sqe);
	if (ret > 0)
		ret = done_fd(ret);
	if (second.fd >= 0)
		close(second.fd);
	close(first.fd);
	return ret;
}

/* msg_ring: a file of one ring's table becomes one of another's. */
static int do_ring_message(char **w)
{
	int slots[1] = {-1}, target, ret;
	struct io_uring_params p = {0};
	struct io_uring_sqe open_sqe = {.opcode = IORING_OP_OPENAT,
					.fd = AT_FDCWD,
					.addr = ADDRESS(w[1]),
					.open_flags = O_RDONLY,
					.file_index = 1};
	struct io_uring_sqe send_sqe = {.opcode = 40 /* IORING_OP_MSG_RING */, .file_index = 1, .addr = 1};

	if (ring_open())
		return -errno;
	syscall(SYS_io_uring_register, ring_fd(), IORING_REGISTER_FILES, slots, 1);
	target = (int)syscall(SYS_io_uring_setup, 1, &p);
	if (target < 0 || syscall(SYS_io_uring_register, target, IORING_REGISTER_FILES, slots, 1))
		return -errno;
	send_sqe.fd = target;
	ret = ring_run(&open_sqe) ?: ring_run(&send_sqe);
	syscall(SYS_io_uring_register, ring_fd(), IORING_UNREGISTER_FILES, NULL, 0);
	close(target);
	return ret;
}

const struct operation uring_operations[] = {{"uring", 2, do_uring},
					     {"polled-read", 1, do_polled_read},
					     {"ring-message", 1, do_ring_message},
					     {0}};
