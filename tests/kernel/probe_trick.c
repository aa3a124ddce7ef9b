/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in disguise, in haste and by io_uring. An address is `4 127.0.0.1 80`: socket's family, address,
 * port. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

static struct address address_set(const char *text, const char *port)
{
	struct address a = {.len = sizeof(a.v4)};
	char *scope, host[64];

	strncpy(host, text, sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	scope = strchr(host, '%');
	if (scope)
		*scope++ = '\0';
	a.v4.sin_family = AF_INET;
	a.v4.sin_port = htons((in_port_t)atoi(port));
	if (inet_pton(AF_INET, host, &a.v4.sin_addr) == 1)
		return a;
	a.len = sizeof(a.v6);
	a.v6.sin6_family = AF_INET6;
	a.v6.sin6_scope_id = scope ? (uint32_t)atoi(scope) : 0;
	inet_pton(AF_INET6, host, &a.v6.sin6_addr);
	return a;
}

static int socket_for(const char *family, int type)
{
	return socket(*family == '6' ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
}

static int sent(int fd, const struct address *a, int flags)
{
	return sendto(fd, "x", 1, MSG_NOSIGNAL | flags, &a->any, a->len) < 0 ? -errno : 0;
}

static int connected(int fd, const struct address *a)
{
	return done(connect(fd, &a->any, a->len));
}

/* Both calls on one socket; what the second one said, or the first if that failed. */
typedef int (*pair_fn)(int fd, const struct address *first, const struct address *second);

/* CALL 4 ADDRESS PORT ADDRESS PORT */
static int pair_run(char **w, int type, pair_fn call)
{
	struct address first = address_set(w[2], w[3]), second = address_set(w[4], w[5]);
	int ret, fd = socket_for(w[1], type);

	if (fd < 0)
		return -errno;
	ret = call(fd, &first, &second);
	close(fd);
	return ret;
}

static int pair_connect_send(int fd, const struct address *first, const struct address *second)
{
	return connected(fd, first) ?: sent(fd, second, 0);
}

static int pair_connect_twice(int fd, const struct address *first, const struct address *second)
{
	return connected(fd, first) ?: connected(fd, second);
}

static int pair_reconnect(int fd, const struct address *first, const struct address *second)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	return connected(fd, first) ?: done(connect(fd, &none, sizeof(none))) ?: connected(fd, second);
}

static int pair_cork(int fd, const struct address *first, const struct address *second)
{
	return sent(fd, first, MSG_MORE) ?: sent(fd, second, 0);
}

/* The kernel says how many were sent: one too few is a refusal. */
static int pair_mmsg(int fd, const struct address *first, const struct address *second)
{
	struct iovec part = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m[2] = {
		{.msg_hdr = {(void *)&first->any, first->len, &part, 1, NULL, 0, 0}},
		{.msg_hdr = {(void *)&second->any, second->len, &part, 1, NULL, 0, 0}},
	};
	int count = sendmmsg(fd, m, 2, MSG_NOSIGNAL);

	return count < 0 ? -errno : count == 2 ? 0 : -EACCES;
}

/* The same without addresses, by a connected socket. */
static int pair_mmsg_connected(int fd, const struct address *first, const struct address *second)
{
	struct iovec part = {.iov_base = "x", .iov_len = 1};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}},
			       {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};
	int count = connected(fd, first) ?: sendmmsg(fd, m, 2, MSG_NOSIGNAL);

	(void)second;
	return count < 0 ? -errno : count == 2 ? 0 : -EACCES;
}

