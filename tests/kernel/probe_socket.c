/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of other kinds, options, control messages and netlink. Bytes are given in hex. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

/* "00ff" and "00*20": a byte so many times. The length. */
static size_t bytes_parse(const char *text, uint8_t *out, size_t size)
{
	size_t len = 0;
	unsigned value, times;

	while (len < size && sscanf(text, "%2x", &value) == 1) {
		text += 2;
		times = *text == '*' ? (unsigned)strtoul(text + 1, (char **)&text, 10) : 1;
		if (*text == '.')
			text++;
		for (; times && len < size; times--)
			out[len++] = (uint8_t)value;
	}
	return len;
}

static int socket_of(char **w)
{
	return socket(atoi(w[0]), atoi(w[1]) | SOCK_CLOEXEC, atoi(w[2]));
}

static socklen_t address_of(char **w, struct sockaddr_storage *a)
{
	struct sockaddr_in *v4 = (void *)a;
	struct sockaddr_in6 *v6 = (void *)a;

	memset(a, 0, sizeof(*a));
	v4->sin_family = AF_INET;
	v4->sin_port = htons((in_port_t)atoi(w[1]));
	if (inet_pton(AF_INET, w[0], &v4->sin_addr) == 1)
		return sizeof(*v4);
	v6->sin6_family = AF_INET6;
	return inet_pton(AF_INET6, w[0], &v6->sin6_addr) == 1 ? sizeof(*v6) : 0;
}

/* kind-connect FAMILY TYPE PROTOCOL ADDRESS PORT */
static int do_kind_connect(char **w)
{
	struct sockaddr_storage a;
	socklen_t len = address_of(w + 4, &a);
	int fd = socket_of(w + 1), ret;

	if (fd < 0)
		return -errno;
	ret = done(connect(fd, (void *)&a, len));
	close(fd);
	return ret;
}

/* kind-send FAMILY TYPE PROTOCOL ADDRESS PORT HEX */
static int do_kind_send(char **w)
{
	struct sockaddr_storage a;
	uint8_t bytes[256];
	size_t size = bytes_parse(w[6], bytes, sizeof(bytes));
	socklen_t len = address_of(w + 4, &a);
	int fd = socket_of(w + 1), ret;

	if (fd < 0)
		return -errno;
	ret = sendto(fd, bytes, size, MSG_NOSIGNAL, (void *)&a, len) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* kind-listen FAMILY TYPE PROTOCOL ADDRESS PORT */
static int do_kind_listen(char **w)
{
	struct sockaddr_storage a;
	socklen_t len = address_of(w + 4, &a);
	int fd = socket_of(w + 1), ret;

	if (fd < 0)
		return -errno;
	ret = done(bind(fd, (void *)&a, len) ?: listen(fd, 1));
	close(fd);
	return ret;
}

/* kind-send-fd FD ADDRESS PORT HEX */
static int do_kind_send_fd(char **w)
{
	struct sockaddr_storage a;
	uint8_t bytes[256];
	size_t size = bytes_parse(w[4], bytes, sizeof(bytes));
	socklen_t len = address_of(w + 2, &a);

	return sendto(atoi(w[1]), bytes, size, MSG_NOSIGNAL, (void *)&a, len) < 0 ? -errno : 0;
}

/* option FAMILY TYPE PROTOCOL LEVEL OPTION HEX */
static int do_option(char **w)
{
	uint8_t bytes[256];
	size_t size = bytes_parse(w[6], bytes, sizeof(bytes));
	int fd = socket_of(w + 1), ret;

	if (fd < 0)
		return -errno;
	ret = done(setsockopt(fd, atoi(w[4]), atoi(w[5]), bytes, (socklen_t)size));
	close(fd);
	return ret;
}

/* Appends one control message to what m has. */
static void control_add(struct msghdr *m, int level, int type, const char *hex)
{
	uint8_t bytes[256];
	size_t size = bytes_parse(hex, bytes, sizeof(bytes));
	struct cmsghdr *c = (void *)((uint8_t *)m->msg_control + m->msg_controllen);

	c->cmsg_len = CMSG_LEN(size);
	c->cmsg_level = level;
	c->cmsg_type = type;
	memcpy(CMSG_DATA(c), bytes, size);
	m->msg_controllen += CMSG_SPACE(size);
}

/* control FAMILY ADDRESS PORT (LEVEL TYPE HEX)...: a datagram with these control messages. */
static int do_control(char **w)
{
	static uint8_t control[1024] __attribute__((aligned(8)));
	struct sockaddr_storage a;
	struct iovec part = {.iov_base = "xxxxxxxx", .iov_len = 8};
	struct msghdr m = {.msg_name = &a, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
	int fd = socket(atoi(w[1]), SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	m.msg_namelen = address_of(w + 2, &a);
	for (char **c = w + 4; c[0] && c[1] && c[2]; c += 3)
		control_add(&m, atoi(c[0]), atoi(c[1]), c[2]);
	ret = sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * control-again COUNT FAMILY ADDRESS PORT (LEVEL TYPE HEX)...: so many messages, at most two, of one
 * sendmmsg(2) to one address; the last has the control messages.
 */
static int do_control_again(char **w)
{
	static uint8_t control[1024] __attribute__((aligned(8)));
	struct sockaddr_storage a;
	struct iovec part = {.iov_base = "xxxxxxxx", .iov_len = 8};
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_name = &a, .msg_iov = &part, .msg_iovlen = 1}}};
	int want = *w[1] == '1' ? 1 : 2, fd = socket(atoi(w[2]), SOCK_DGRAM | SOCK_CLOEXEC, 0), count;

	if (fd < 0)
		return -errno;
	m[0].msg_hdr.msg_namelen = address_of(w + 3, &a);
	m[1] = m[0];
	m[want - 1].msg_hdr.msg_control = control;
	for (char **c = w + 5; c[0] && c[1] && c[2]; c += 3)
		control_add(&m[want - 1].msg_hdr, atoi(c[0]), atoi(c[1]), c[2]);
	count = sendmmsg(fd, m, (unsigned)want, MSG_NOSIGNAL);
	detail("%d", count);
	close(fd);
	return count < 0 ? -errno : count == want ? 0 : -EPERM;
}

/* One more message of netlink's: no attributes, and of a type that asks or does not. */
static size_t message_add(uint8_t *at, int type)
{
	struct nlmsghdr *h = (void *)at;

	memset(at, 0, NLMSG_SPACE(sizeof(struct rtmsg) + 16));
	h->nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg) + 12);
	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = NLM_F_REQUEST | (type == RTM_GETLINK ? NLM_F_DUMP : NLM_F_ACK);
	return NLMSG_ALIGN(h->nlmsg_len);
}

