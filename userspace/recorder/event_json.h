/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of events.jsonl, as docs/API.md describes them. No I/O and no allocation. Each function appends
 * one whole line with its newline, or nothing: -ENOSPC when it does not fit, -EBADMSG when what it was given
 * is malformed.
 */
#ifndef DEPUTY_EVENT_JSON_H
#define DEPUTY_EVENT_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/identity.h"
#include "recorder/line.h"

/* No line is longer: a path and a label of which every byte is escaped, and the short members. */
#define LINE_BYTES_MAX (LINE_GROWTH * (EVENT_PATH + IDENTITY_LABEL_MAX) + 16384u)

struct line_head {
	uint64_t seq;
	uint64_t time; /* ns since 1970 */
};

/* `size` bytes of one ring record at `e`, aligned as struct event wants. `who` is NULL when nobody announced
 * the tag. `to_wall`
 * ns turn its CLOCK_BOOTTIME into time since 1970. */
int event_json(const struct event *e, size_t size, const struct identity *who, uint64_t seq, uint64_t to_wall,
	       struct line *out);

/* *m has passed record_message_check(). */
int note_json(const struct record_message *m, const struct line_head *head, struct line *out);

int loss_json(const char *cause, uint64_t count, const struct line_head *head, struct line *out);

#endif
