/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that never became a line, by cause: `count` is how many, `told` how many a loss line spoke of. They
 * outlive the recorder as long as the kernel's counters do (checkpoint.h).
 */
#ifndef DEPUTY_LOSSES_H
#define DEPUTY_LOSSES_H

#include "common/types.h"
#include "recorder/event_json.h"

enum loss_cause {
	CAUSE_RING_FULL = LOSS_RING_FULL,
	CAUSE_NO_SCRATCH = LOSS_NO_SCRATCH,
	CAUSE_LOG = LOSSES, /* the log could not be written: disk full, quota, I/O error */
	CAUSE_INVALID,	    /* a record in the ring was malformed */
	CAUSES
};

struct losses {
	const struct control *control; /* mapped, or NULL */
	uint64_t count[CAUSES];
	uint64_t told[CAUSES];
	uint64_t telling[CAUSES]; /* put into a batch that is not written yet */
};

/* Puts one line for each cause with something to tell, numbered from head->seq. Returns how many. */
size_t losses_put(struct losses *l, struct line_head head, struct line *out);
/* The lines that losses_put() made are in the log. */
void losses_told(struct losses *l);

#endif
