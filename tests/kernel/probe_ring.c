/* SPDX-License-Identifier: Apache-2.0 */
/* The least of io_uring: a ring of one entry, one operation at a time, waited for. */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static struct {
	int fd;
	char *rings; /* one mapping of both (IORING_FEAT_SINGLE_MMAP) */
	struct io_uring_sqe *sqe;
	struct io_uring_params params;
} ring = {.fd = -1};

static unsigned *at(unsigned offset)
{
	return (unsigned *)(ring.rings + offset);
}

int ring_open(void)
{
	struct io_uring_params *p = &ring.params;
	size_t size;

	if (ring.fd >= 0)
		return 0;
	ring.fd = (int)syscall(SYS_io_uring_setup, 1, p);
	if (ring.fd < 0)
		return -errno;
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (size < p->sq_off.array + p->sq_entries * sizeof(unsigned))
		size = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	ring.rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.sqe =
		mmap(NULL, sizeof(*ring.sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	return ring.rings == MAP_FAILED || (void *)ring.sqe == MAP_FAILED ? -errno : 0;
}

int ring_fd(void)
{
	return ring.fd;
}

#define CQE_NOTIF (1u << 3) /* IORING_CQE_F_NOTIF */

/* Until something has completed. */
static int ring_wait(void)
{
	struct io_uring_params *p = &ring.params;

	while (*at(p->cq_off.head) == __atomic_load_n(at(p->cq_off.tail), __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return -1;
	return 0;
}

int ring_run(const struct io_uring_sqe *sqe)
{
	struct io_uring_params *p = &ring.params;
	struct io_uring_cqe *cqes;
	struct io_uring_cqe cqe;
	unsigned head, tail;

	if (ring_open())
		return -errno;
	*ring.sqe = *sqe;
	tail = *at(p->sq_off.tail);
	at(p->sq_off.array)[tail & *at(p->sq_off.ring_mask)] = 0;
	__atomic_store_n(at(p->sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	cqes = (struct io_uring_cqe *)(ring.rings + p->cq_off.cqes);
	do { /* a notice that an earlier send's bytes are free again answers nothing */
		if (ring_wait())
			return -errno;
		head = *at(p->cq_off.head);
		cqe = cqes[head & *at(p->cq_off.ring_mask)];
		__atomic_store_n(at(p->cq_off.head), head + 1, __ATOMIC_RELEASE);
	} while (cqe.flags & CQE_NOTIF);
	return cqe.res < 0 ? cqe.res : 0;
}
