/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose account the token service's work is on: the agent's, which is its grant with all that it delegated,
 * and its owner's. An agent's share is a small part of its owner's and an owner's of the whole, so that no
 * flood by one leaves another without.
 */
#ifndef DEPUTY_PAYERS_H
#define DEPUTY_PAYERS_H

#include <stdint.h>
#include <uthash.h>

#include "broker/grants.h"

#define RATE_PER_GRANT 20u  /* requests in one second of the clock */
#define RATE_PER_OWNER 200u /* of all his agents and himself; root himself excepted */

#define TOKENS_PER_GRANT 512u /* outstanding */
#define TOKENS_PER_OWNER 4096u
#define TOKENS_MAX	 16384u

struct payer {
	char name[ID_BYTES]; /* the id of a grant that no other delegated, or a user's number */
	unsigned tokens;     /* outstanding */
	uint64_t second;     /* CLOCK_MONOTONIC: in which it last asked, and how often */
	unsigned asked;
	UT_hash_handle hh;
};

struct payers {
	struct payer *by_name;
	unsigned tokens; /* outstanding, of all */
};

/* Who pays for one thing. */
struct bill {
	struct payer *grant; /* NULL: no agent asks, but an owner himself */
	struct payer *owner;
	bool root; /* and he is root */
};

/* A bill is good until the next payers_sweep(), and as long as it has a token on it. -ENOMEM. */
int payers_bill(struct payers *p, const struct grant *g, uid_t uid, struct bill *bill);
/* One more request. -EAGAIN: too many in this second; the owner does not pay for those that his agent's own
 * share refuses. */
int payers_ask(const struct bill *bill);
/* One more token outstanding. -EDQUOT: the grant's share is used up, -EUSERS: the owner's, -ENOSPC: there are
 * as many as there may be. */
int payers_take(struct payers *p, const struct bill *bill);
void payers_give(struct payers *p, const struct bill *bill);
/* Forgets those with nothing outstanding; false: there are none left. */
bool payers_sweep(struct payers *p);
void payers_clear(struct payers *p);

#endif
