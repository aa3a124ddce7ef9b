/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the writing side to each other. */
#ifndef DEPUTY_LOG_INTERNAL_H
#define DEPUTY_LOG_INTERNAL_H

#include "log/log_file.h"
#include "log/log_writer.h"

#define LOG_FILE_MODE 0640

struct log_writer {
	int dir;
	int fd[2]; /* enum segment_file */
	int checkpoints;
	uint64_t first;	  /* number of the log's first line: leaf 0 */
	uint64_t segment; /* of this segment's first line */
	uint64_t bytes;	  /* of whole lines in it */
	uint64_t hashed;  /* how many of its lines have their hash in the other file */
	struct merkle tree;
	uint64_t signed_size; /* of the last checkpoint; 0: there is none */
	uint64_t checkpoint_bytes;
	bool torn;  /* some file is longer than what counts, and is to be cut */
	int broken; /* -errno for ever: lines are written that the tree does not have */
	unsigned char (*batch)[MERKLE_HASH];
	size_t room;
};

/* Cuts every file back to what counts. */
int log_take_back(struct log_writer *w);
/* Appends to the file of hashes, which is let be when it lacks some before. -errno. */
int log_hashes_write(struct log_writer *w, const unsigned char (*hashes)[MERKLE_HASH], size_t count);
/* Makes the hashes that the file lacks from the lines. */
int log_hashes_catch_up(struct log_writer *w);
/* Makes the files of a segment that goes on from the tree, and turns to it. */
int log_segment_begin(struct log_writer *w, uint64_t time);

/* ->checkpoints, ->signed_size and ->checkpoint_bytes; *last is what the last one says. */
int log_checkpoints_open(struct log_writer *w, struct tlog_checkpoint *last, struct log_repair *repair,
			 struct log_place *place);

static inline uint64_t log_segment_lines(const struct log_writer *w)
{
	return w->first + w->tree.size - w->segment;
}

#endif
