/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/ring.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t *ring_header(const struct ring *ring)
{
	return (const uint32_t *)(ring->data + (ring->at & (ring->size - 1)));
}

static size_t record_size(uint32_t header)
{
	size_t len = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

	return (len + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7;
}

int ring_open(struct ring *ring, int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	char *p;

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	*ring = (struct ring){.size = info.max_entries};
	ring->page = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring->page == MAP_FAILED)
		return ring->page = NULL, -errno;
	p = mmap(NULL, page + 2 * ring->size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (p == MAP_FAILED)
		return -errno;
	ring->consumer = ring->page;
	ring->producer = (const uint64_t *)p;
	ring->data = p + page;
	ring->at = *ring->consumer;
	return 0;
}

void ring_close(struct ring *ring)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (ring->page)
		munmap(ring->page, page);
	if (ring->data)
		munmap((char *)ring->data - page, page + 2 * ring->size);
	*ring = (struct ring){0};
}

bool ring_peek(struct ring *ring, const void **data, size_t *size)
{
	while (ring->at < __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
		uint32_t header = __atomic_load_n(ring_header(ring), __ATOMIC_ACQUIRE);

		if (header & BPF_RINGBUF_BUSY_BIT)
			return false; /* its writer is at work, and will wake us when we got that far */
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			*data = (const char *)ring_header(ring) + BPF_RINGBUF_HDR_SZ;
			*size = header;
			return true;
		}
		ring->at += record_size(header);
	}
	return false;
}

void ring_pass(struct ring *ring)
{
	ring->at += record_size(*ring_header(ring));
}

/* The kernel wakes us for a record only where we have given back all before it: whoever sleeps after this
 * must have looked again, and not before the kernel sees it. */
void ring_commit(struct ring *ring)
{
	__atomic_store_n(ring->consumer, ring->at, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
