/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside tokens that the broker has given and that may still be good. It keeps no token, only what it
 * hashes to; a token that is not here is no token of ours, whoever signed it. So they end with the grant,
 * with the task that asked, when they are redeemed, and all of them with this run of the broker.
 */
#ifndef DEPUTY_ISSUED_H
#define DEPUTY_ISSUED_H

#include "broker/payers.h"
#include "broker/tasks.h"
#include "token/hash.h"

#define ISSUED_SWEEP_USEC 1000000 /* how late what is over is forgotten; it is inactive at once */

enum issued_kind { ISSUED_ACCESS, ISSUED_TXN };

struct issued {
	unsigned char hash[HASH_BYTES]; /* SHA-256 of the token's text */
	enum issued_kind kind;
	bool single_use;
	uint32_t slot, gen; /* of the grant that it speaks for */
	uint64_t deadline;  /* CLOCK_BOOTTIME, ns */
	uint64_t status;    /* its entry in status_lists.h; STATUS_NONE */
	struct task *task;  /* NULL: it lives as long as the grant */
	struct bill bill;
	LIST_ENTRY(issued) of_task;
	UT_hash_handle hh;
};

struct issued_list {
	struct issued *by_hash;
	struct payers payers;
	sd_event_source *sweep;
};

struct issued_terms {
	const char *text;
	enum issued_kind kind;
	bool single_use;
	const struct grant *grant;
	struct bill bill;  /* of whoever asks, made in this very event */
	struct task *task; /* NULL: none */
	uint64_t deadline;
	uint64_t status; /* STATUS_NONE: none */
};

/* Remembers a token. Errors of payers_take(), or another -errno. */
int issued_add(struct broker *b, const struct issued_terms *terms);
/* The token with this text, if it is good now; NULL. */
struct issued *issued_find(struct broker *b, const char *text, size_t len);
/* Whether it is good now. */
bool issued_is_good(const struct broker *b, const struct issued *t);
struct grant *issued_grant(const struct broker *b, const struct issued *t);
/* It is good no more. */
void issued_end(struct broker *b, struct issued *t);
/* All that end with a task, which is freed. */
void issued_end_task(struct broker *b, struct task *t);
/* Whoever keeps accounts makes sure that they are swept. 0 or -errno. */
int issued_watch(struct broker *b);
void issued_clear(struct broker *b);

#endif
