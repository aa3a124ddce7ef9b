/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "recorder/outbox.h"

static void pair_new(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
}

static void test_order(void **state)
{
	struct outbox box = {0};
	struct report r;
	int pair[2];

	(void)state;
	pair_new(pair);
	assert_int_equal(outbox_empty(&box, 3, 7), 0);
	outbox_grew(&box, 100);
	outbox_grew(&box, 200);
	assert_int_equal(outbox_send(&box, pair[0]), 0);
	assert_int_equal(msg_recv(pair[1], &r, sizeof(r), NULL), 0);
	assert_int_equal(r.op, REPORT_GREW);
	assert_int_equal(r.size, 200);
	assert_int_equal(msg_recv(pair[1], &r, sizeof(r), NULL), 0);
	assert_int_equal(r.op, REPORT_EMPTY);
	assert_int_equal(r.slot, 3);
	assert_int_equal(r.gen, 7);
	assert_int_equal(outbox_send(&box, pair[0]), 0);
	assert_int_equal(msg_recv(pair[1], &r, sizeof(r), NULL), -EAGAIN);
	outbox_free(&box);
	close(pair[0]);
	close(pair[1]);
}

/* More than the socket takes: nothing is lost, doubled or out of order. */
static void test_full(void **state)
{
	struct outbox box = {0};
	struct report r;
	uint32_t next = 0;
	int pair[2], err;

	(void)state;
	pair_new(pair);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(outbox_empty(&box, i, 1), 0);
	assert_int_equal(outbox_send(&box, pair[0]), -EAGAIN);
	do {
		err = outbox_send(&box, pair[0]);
		while (!msg_recv(pair[1], &r, sizeof(r), NULL))
			assert_int_equal(r.slot, next++);
	} while (err == -EAGAIN);
	assert_int_equal(err, 0);
	assert_int_equal(next, 5000);
	outbox_free(&box);
	close(pair[0]);
	close(pair[1]);
}

static void test_gone(void **state)
{
	struct outbox box = {0};
	int pair[2];

	(void)state;
	pair_new(pair);
	close(pair[1]);
	assert_int_equal(outbox_empty(&box, 3, 7), 0);
	assert_int_equal(outbox_send(&box, pair[0]), -EPIPE);
	assert_int_equal(box.count, 0);
	outbox_free(&box);
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
