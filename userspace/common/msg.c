/* SPDX-License-Identifier: Apache-2.0 */
#include "common/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than one descriptor is a protocol error; the room is there to be able to close them. */
#define PASS_ROOM 4

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(PASS_ROOM * sizeof(int))];
};

int msg_send(int fd, const void *msg, size_t size, int pass)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)msg, .iov_len = size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (pass >= 0) {
		h.msg_control = control.room;
		h.msg_controllen = CMSG_SPACE(sizeof(pass));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(pass));
		memcpy(CMSG_DATA(&control.align), &pass, sizeof(pass));
	}
	do {
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EPROTO;
}

/* Collects every descriptor that came along, so that none is left open whatever the message was. */
static size_t msg_passed(struct msghdr *h, int fds[PASS_ROOM])
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (n > PASS_ROOM - count)
			n = PASS_ROOM - count; /* cannot be: the room is for PASS_ROOM in all */
		memcpy(fds + count, CMSG_DATA(c), n * sizeof(int));
		count += n;
	}
	return count;
}

int msg_recv(int fd, void *msg, size_t size, int *passed)
{
	union control control;
	struct iovec iov = {.iov_base = msg, .iov_len = size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[PASS_ROOM];
	size_t count;
	ssize_t n;

	h.msg_control = control.room;
	h.msg_controllen = sizeof(control.room);
	do {
		n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	count = msg_passed(&h, fds);
	if ((size_t)n == size && !(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && count <= (passed ? 1 : 0)) {
		if (passed)
			*passed = count ? fds[0] : -1;
		return 0;
	}
	while (count)
		close(fds[--count]);
	return n ? -EPROTO : -EPIPE;
}
