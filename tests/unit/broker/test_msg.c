/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/msg.h"

static int a, b;

static int setup(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -1;
	a = pair[0];
	b = pair[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(a);
	close(b);
	return 0;
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void plain(void **state)
{
	struct report out = {.op = REPORT_GREW, .size = 42}, in = {0};
	int fd = 99;

	(void)state;
	assert_int_equal(msg_send(a, &out, sizeof(out), -1), 0);
	assert_int_equal(msg_recv(b, &in, sizeof(in), &fd), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(fd, -1);
	assert_int_equal(msg_recv(b, &in, sizeof(in), &fd), -EAGAIN);
}

static void with_descriptor(void **state)
{
	int out = 7, in, fd = -1, p[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(msg_send(a, &out, sizeof(out), p[1]), 0);
	close(p[1]);
	assert_int_equal(msg_recv(b, &in, sizeof(in), &fd), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(p[0], &byte, 1), 1);
	close(fd);
	close(p[0]);
}

/* Whatever is wrong with a message, no descriptor that came with it stays open. */
static void send_fds(const void *msg, size_t size, int count)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(8 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)msg, size};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room};

	h.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
	control.align = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					 .cmsg_type = SCM_RIGHTS,
					 .cmsg_len = CMSG_LEN((size_t)count * sizeof(int))};
	for (int i = 0; i < count; i++)
		((int *)CMSG_DATA(&control.align))[i] = a;
	assert_int_equal(sendmsg(a, &h, 0), size);
}

static void refused(void **state)
{
	unsigned before = open_fds();
	char text[16] = "0123456789abcde", in[16];
	int fd = 99;

	(void)state;
	send_fds(text, 8, 2);
	assert_int_equal(msg_recv(b, in, 8, &fd), -EPROTO);
	send_fds(text, 8, 8);
	assert_int_equal(msg_recv(b, in, 8, &fd), -EPROTO);
	send_fds(text, 8, 1);
	assert_int_equal(msg_recv(b, in, 8, NULL), -EPROTO);
	send_fds(text, 7, 1);
	assert_int_equal(msg_recv(b, in, 8, &fd), -EPROTO);
	send_fds(text, 9, 1);
	assert_int_equal(msg_recv(b, in, 8, &fd), -EPROTO);
	assert_int_equal(fd, 99);
	assert_int_equal(open_fds(), before);
	close(a);
	assert_int_equal(msg_recv(b, in, 8, &fd), -EPIPE);
	assert_int_equal(msg_send(b, in, 8, -1), -EPIPE);
	a = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plain, setup, teardown),
		cmocka_unit_test_setup_teardown(with_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
