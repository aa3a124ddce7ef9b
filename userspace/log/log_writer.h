/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of a log (docs/LOG.md). A line that is acknowledged is whole in the segment; its hash may
 * be a step behind, and is made again when the log is opened.
 *
 * When what was written reaches the disk is the caller's to say: log_writer_sync(). Only a checkpoint, a new
 * segment and retention do it themselves, for what they say must not be ahead of the disk.
 */
#ifndef DEPUTY_LOG_WRITER_H
#define DEPUTY_LOG_WRITER_H

#include "log/segment.h"
#include "log/tlog_checkpoint.h"

struct log_writer;

/* What opening took away or made again. */
struct log_repair {
	uint64_t seq;	 /* of the first line that is not there */
	uint64_t bytes;	 /* cut off the segment: an unfinished line, or pages that never came to the disk */
	uint64_t lines;	 /* known to be lost: their hashes were there, they were not */
	uint64_t hashes; /* made again from their lines */
	uint64_t checkpoint_bytes; /* of an unfinished checkpoint */
	bool segment;		   /* a new segment had been begun, and no more */
};

/* Where a log that cannot be opened contradicts itself. */
struct log_place {
	uint64_t segment; /* its first number; 0: the file of checkpoints */
	uint64_t seq;	  /* of the record */
	const char *why;
};

/*
 * Opens the log in `dir`, which stays the caller's, or begins one whose first line has the number `first`.
 * Cuts off a torn tail and nothing else: what follows the last newline, or the first line that holds a NUL
 * byte, for no line of ours has one and a page that was not written when power failed is of nothing else; no
 * byte of it if a checkpoint covers it.
 *   -EBADMSG  the log contradicts itself: *place says where. It was tampered with, or the disk is broken.
 *   -EIO, -ENOMEM, -errno of what the files refuse
 */
int log_writer_open(int dir, uint64_t first, uint64_t time, struct log_writer **writer,
		    struct log_repair *repair, struct log_place *place);
void log_writer_free(struct log_writer *w);

uint64_t log_writer_seq(const struct log_writer *w);	 /* of the next line */
uint64_t log_writer_bytes(const struct log_writer *w);	 /* of whole lines in the segment */
uint64_t log_writer_segment(const struct log_writer *w); /* number of its first line */
const struct merkle *log_writer_tree(const struct log_writer *w);

/* Appends `count` lines, numbered from log_writer_seq() on, each with its newline. *kept is how many of them
 * the log holds, in any case. 0 when that is all, else the -errno that stopped it. */
int log_writer_append(struct log_writer *w, const char *lines, size_t len, size_t count, size_t *kept);

/* Ends the segment and begins another, whose first line takes a number. On error the log goes on in the old
 * one. */
int log_writer_rotate(struct log_writer *w, uint64_t time);

/* To the disk. Blocks as long as that takes. */
int log_writer_sync(struct log_writer *w);

/* Syncs, and signs what the log then is; nothing if the last checkpoint said so. `note`, which may be NULL,
 * gets it. -errno. */
int log_writer_checkpoint(struct log_writer *w, const struct secret_key *secret, const struct note_key *key,
			  char note[CHECKPOINT_NOTE_BYTES]);

/*
 * Lets go of the oldest segments but the last `keep`: first a line that says so goes to the disk, then they
 * go. Their hashes stay where `hashes` says so, 32 bytes a line, and with them every proof; without them
 * proofs of and before what is gone cannot be made any more, while those that were made stay good. *gone is
 * how many segments went.
 */
int log_writer_retain(struct log_writer *w, size_t keep, bool hashes, uint64_t time, size_t *gone);

#endif
