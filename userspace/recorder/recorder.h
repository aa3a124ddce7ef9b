/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder: takes events out of the kernel's ring and the broker's notes off the socket between them,
 * and writes both as lines of events.jsonl.
 *
 * What it promises: a line is whole or absent; what is absent is counted in a `loss` line; a grant is known
 * before its first event is written; and killed at any moment it leaves to the next one which events are in
 * the log and which are still in the ring (checkpoint.h). It parses nothing that a stranger wrote, and asks
 * nothing of the kernel once it is set up.
 */
#ifndef DEPUTY_RECORDER_H
#define DEPUTY_RECORDER_H

#include <stddef.h>

struct recorder;

/* Descriptors it works on, owned by the caller; -1 for those that are absent (ring, control, ready). */
struct recorder_fds {
	int peer;    /* to the broker */
	int log;     /* append and read */
	int control; /* map of one struct control */
	int ring;    /* ring buffer map */
	int ready;   /* gets one byte, then is closed */
};

/* Opens what needs privileges (the ring needs bpf()), finds the end of the log and blocks SIGTERM; to be
 * called in the process that will run it, on the descriptors of enum role_fd. -EBADMSG: the log's last line
 * is none of ours. -ENOMEM or -errno of what was refused. */
int recorder_setup(struct recorder **recorder);
int recorder_open(const struct recorder_fds *fds, struct recorder **recorder);

/* Records until SIGTERM, then what is left in the ring and, for up to a second, what the broker still says.
 * 0, -EPROTO when the broker sent what it must not, or -errno. A log that cannot be written is no error. */
int recorder_run(struct recorder *recorder);

void recorder_free(struct recorder *recorder);

#endif
