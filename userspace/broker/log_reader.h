/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the matching lines of the log, forwards, or backwards to find the last few. Both do a bounded amount
 * of work per call, so that one reader of a large log does not hold up everybody else.
 */
#ifndef DEPUTY_LOG_READER_H
#define DEPUTY_LOG_READER_H

#include <stdint.h>

#include "broker/event_filter.h"

#define LOG_BLOCK 131072u /* bytes */
#define LOG_LINE                                                                                             \
	(LOG_BLOCK - 1)	  /* bytes of a line; a longer one is passed over. EVENT_PATH escaped is half of it */
#define LOG_BUDGET 65536u /* bytes looked at in one call */

struct log_reader {
	int fd;
	struct event_filter filter;
	uint64_t end;	    /* read no further: bytes of whole lines in the log */
	uint64_t offset;    /* of the next byte to read into the block */
	size_t begin, have; /* the part of the block not yet looked at */
	bool skipping;	    /* inside a line that is longer than the block */
	uint64_t seek;	    /* looking backwards: where the part not yet looked at ends */
	uint64_t wanted;    /* matching lines still to find backwards; 0: none, read on at offset */
	char block[LOG_BLOCK];
};

/* Starts at the first line, or with `tail` at the last so many that match. The descriptor stays the caller's.
 */
void log_reader_init(struct log_reader *r, int fd, const struct event_filter *filter, uint64_t end);
void log_reader_tail(struct log_reader *r, uint64_t lines);

/* 1: a line, with its newline, valid until the next call. 0: no more before r->end. -EAGAIN: call again;
 * other -errno: of reading. */
int log_reader_next(struct log_reader *r, const char **line, size_t *len);

#endif
