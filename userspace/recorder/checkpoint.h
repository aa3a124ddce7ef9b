/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the recorder has come, so that its successor goes on where it was killed: the ring's events are in
 * the log once each, and losses are told once. It lies in the consumer's page of the ring, behind the
 * position that the kernel reads there, and so lives exactly as long as the events that it is about.
 *
 * Two halves take turns. What a batch will have changed is noted in the one not in force before the log is
 * written, and put in force after; the log's size tells a successor on which side of the write we died.
 */
#ifndef DEPUTY_CHECKPOINT_H
#define DEPUTY_CHECKPOINT_H

#include <stdint.h>

#include "recorder/logfile.h"
#include "recorder/losses.h"
#include "recorder/ring.h"

struct checkpoint_half {
	uint64_t serial;
	uint64_t at;   /* in the ring: all before is in the log */
	uint64_t base; /* size of the log without the batch */
	uint64_t size; /* and with it */
	uint64_t count[CAUSES];
	uint64_t told[CAUSES];
};

struct checkpoint {
	uint64_t kernel[8]; /* the ring's own */
	uint64_t magic;
	uint64_t dev, ino; /* of the log */
	uint64_t current;  /* serial of the half in force */
	struct checkpoint_half half[2];
};

/* Takes up what a predecessor left, or begins. Makes the log as it was before a batch that was cut off, which
 * the ring still has. -errno of the log. */
int checkpoint_open(struct checkpoint *c, struct ring *ring, int log, struct losses *losses);
/* The log is about to grow by `len` bytes, and then the ring will have been read up to its ->at. */
void checkpoint_plan(struct checkpoint *c, const struct ring *ring, const struct logfile *log, size_t len,
		     const struct losses *losses);
/* It was written as far as log and losses say. */
void checkpoint_done(struct checkpoint *c, const struct logfile *log, const struct losses *losses);

#endif
