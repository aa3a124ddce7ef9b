/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files of a log's directory, and the checkpoints in theirs. */
#ifndef DEPUTY_LOG_FILE_H
#define DEPUTY_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_bytes {
	char *at; /* owned; NULL when there are none */
	size_t len;
};

void log_bytes_free(struct log_bytes *bytes);
#define _cleanup_bytes_ __attribute__((cleanup(log_bytes_free)))

/* From `from` to its end, as it is now. A copy and no mapping: the file may be cut while it is read. -errno.
 */
int log_bytes_read(int fd, uint64_t from, struct log_bytes *bytes);
/* The whole of a file of the directory `dir`. */
int log_bytes_load(int dir, const char *name, struct log_bytes *bytes);

/* Where line `n` begins, from 0; NULL: there are fewer newlines before it than that. */
const char *log_bytes_line(const struct log_bytes *bytes, uint64_t n);

/* Writes all or says how much (*done). -errno. */
int log_write_all(int fd, const void *bytes, size_t len, size_t *done);

/* The next whole note in a file of checkpoints at or after *at, which moves behind it. False: there is none;
 * *at is then where an unfinished one may begin. */
bool checkpoints_next(const struct log_bytes *file, size_t *at, const char **note, size_t *len);

#endif
