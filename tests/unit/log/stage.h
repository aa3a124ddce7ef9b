/* SPDX-License-Identifier: Apache-2.0 */
/* A log in a directory of its own, to write, spoil and judge. */
#ifndef DEPUTY_LOG_STAGE_H
#define DEPUTY_LOG_STAGE_H

#include <stdbool.h>

#include "log/log_file.h"
#include "log/log_verify.h"
#include "log/log_writer.h"

#define STAGE_TIME 1790000000123456789ull

struct stage {
	char path[64];
	int dir;
	struct log_writer *w; /* NULL: not open */
	struct log_repair repair;
	struct log_place place;
	struct secret_key *secret, *witness;
	struct note_key key, witness_key;
};

/* An empty directory, and keys. */
void stage_open(struct stage *s);
void stage_close(struct stage *s);

int stage_writer(struct stage *s); /* log_writer_open() */
void stage_stop(struct stage *s);  /* closes the writer */
/* Appends `count` lines; each says its number and is of a length of its own. */
void stage_lines(struct stage *s, size_t count);
void stage_rotate(struct stage *s);
void stage_checkpoint(struct stage *s);
/* The last checkpoint once more, with a witness's signature. */
void stage_cosign(struct stage *s, uint64_t time);

/* Files by name, whole. */
void stage_read(const struct stage *s, const char *name, struct log_bytes *bytes);
void stage_write(const struct stage *s, const char *name, const void *bytes, size_t len);
void stage_remove(const struct stage *s, const char *name);
/* All files of the directory, to be put back. */
struct stage_copy *stage_save(const struct stage *s);
void stage_restore(const struct stage *s, const struct stage_copy *copy);
void stage_copy_free(struct stage_copy *copy);

/* What log_verify() says, with both keys. */
struct verdict {
	struct log_report report;
	size_t count;
	struct log_finding found[64];
};
void stage_verify(const struct stage *s, struct verdict *v);
/* Fails and shows them unless there is none but warnings. */
void stage_sound(const struct stage *s);

#endif
