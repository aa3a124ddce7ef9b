/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocations as security event tokens, kept for those who poll for them (RFC 8936): each user has the events
 * of his own grants, root of all. Memory only: what counts is the log, and whoever has missed an event finds
 * the grant over by introspection or status list.
 */
#ifndef DEPUTY_SETS_H
#define DEPUTY_SETS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "token/hash.h"
#include "token/set.h"

struct broker;
struct cut;

#define SETS_MAX 2048u /* kept at one time; the oldest go first, and are counted */
#define SETS_PER_USER                                                                                        \
	256u /* likewise: no one user's events push out another's. Root has more, where there is room */
#define SETS_RECEIVERS	  32u /* whose acknowledgements are known; whoever asked longest ago is forgotten */
#define SETS_AT_ONCE	  64u /* in one answer */
#define SETS_WAIT_SECONDS 25u /* that an answer is put off while there is nothing to tell */
#define SETS_BODY_MAX	  65536u
#define SETS_REMEMBERED	  1024u /* events of others that were taken */

/* One event. */
struct set_entry {
	char jti[SET_JTI_BYTES];
	uid_t uid;	/* whose grant it was */
	uint32_t acked; /* one bit for each receiver */
	json_t *claims;
	TAILQ_ENTRY(set_entry) next;
};

struct set_receiver {
	uid_t uid;
	uint64_t asked; /* of all requests, which: 0, no receiver */
};

struct sets {
	TAILQ_HEAD(set_entries, set_entry) entries; /* oldest first */
	size_t count;
	uint64_t lost; /* that nobody had acknowledged */
	struct set_receiver receivers[SETS_RECEIVERS];
	uint64_t asked;
	LIST_HEAD(set_waiters, set_waiter) waiters;
	unsigned char received[SETS_REMEMBERED][HASH_BYTES]; /* others' events, by issuer and jti */
	size_t received_next;
};

void sets_init(struct sets *s);
void sets_clear(struct sets *s);

/* Tells of a subtree that was cut, and wakes who waits for it. One that no memory is left for is counted as
 * lost. */
void sets_add(struct broker *b, const struct cut *cut, const char *reason);

/* Which of the receivers a user is; a new one has everything still to learn. */
unsigned sets_receiver(struct sets *s, uid_t uid);
/* The receiver needs this one no more. Others', and those that are not there any more, are passed over. */
void sets_acknowledge(struct sets *s, unsigned receiver, const char *jti);
/* The next one that a receiver has not acknowledged, from the oldest on (NULL); NULL: none. */
struct set_entry *sets_next(struct sets *s, unsigned receiver, struct set_entry *after);

/* Lets go of all who wait: before http_stop(). */
void sets_stop(struct broker *b);
/* For sets_add(): whoever waits for events of this user's grants is answered. */
void sets_wake(struct broker *b, uid_t uid);

#endif