#define PAIR(name, type)                                                                                     \
	static int do_##name(char **w)                                                                       \
	{                                                                                                    \
		return pair_run(w, type, pair_##name);                                                       \
	}

PAIR(connect_send, SOCK_DGRAM)
PAIR(connect_twice, SOCK_DGRAM)
PAIR(reconnect, SOCK_STREAM)
PAIR(cork, SOCK_DGRAM)
PAIR(mmsg, SOCK_DGRAM)
PAIR(mmsg_connected, SOCK_DGRAM)

static int do_send_scoped(char **w)
{
	struct address a = address_set(w[2], w[3]);
	int ret, fd = socket_for(w[1], SOCK_DGRAM);

	ret = sent(fd, &a, 0);
	close(fd);
	return ret;
}

static int do_connect_scoped(char **w)
{
	struct address a = address_set(w[2], w[3]);
	int ret, fd = socket_for(w[1], SOCK_STREAM);

	ret = connected(fd, &a);
	close(fd);
	return ret;
}

/* To a group or to everybody, by loopback. */
static int do_send_many(char **w)
{
	struct address a = address_set(w[2], w[3]);
	struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
	int ret, on = 1, v6 = 1, fd = socket_for(w[1], SOCK_DGRAM);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	ret = *w[1] == '6' ? setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &v6, sizeof(v6))
			   : setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &v4, sizeof(v4));
	ret = done(ret) ?: sent(fd, &a, 0);
	close(fd);
	return ret;
}

/* send-len|connect-len 4 ADDRESS PORT LENGTH */
static int do_send_len(char **w)
{
	struct address a = address_set(w[2], w[3]);
	int ret, fd = socket_for(w[1], SOCK_DGRAM);

	a.len = (socklen_t)atoi(w[4]);
	ret = sent(fd, &a, 0);
	close(fd);
	return ret;
}

static int do_connect_len(char **w)
{
	struct address a = address_set(w[2], w[3]);
	int ret, fd = socket_for(w[1], SOCK_STREAM);

	a.len = (socklen_t)atoi(w[4]);
	ret = connected(fd, &a);
	close(fd);
	return ret;
}

/* ---- an address that another thread changes under the call ---- */

static struct {
	struct address at;
	in_port_t ports[2];
	int over;
} race;

static void *race_turn(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !__atomic_load_n(&race.over, __ATOMIC_RELAXED); i++)
		__atomic_store_n(&race.at.v4.sin_port, race.ports[i & 1], __ATOMIC_RELAXED);
	return NULL;
}

static int race_round(int type)
{
	int ret, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ret = type == SOCK_STREAM ? connected(fd, &race.at) : sent(fd, &race.at, 0);
	close(fd);
	return ret;
}

/* race stream|datagram ADDRESS PORT PORT ROUNDS: how many went out, how many were refused. */
static int do_race(char **w)
{
	int type = w[1][0] == 's' ? SOCK_STREAM : SOCK_DGRAM, out = 0, refused = 0;
	pthread_t turner;

	race.at = address_set(w[2], w[3]);
	race.ports[0] = htons((in_port_t)atoi(w[3]));
	race.ports[1] = htons((in_port_t)atoi(w[4]));
	race.over = 0;
	if (pthread_create(&turner, NULL, race_turn, NULL))
		return -EAGAIN;
	for (int i = atoi(w[5]); i > 0; i--) {
		int ret = race_round(type);

		out += !ret;
		refused += ret == -EACCES;
	}
	__atomic_store_n(&race.over, 1, __ATOMIC_RELAXED);
	pthread_join(turner, NULL);
	detail("%d %d", out, refused);
	return 0;
}

/* ---- by io_uring ---- */

enum { OP_SOCKET = 45, OP_SEND_ZC = 47, OP_SENDMSG_ZC = 48, OP_BIND = 56, OP_LISTEN = 57, SETSOCKOPT = 3 };

/* `async`: by a worker of the kernel's, which is a task of its own. */
static int ring_do(struct io_uring_sqe *sqe, const char *how)
{
	if (how && !strcmp(how, "async"))
		sqe->flags |= IOSQE_ASYNC;
	return ring_run(sqe);
}

/* ring-socket FAMILY TYPE PROTOCOL [async] */
static int do_ring_socket(char **w)
{
	struct io_uring_sqe sqe = {.opcode = OP_SOCKET,
				   .fd = atoi(w[1]),
				   .off = (uint64_t)atoi(w[2]) | SOCK_CLOEXEC,
				   .len = (uint32_t)atoi(w[3])};

	return ring_do(&sqe, w[4]);
}

