/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading side of a log, to prove from: its hashes, as they are beside the lines. A hash that is wrong
 * makes a proof that does not check, never one that lies, so whoever proves checks before he shows.
 */
#ifndef DEPUTY_LOG_STORE_H
#define DEPUTY_LOG_STORE_H

#include "log/log_file.h"
#include "log/merkle_proof.h"
#include "log/tlog_checkpoint.h"

struct log_store;

/* Takes in the hashes of the log in `dir`, which stays the caller's: 32 bytes a record. -ENOENT: there is no
 * segment; -EBADMSG: they do not follow each other; -ENOMEM, -errno. */
int log_store_open(int dir, struct log_store **store);
void log_store_free(struct log_store *store);

uint64_t log_store_first(const struct log_store *store); /* number of leaf 0 */
uint64_t log_store_size(const struct log_store *store);

/* A merkle_subtree_fn, `arg` is the store. -ENOENT: what it takes is not kept any more. */
int log_store_subtree(void *arg, uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH]);

/* The line of record `seq`, without its newline; the caller frees it. -ENOENT: not there (any more). */
int log_store_line(const struct log_store *store, uint64_t seq, struct log_bytes *line);

/* The newest whole checkpoint of more than `size` records, and of no more than there are; the caller frees
 * *note. -ENOENT: there is none. */
int log_store_checkpoint(const struct log_store *store, uint64_t size, struct log_bytes *note);

#endif
