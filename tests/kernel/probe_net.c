/* SPDX-License-Identifier: Apache-2.0 */
/* TCP, UDP, and the other families. Addresses as `4 127.0.0.1 80`: the socket's family, the address, the
 * port. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

static int family_of(const char *word)
{
	return word[0] == '6' ? AF_INET6 : AF_INET;
}

/* By what the text is, whatever the socket's family: v6 sockets take v4 addresses in some calls. */
static int address_parse(char **w, struct address *a)
{
	memset(a, 0, sizeof(*a));
	a->len = sizeof(a->v4);
	a->v4.sin_family = AF_INET;
	a->v4.sin_port = htons((in_port_t)atoi(w[3]));
	if (inet_pton(AF_INET, w[2], &a->v4.sin_addr) == 1)
		return 0;
	a->len = sizeof(a->v6);
	a->v6.sin6_family = AF_INET6;
	return inet_pton(AF_INET6, w[2], &a->v6.sin6_addr) == 1 ? 0 : -EINVAL;
}

typedef int (*call_fn)(int fd, const struct address *a);

static int call_make(char **w, int type, call_fn call)
{
	struct address a;
	int ret = address_parse(w, &a), fd = socket(family_of(w[1]), type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (!ret)
		ret = done(call(fd, &a));
	close(fd);
	return ret;
}

static int call_connect(int fd, const struct address *a)
{
	return connect(fd, &a->any, a->len);
}

static int call_bind(int fd, const struct address *a)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, &a->any, a->len);
}

static int call_bind_listen(int fd, const struct address *a)
{
	return call_bind(fd, a) ?: listen(fd, 1);
}

static int call_sendto(int fd, const struct address *a)
{
	return sendto(fd, "x", 1, MSG_NOSIGNAL, &a->any, a->len) < 0 ? -1 : 0;
}

static int call_sendmsg(int fd, const struct address *a)
{
	struct iovec part = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {
		.msg_name = (void *)&a->any, .msg_namelen = a->len, .msg_iov = &part, .msg_iovlen = 1};

	return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int call_sendmmsg(int fd, const struct address *a)
{
	struct iovec part = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m = {.msg_hdr = {.msg_name = (void *)&a->any,
					.msg_namelen = a->len,
					.msg_iov = &part,
					.msg_iovlen = 1}};

	return sendmmsg(fd, &m, 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* To IPv4 datagram sockets an address of no family is one of theirs. */
static int call_unspec(int fd, const struct address *a)
{
	struct address plain = *a;

	plain.any.sa_family = AF_UNSPEC;
	return call_sendto(fd, &plain);
}

static int call_bind_unspec(int fd, const struct address *a)
{
	struct address plain = *a;

	plain.any.sa_family = AF_UNSPEC;
	return call_bind(fd, &plain);
}

static int call_fastopen(int fd, const struct address *a)
{
	return sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, &a->any, a->len) < 0 ? -1 : 0;
}

static int call_connect_send(int fd, const struct address *a)
{
	return call_connect(fd, a) ?: send(fd, "x", 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int call_listen(int fd, const struct address *a)
{
	(void)a;
	return listen(fd, 1);
}

#define CALL(name, type, call)                                                                               \
	static int do_##name(char **w)                                                                       \
	{                                                                                                    \
		return call_make(w, type, call);                                                             \
	}

CALL(connect, SOCK_STREAM, call_connect)
CALL(bind, SOCK_STREAM, call_bind)
CALL(bind_listen, SOCK_STREAM, call_bind_listen)
CALL(bind_unspec, SOCK_STREAM, call_bind_unspec)
CALL(listen, SOCK_STREAM, call_listen)
CALL(fastopen, SOCK_STREAM, call_fastopen)
CALL(udp_connect, SOCK_DGRAM, call_connect)
CALL(udp_connect_send, SOCK_DGRAM, call_connect_send)
CALL(udp_bind, SOCK_DGRAM, call_bind)
CALL(sendto, SOCK_DGRAM, call_sendto)
CALL(sendmsg, SOCK_DGRAM, call_sendmsg)
CALL(sendmmsg, SOCK_DGRAM, call_sendmmsg)
CALL(sendto_unspec, SOCK_DGRAM, call_unspec)

/* send-fd FD 4 ADDRESS PORT: by a socket from before; send-fd FD: to where it is connected. */
static int do_send_fd(char **w)
{
	struct address a;
	int err = w[2] ? address_parse(w + 1, &a) : 0;

	if (err)
		return err;
	return done(w[2] ? sendto(atoi(w[1]), "xxxxxxxx", 8, MSG_NOSIGNAL, &a.any, a.len)
			 : send(atoi(w[1]), "xxxxxxxx", 8, MSG_NOSIGNAL));
}

/* listen-fd FD: a socket from before. */
static int do_listen_fd(char **w)
{
	return done(listen(atoi(w[1]), 1));
}

static int do_socket(char **w)
{
	return done_fd(socket(atoi(w[1]), atoi(w[2]) | SOCK_CLOEXEC, atoi(w[3])));
}

static int do_socketpair(char **w)
{
	int ends[2], ret;

	if (socketpair(AF_UNIX, atoi(w[1]) | SOCK_CLOEXEC, 0, ends))
		return -errno;
	ret = send(ends[0], "x", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

const struct operation net_operations[] = {
	{"connect", 3, do_connect},
	{"bind", 3, do_bind},
	{"bind-listen", 3, do_bind_listen},
	{"bind-unspec", 3, do_bind_unspec},
	{"listen", 3, do_listen},
	{"fastopen", 3, do_fastopen},
	{"udp-connect", 3, do_udp_connect},
	{"udp-connect-send", 3, do_udp_connect_send},
	{"udp-bind", 3, do_udp_bind},
	{"sendto", 3, do_sendto},
	{"sendmsg", 3, do_sendmsg},
	{"sendmmsg", 3, do_sendmmsg},
	{"sendto-unspec", 3, do_sendto_unspec},
	{"send-fd", 1, do_send_fd},
	{"listen-fd", 1, do_listen_fd},
	{"socket", 3, do_socket},
	{"socketpair", 1, do_socketpair},
	{0},
};
