/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log: whole lines only, numbered without gaps across restarts. A line that could not be written
 * in full is taken back out of the file, never left torn for the next one to be glued to.
 */
#ifndef DEPUTY_LOGFILE_H
#define DEPUTY_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logfile {
	int fd;	       /* borrowed; O_APPEND, readable */
	uint64_t seq;  /* of the next line */
	uint64_t size; /* bytes of whole lines */
	bool torn;     /* bytes past `size` are still to be taken back */
	bool dirty;    /* written to since logfile_sync() */
};

/* Takes back an unfinished last line (*torn tells) and finds the last number. -EBADMSG when the last line has
 * none: numbering anew would hide that the log was tampered with. -errno of what the file refuses. */
int logfile_open(struct logfile *log, int fd, bool *torn);

/* Appends `count` lines that carry the numbers from log->seq on. *kept is how many of them the file holds, in
 * any case; log->seq moves on by as many. 0 when that is all, else the -errno that stopped it. */
int logfile_append(struct logfile *log, const char *lines, size_t len, size_t count, size_t *kept);

/* To the disk. Blocks as long as that takes. */
int logfile_sync(struct logfile *log);

#endif
