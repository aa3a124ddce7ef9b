/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a log's directory, and the first line of each segment (docs/LOG.md).
 *
 * A log's lines are numbered from `first` on, without gaps: the line with number seq is leaf seq - first of
 * its one tree.
 */
#ifndef DEPUTY_SEGMENT_H
#define DEPUTY_SEGMENT_H

#include <stdbool.h>

#include "log/merkle.h"

#define SEGMENT_NAME_BYTES 32	 /* 20 digits, ".jsonl" or ".hashes", and NUL */
#define SEGMENT_HEAD_BYTES 4096u /* of the longest first line and its newline */
#define LINE_MAX_BYTES	   (1u << 20)
#define CHECKPOINTS_NAME   "checkpoints"

enum segment_file { SEGMENT_LINES, SEGMENT_HASHES };

struct segment {
	uint64_t seq; /* of its first line */
	bool has[2];  /* enum segment_file */
};

/* What the first line says: how things were before it. */
struct segment_head {
	uint64_t seq;
	struct merkle tree;
};

void segment_name(uint64_t seq, enum segment_file file, char name[SEGMENT_NAME_BYTES]);
/* Those of a directory in their order; the caller frees *list. -errno. */
int segments_list(int dir, struct segment **list, size_t *count);

/* The number that a line begins with; 0: it is no line of a log. */
uint64_t line_seq(const char *line, size_t len);
/* Whether a line is of `type`. */
bool line_is(const char *line, size_t len, const char *type);

/* Whether what stands beside a line of this hash is of a write that power failure cut short: some of its
 * bytes, then zeros. Nobody gains by making it so. */
bool hash_is_torn(const unsigned char known[MERKLE_HASH], const unsigned char hash[MERKLE_HASH]);

/* The first line of a segment that goes on from `tree`, with its newline and NUL. `time`: ns since 1970.
 * -EIO. */
int segment_head_format(const struct merkle *tree, uint64_t seq, uint64_t time, char line[SEGMENT_HEAD_BYTES],
			size_t *len);
/* Back, of a line without its newline. -EBADMSG: it is no such line, or its root is not that of its subtrees.
 */
int segment_head_parse(const char *line, size_t len, struct segment_head *head);

/* The line that says that all lines before `before` may be gone, and its reading: 0 when it is none. */
size_t retention_format(uint64_t before, uint64_t seq, uint64_t time, char line[SEGMENT_HEAD_BYTES]);
uint64_t retention_parse(const char *line, size_t len);

#endif
