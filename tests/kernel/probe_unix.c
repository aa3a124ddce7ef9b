/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets. A name that begins with '@' is abstract. */
#include <errno.h>
#include <stddef.h>
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

/* unix-own NAME: bound here, connected to by a child. */
static int do_own(char **w)
{
	int fd = unix_listen(w[1], SOCK_STREAM), status;
	pid_t pid;

	if (fd < 0)
		return fd;
	pid = fork();
	if (!pid)
		_exit(-unix_connect(w[1], SOCK_STREAM));
	waitpid(pid, &status, 0);
	close(fd);
	if (*w[1] != '@')
		unlink(w[1]);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
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
	{"unix-bind", 1, do_bind},
	{"unix-serve", 2, do_serve},
	{0},
};
