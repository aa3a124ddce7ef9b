/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker tells the recorder, and what it hears from it. Both sides send unasked, so both could wait
 * for the other to read: our end of the socket is non-blocking, and while a message finds no room, reports
 * are read into memory.
 */
#ifndef DEPUTY_RECORDER_CLIENT_H
#define DEPUTY_RECORDER_CLIENT_H

#include "broker/grants.h"
#include "common/msg.h"

#define RECORDER_WAIT_MS 5000 /* for room in the socket; then the recorder counts as gone */

struct report_entry {
	struct report report;
	STAILQ_ENTRY(report_entry) next;
};

struct recorder {
	int fd;
	STAILQ_HEAD(report_list, report_entry) waiting;
};

int recorder_init(struct recorder *r, int fd);
void recorder_clear(struct recorder *r);

/* The next report: first those read while sending. -EAGAIN: none; -EPIPE, -EPROTO: the recorder is gone. */
int recorder_next(struct recorder *r, struct report *report);

/* Names a grant's rules and its chain. Before the first event under it can come: before the tag. */
int recorder_grant(struct recorder *r, const struct grant *g);
/* All grants of before are named: what waits in the ring may be written. */
int recorder_begin(struct recorder *r);
/* Something happened to a grant. */
int recorder_note(struct recorder *r, enum note note, const struct grant *g, const char *text);
/* Something happened to the daemon (owner and user NULL), or a request was refused. */
int recorder_note_plain(struct recorder *r, enum note note, const char *owner, const char *user,
			const char *text);

#endif
