/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that come in from elsewhere, and what a program inherits. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

union control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr head;
};

/* What the kernel will not hand over it leaves out, and says that something was cut. */
static int fd_take(int sock)
{
	union control control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return m.msg_flags & MSG_CTRUNC ? -EACCES : -ENOMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int fd_receive(int sock)
{
	int fd = fd_take(sock);

	return fd < 0 ? fd : done_fd(fd);
}

int fd_from(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int ret, sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, name, sizeof(a.sun_path) - 1);
	ret = done(connect(sock, (struct sockaddr *)&a, sizeof(a))) ?: fd_take(sock);
	close(sock);
	return ret;
}

/* receive-fd SOCKET: from a stranger who listens there. */
static int do_receive(char **w)
{
	int fd = fd_from(w[1]);

	return fd < 0 ? fd : done_fd(fd);
}

static int fd_send(int sock, int fd)
{
	union control control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* pass-fd FD: to oneself. */
static int do_pass(char **w)
{
	int ret, ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	ret = fd_send(ends[0], atoi(w[1])) ?: fd_receive(ends[1]);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* lent-listen SOCKET FAMILY TYPE PROTOCOL: on a socket of one's own that who listens there has bound. */
static int do_lent_listen(char **w)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int ret, sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(atoi(w[2]), atoi(w[3]) | SOCK_CLOEXEC, atoi(w[4]));
	char byte;

	if (sock < 0 || fd < 0)
		return -errno;
	strncpy(a.sun_path, w[1], sizeof(a.sun_path) - 1);
	ret = done(connect(sock, (struct sockaddr *)&a, sizeof(a))) ?: fd_send(sock, fd);
	if (!ret && recv(sock, &byte, 1, 0) != 1)
		ret = -EPROTO;
	ret = ret ?: done(listen(fd, 1));
	close(sock);
	close(fd);
	return ret;
}

/* Connects to the listener, accepts and hands the accepted end to oneself. */
static int accept_pass(int listener)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int ret, to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), from;
	char word[16], *words[] = {"pass-fd", word, NULL};
	pid_t pid;

	if (getsockname(listener, (struct sockaddr *)&a, &len))
		return -errno;
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){30, 0}, sizeof(struct timeval));
	setsockopt(to, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
		   sizeof(struct linger)); /* reset: no TIME-WAIT keeps the port */
	pid = fork();
	if (!pid)
		_exit(connect(to, (struct sockaddr *)&a, len) ? errno : 0);
	from = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	snprintf(word, sizeof(word), "%d", from);
	ret = from < 0 ? -errno : do_pass(words);
	waitpid(pid, NULL, 0);
	close(to);
	close(from);
	return ret;
}

/* accept-pass-inherited FD */
static int do_accept_pass_inherited(char **w)
{
	return accept_pass(atoi(w[1]));
}

/* accept-pass PORT */
static int do_accept_pass(char **w)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((in_port_t)atoi(w[1])),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int ret, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ret = done(bind(fd, (struct sockaddr *)&a, sizeof(a)) ?: listen(fd, 4)) ?: accept_pass(fd);
	close(fd);
	return ret;
}

/* getfd-fd FD: pidfd_getfd(2) on oneself. */
static int do_getfd(char **w)
{
	int ret, self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (self < 0)
		return -errno;
	ret = done_fd((int)syscall(SYS_pidfd_getfd, self, atoi(w[1]), 0));
	close(self);
	return ret;
}

static int listener_make(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
}

/* The child waits in a call that its listener answers by adding a descriptor to it. */
static int addfd_to(int listener, int fd)
{
	struct seccomp_notif notif = {0};
	struct seccomp_notif_addfd add = {.srcfd = (uint32_t)fd};
	struct seccomp_notif_resp resp = {0};
	int ret;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif))
		return -errno;
	add.id = resp.id = notif.id;
	ret = done(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp);
	return ret;
}

/* addfd-fd FD: the listener is shared by CLONE_FILES. */
static int do_addfd(char **w)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int ret;

	*shared = -1;
	pid = (pid_t)syscall(SYS_clone, 0x400 /* CLONE_FILES */ | 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (!pid) {
		*shared = listener_make();
		syscall(SYS_getpgrp);
		_exit(0);
	}
	while (*shared == -1)
		usleep(1000);
	ret = addfd_to(*shared, atoi(w[1]));
	waitpid(pid, NULL, 0);
	close(*shared);
	munmap((void *)shared, 4096);
	return ret;
}

static int do_write_fd(char **w)
{
	return done(write(atoi(w[1]), "x", 1));
}

/* Straight into a slot of the ring's table: no descriptor ever is. */
static int do_ring_direct(char **w)
{
	static int made;
	int slots[1] = {-1};
	struct io_uring_sqe sqe = {.opcode = IORING_OP_OPENAT,
				   .fd = AT_FDCWD,
				   .addr = (uintptr_t)w[1],
				   .open_flags = O_RDONLY,
				   .file_index = 1};

	if (ring_open())
		return -errno;
	if (!made && syscall(SYS_io_uring_register, ring_fd(), IORING_REGISTER_FILES, slots, 1))
		return -errno;
	made = 1;
	return ring_run(&sqe);
}

/* caps: the effective set. */
static int do_caps(char **w)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	int ret = done(syscall(SYS_capget, &head, data));

	(void)w;
	detail("%08x%08x", data[1].effective, data[0].effective);
	return ret;
}

static int do_egid(char **w)
{
	(void)w;
	detail("%d %d", (int)getgid(), (int)getegid());
	return 0;
}

const struct operation pass_operations[] = {
	{"receive-fd", 1, do_receive},	    {"pass-fd", 1, do_pass},
	{"lent-listen", 4, do_lent_listen}, {"getfd-fd", 1, do_getfd},
	{"accept-pass", 1, do_accept_pass}, {"accept-pass-inherited", 1, do_accept_pass_inherited},
	{"addfd-fd", 1, do_addfd},	    {"write-fd", 1, do_write_fd},
	{"ring-direct", 1, do_ring_direct}, {"caps", 0, do_caps},
	{"group-ids", 0, do_egid},	    {0},
};
