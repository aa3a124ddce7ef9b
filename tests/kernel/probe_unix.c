/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets. A name that begins with '@' is abstract. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static socklen_t name_set(const char *name, struct sockaddr_un *a)
{
	size_t len = strlen(name);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len >= sizeof(a->sun_path))
		len = sizeof(a->sun_path) - 1;
	memcpy(a->sun_path, name, len);
	if (*name == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*name != '@'));
}

static int unix_connect(const char *name, int type)
{
	struct sockaddr_un a;
	socklen_t len = name_set(name, &a);
	int ret, fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	ret = done(connect(fd, (struct sockaddr *)&a, len));
	close(fd);
	return ret;
}

static int do_connect_stream(char **w)
{
	return unix_connect(w[1], SOCK_STREAM);
}

static int do_connect_packet(char **w)
{
	return unix_connect(w[1], SOCK_SEQPACKET);
}

static int do_connect_datagram(char **w)
{
	return unix_connect(w[1], SOCK_DGRAM);
}

static int do_send(char **w)
{
	struct sockaddr_un a;
	socklen_t len = name_set(w[1], &a);
	int ret, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	ret = done(sendto(fd, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, len));
	close(fd);
	return ret;
}

static int unix_listen(const char *name, int type)
{
	struct sockaddr_un a;
	socklen_t len = name_set(name, &a);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), err;

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, len) && (type == SOCK_DGRAM || !listen(fd, 128)))
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* Bound here, connected to by a child. */
static int unix_own(const char *name, int type)
{
	int fd = unix_listen(name, type), status;
	pid_t pid;

	if (fd < 0)
		return fd;
	pid = fork();
	if (!pid)
		_exit(-unix_connect(name, type));
	waitpid(pid, &status, 0);
	close(fd);
	if (*name != '@')
		unlink(name);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* unix-own NAME */
static int do_own(char **w)
{
	return unix_own(w[1], SOCK_STREAM);
}

static int do_own_packet(char **w)
{
	return unix_own(w[1], SOCK_SEQPACKET);
}

static int do_own_datagram(char **w)
{
	return unix_own(w[1], SOCK_DGRAM);
}

/* unix-own-autobind: an abstract name of the kernel's choice, connected to by this process. */
static int do_own_autobind(char **w)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(a);
	int ret, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)w;
	ret = done(bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)));
	if (!ret && !getsockname(fd, (struct sockaddr *)&a, &len))
		ret = sendto(from, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&a, len) < 0 ? -errno : 0;
	close(fd);
	close(from);
	return ret;
}

/* unix-connect-magic NAME: by a descriptor that opens nothing. */
static int do_connect_magic(char **w)
{
	int ret, fd = open(w[1], O_PATH | O_CLOEXEC);
	char name[32];

	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ret = unix_connect(name, SOCK_STREAM);
	close(fd);
	return ret;
}

/* unix-listen-fd FD */
static int do_listen_fd(char **w)
{
	return done(listen(atoi(w[1]), 5));
}

/* unix-credentials PID UID: says to be those, to itself. */
static int do_credentials(char **w)
{
	union {
		char room[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr head;
	} control = {.head = {CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS}};
	struct ucred who = {.pid = atoi(w[1]) ?: getpid(), .uid = (uid_t)atoi(w[2]), .gid = getgid()};
	struct iovec iov = {"x", 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	int ret, ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	memcpy(CMSG_DATA(&control.head), &who, sizeof(who));
	ret = sendmsg(ends[0], &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* unix-bind NAME: makes a file unless the name is abstract. */
static int do_bind(char **w)
{
	int fd = unix_listen(w[1], SOCK_STREAM);

	return fd < 0 ? fd : done_fd(fd);
}

/* unix-serve stream|datagram NAME: listens until the probe ends. */
static int do_serve(char **w)
{
	int fd = unix_listen(w[2], w[1][0] == 's'   ? SOCK_STREAM
				   : w[1][0] == 'p' ? SOCK_SEQPACKET
						    : SOCK_DGRAM);

	return fd < 0 ? fd : 0;
}

const struct operation unix_operations[] = {
	{"unix-connect", 1, do_connect_stream},
	{"unix-connect-packet", 1, do_connect_packet},
	{"unix-connect-datagram", 1, do_connect_datagram},
	{"unix-send", 1, do_send},
	{"unix-own", 1, do_own},
	{"unix-own-packet", 1, do_own_packet},
	{"unix-own-datagram", 1, do_own_datagram},
	{"unix-own-autobind", 0, do_own_autobind},
	{"unix-connect-magic", 1, do_connect_magic},
	{"unix-listen-fd", 1, do_listen_fd},
	{"unix-credentials", 2, do_credentials},
	{"unix-bind", 1, do_bind},
	{"unix-serve", 2, do_serve},
	{0},
};
