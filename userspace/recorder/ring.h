/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's ring of events (BPF_MAP_TYPE_RINGBUF), read ahead of what is given back: libbpf gives each
 * record back as soon as it was shown, and what dies with us between that and the log would be lost unseen.
 */
#ifndef DEPUTY_RING_H
#define DEPUTY_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	void *page;	    /* the consumer's own page, writable */
	uint64_t *consumer; /* in it: all before is given back */
	const uint64_t *producer;
	const char *data; /* mapped twice in a row, so that no record is in two parts */
	size_t size;	  /* a power of two */
	uint64_t at;	  /* the record looked at; the kernel counts bytes since the ring was made */
};

/* Needs bpf(). -errno. */
int ring_open(struct ring *ring, int fd);
void ring_close(struct ring *ring);
/* The record at ring->at. False when there is none yet. */
bool ring_peek(struct ring *ring, const void **data, size_t *size);
/* Past the record that ring_peek() showed. */
void ring_pass(struct ring *ring);
/* Gives back all before ring->at. */
void ring_commit(struct ring *ring);

#endif
