/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands behind a tag: the grants that the broker announced, by slot and generation, each with the
 * labels of its rules. What grants have in common is kept once. Memory is bounded: one grant a slot,
 * IDENTITY_KEPT ended ones besides, and IDENTITY_LABELS bytes of labels in all.
 */
#ifndef DEPUTY_IDENTITY_H
#define DEPUTY_IDENTITY_H

#include <stdint.h>
#include <sys/queue.h>

#include "common/msg.h"
#include "common/types.h"

#define IDENTITY_KEPT	    1024u	   /* ended grants whose late events still find a name */
#define IDENTITY_KEPT_NS    60000000000ull /* how long they do */
#define IDENTITY_LABEL_MAX  8192u	   /* bytes of one label; a longer one is refused */
#define IDENTITY_LABELS_MAX (16u << 20)	   /* bytes of one grant's labels */
#define IDENTITY_LABELS                                                                                      \
	(size_t)(128u << 20) /* bytes of all labels that differ; past it new grants get none */

/* What an event's line says of a grant. */
struct identity_names {
	const char *grant, *chain, *owner, *user, *purpose, *policy;
};

struct identity {
	uint32_t slot, gen;
	char grant[ID_BYTES];
	char chain[sizeof(((struct record_message *)0)->chain)];
	const char *owner, *user, *purpose, *policy; /* shared */
	const uint32_t
		*label_at; /* shared: where each label begins, in bytes from here; NULL: none is kept */
	uint32_t rules;
	uint64_t forget; /* CLOCK_BOOTTIME ns from when on it may go; 0 = the grant goes on */
	LIST_ENTRY(identity) slot_mates;
	TAILQ_ENTRY(identity) ended;
};

LIST_HEAD(identity_list, identity);
TAILQ_HEAD(identity_queue, identity);

struct identity_book {
	struct identity_list slots[SLOTS_MAX];
	struct identity_queue ended; /* oldest first */
	uint32_t ended_count;
	size_t label_bytes; /* of different labels */
};

/* NULL when there is no memory. */
struct identity_book *identity_book_new(void);
void identity_book_free(struct identity_book *book);

/* Takes a copy of *m and of the labels, which are `len` bytes of NUL-ended text in order of rule number.
 * Whatever held the slot before counts as ended. -EPROTO: *m or the labels are malformed. -ENOMEM. */
int identity_add(struct identity_book *book, const struct record_message *m, const char *labels, size_t len,
		 uint64_t now);
/* NULL when nobody announced it or it was forgotten. */
struct identity *identity_find(struct identity_book *book, uint32_t slot, uint32_t gen);
/* The label of rule `rule` (from 1), NULL when it is not known. */
const char *identity_rule(const struct identity *who, uint32_t rule);
/* For as long as the identity is. */
struct identity_names identity_names(const struct identity *who);

/* It goes on by a new link of the same grant. */
void identity_renew(struct identity *who, const struct record_message *m);

/* The grant is over: it is forgotten IDENTITY_KEPT_NS from `now`, or sooner when many end. */
void identity_end(struct identity_book *book, struct identity *who, uint64_t now);
void identity_forget_old(struct identity_book *book, uint64_t now);

/* -EPROTO unless every string of *m ends within its array. */
int record_message_check(const struct record_message *m);

#endif