/* ring-connect|ring-bind|... 4 ADDRESS PORT [async] */
static int ring_address(char **w, int type, uint8_t opcode)
{
	struct address a = address_set(w[2], w[3]);
	int ret, on = 1, fd = socket_for(w[1], type);
	struct io_uring_sqe sqe = {.opcode = opcode, .fd = fd, .addr = (uintptr_t)&a, .off = a.len};

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (opcode == OP_LISTEN)
		sqe.off = sqe.addr = 0;
	ret = ring_do(&sqe, w[4]);
	close(fd);
	return ret;
}

static int do_ring_connect(char **w)
{
	return ring_address(w, SOCK_STREAM, IORING_OP_CONNECT);
}

static int do_ring_bind(char **w)
{
	return ring_address(w, SOCK_STREAM, OP_BIND);
}

static int do_ring_listen(char **w)
{
	return ring_address(w, SOCK_STREAM, OP_LISTEN);
}

static int ring_message(char **w, uint8_t opcode)
{
	struct address a = address_set(w[2], w[3]);
	struct iovec part = {.iov_base = "x", .iov_len = 1};
	struct msghdr m = {.msg_name = &a.any, .msg_namelen = a.len, .msg_iov = &part, .msg_iovlen = 1};
	int ret, fd = socket_for(w[1], SOCK_DGRAM);
	struct io_uring_sqe sqe = {.opcode = opcode, .fd = fd, .addr = (uintptr_t)&m, .len = 1};

	ret = ring_do(&sqe, w[4]);
	close(fd);
	return ret;
}

static int do_ring_sendmsg(char **w)
{
	return ring_message(w, IORING_OP_SENDMSG);
}

/* IORING_OP_SEND and _SEND_ZC take an address besides the bytes. */
static int ring_send(char **w, uint8_t opcode)
{
	struct address a = address_set(w[2], w[3]);
	int ret, fd = socket_for(w[1], SOCK_DGRAM);
	struct io_uring_sqe sqe = {
		.opcode = opcode, .fd = fd, .addr = (uintptr_t)"x", .len = 1, .off = (uintptr_t)&a};

	sqe.file_index = a.len; /* addr_len, where it stands */
	ret = ring_do(&sqe, w[4]);
	close(fd);
	return ret;
}

static int do_ring_send(char **w)
{
	return ring_send(w, IORING_OP_SEND);
}

static int do_ring_send_zc(char **w)
{
	return ring_send(w, OP_SEND_ZC);
}

/* ring-option LEVEL OPTION: on a datagram socket, of four bytes. */
static int do_ring_option(char **w)
{
	static int value = 1;
	int ret, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct io_uring_sqe sqe = {.opcode = IORING_OP_URING_CMD, .fd = fd, .off = SETSOCKOPT};
	uint32_t name[2] = {(uint32_t)atoi(w[1]), (uint32_t)atoi(w[2])};

	memcpy(&sqe.addr, name, sizeof(name));
	sqe.file_index = sizeof(value);
	sqe.addr3 = (uintptr_t)&value;
	ret = ring_do(&sqe, NULL);
	close(fd);
	return ret;
}

const struct operation trick_operations[] = {
	{"connect-send", 5, do_connect_send},
	{"connect-twice", 5, do_connect_twice},
	{"reconnect", 5, do_reconnect},
	{"cork", 5, do_cork},
	{"mmsg", 5, do_mmsg},
	{"mmsg-connected", 5, do_mmsg_connected},
	{"send-scoped", 3, do_send_scoped},
	{"connect-scoped", 3, do_connect_scoped},
	{"send-many", 3, do_send_many},
	{"send-len", 4, do_send_len},
	{"connect-len", 4, do_connect_len},
	{"address-race", 5, do_race},
	{"ring-socket", 3, do_ring_socket},
	{"ring-connect", 3, do_ring_connect},
	{"ring-bind", 3, do_ring_bind},
	{"ring-listen", 3, do_ring_listen},
	{"ring-sendmsg", 3, do_ring_sendmsg},
	{"ring-send", 3, do_ring_send},
	{"ring-send-zc", 3, do_ring_send_zc},
	{"ring-option", 2, do_ring_option},
	{0},
};
