/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a log is what was written: each line against its number and its hash, each segment's first line and
 * each checkpoint against the tree up to there. What is wrong is said record by record where the hashes
 * beside the lines prove to be right, else from the last point that holds to the first that does not.
 */
#ifndef DEPUTY_LOG_VERIFY_H
#define DEPUTY_LOG_VERIFY_H

#include <stdbool.h>

#include "log/signed_note.h"

enum log_finding_kind {
	LOG_ALTERED,	/* the record in ->line is not what was written */
	LOG_REMOVED,	/* records seq to `to` are not there */
	LOG_MOVED,	/* the record in ->line stands behind later ones */
	LOG_INSERTED,	/* ->line is no record of this log */
	LOG_HEAD,	/* a segment does not go on from what is before it */
	LOG_MISMATCH,	/* somewhere in seq to `to` */
	LOG_TRUNCATED,	/* records seq to `to` had a checkpoint, and are not there */
	LOG_MISSING,	/* records seq to `to` went without a record of retention */
	LOG_CHECKPOINT, /* ->line counts checkpoints */
	LOG_WITNESS,	/* a cosignature in checkpoint ->line is wrong */
	LOG_TORN,	/* the last line is unfinished: a warning */
	LOG_HASHES,	/* a file of hashes does not fit its lines, which are right: a warning */
	LOG_FINDINGS
};

struct log_finding {
	enum log_finding_kind kind;
	uint64_t segment; /* number of its first line; 0: none */
	uint64_t line;	  /* in its file, from 1 */
	uint64_t seq, to; /* numbers of records */
	const char *why;  /* NULL or more */
};

/* Whose signatures are wanted. */
struct log_trust {
	const struct note_key *log; /* NULL: checkpoints are taken as they are */
	const struct note_key *witnesses;
	size_t witness_count;
};

struct log_report {
	uint64_t first, next;  /* number of the log's first record, and of the next one */
	uint64_t lines_from;   /* of the first whose line is there */
	uint64_t segments;     /* that have lines */
	uint64_t checkpoints;  /* that hold */
	uint64_t unjudged;     /* checkpoints of a part that nothing tells of any more */
	uint64_t covered;      /* records that the last good checkpoint covers */
	uint64_t witnessed;    /* records that the last one with a good cosignature covers */
	uint64_t witness_time; /* of that, seconds since 1970 */
	uint64_t damage;       /* findings that are no warnings */
	uint64_t warnings;
};

typedef void (*log_finding_fn)(void *arg, const struct log_finding *finding);

/* Reads all of the log in `dir`, also while it is written. 0, whatever was found; -ENOENT: there is no
 * segment; -ENOMEM, -EIO, -errno. */
int log_verify(int dir, const struct log_trust *trust, log_finding_fn say, void *arg,
	       struct log_report *report);

bool log_finding_is_warning(const struct log_finding *finding);
const char *log_finding_name(enum log_finding_kind kind); /* "altered" */
/* For people; at most `size` bytes with the NUL. */
void log_finding_text(const struct log_finding *finding, char *text, size_t size);

#endif