static int netlink_send(const void *bytes, size_t size, uint32_t process, uint32_t groups)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = process, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret;

	if (fd < 0)
		return -errno;
	ret = sendto(fd, bytes, size, 0, (const void *)&to, sizeof(to)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* netlink TYPE...: all in one message. */
static int do_netlink(char **w)
{
	static uint8_t bytes[4096] __attribute__((aligned(8)));
	size_t size = 0;

	for (w++; *w; w++)
		size += message_add(bytes + size, atoi(*w));
	return netlink_send(bytes, size, 0, 0);
}

/* netlink-raw HEX */
static int do_netlink_raw(char **w)
{
	uint8_t bytes[512];
	size_t size = bytes_parse(w[1], bytes, sizeof(bytes));

	return netlink_send(bytes, size, 0, 0);
}

/* netlink-to PROCESS GROUPS: a question, to somebody else. */
static int do_netlink_to(char **w)
{
	uint8_t bytes[256];

	return netlink_send(bytes, message_add(bytes, RTM_GETLINK), (uint32_t)strtoul(w[1], NULL, 0),
			    (uint32_t)strtoul(w[2], NULL, 0));
}

/* netlink-bind GROUPS */
static int do_netlink_bind(char **w)
{
	const struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = (uint32_t)strtoul(w[1], NULL, 0)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret;

	if (fd < 0)
		return -errno;
	ret = done(bind(fd, (const void *)&a, sizeof(a)));
	close(fd);
	return ret;
}

/* netlink-links: how many links there are. */
static int do_netlink_links(char **w)
{
	const struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	static uint8_t bytes[65536] __attribute__((aligned(8)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), count = 0;
	ssize_t n;

	(void)w;
	if (fd < 0)
		return -errno;
	n = sendto(fd, bytes, message_add(bytes, RTM_GETLINK), 0, (const void *)&to, sizeof(to));
	if (n > 0)
		n = recv(fd, bytes, sizeof(bytes), 0);
	for (struct nlmsghdr *h = (void *)bytes; n > 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
		count += h->nlmsg_type == RTM_NEWLINK;
	close(fd);
	detail("%d", count);
	return count ? 0 : -ENODATA;
}

const struct operation socket_operations[] = {
	{"kind-connect", 5, do_kind_connect},
	{"kind-listen", 5, do_kind_listen},
	{"kind-send", 6, do_kind_send},
	{"kind-send-fd", 4, do_kind_send_fd},
	{"option", 6, do_option},
	{"control", 6, do_control},
	{"control-again", 7, do_control_again},
	{"netlink", 1, do_netlink},
	{"netlink-raw", 1, do_netlink_raw},
	{"netlink-to", 2, do_netlink_to},
	{"netlink-bind", 1, do_netlink_bind},
	{"netlink-links", 0, do_netlink_links},
	{0},
};
