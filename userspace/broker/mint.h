/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/grants, /v1/delegate and /v1/grants/ID/renew, in three parts: what was asked (event loop), whether
 * the policy allows it and what that compiles to (worker), and the grant itself (event loop). Each part is a
 * list of steps; a step that fails has answered why and is the last.
 */
#ifndef DEPUTY_MINT_H
#define DEPUTY_MINT_H

#include "broker/http.h"
#include "broker/request.h"
#include "broker/user.h"
#include "broker/warden_client.h"
#include "broker/worker.h"
#include "policy/policy.h"
#include "token/hash.h"

/* What is known of the owner. Without a proof all of it is empty: he is the caller. */
struct mint_proof {
	char owner[OWNER_BYTES];
	const char *assurance; /* static */
	json_t *more;	       /* as struct grant's `proof` */
	uint32_t counter;
	int64_t issued; /* as struct grant's `proven` */
	char nonce[STATEMENT_NONCE_BYTES];
	/* whom he may have addressed: the key that signs, and the one before it; for the worker, as they
	 * change */
	char aud[2][KID_BYTES];
};

/*
 * What a grant that delegates gives at most. A copy: the grant may be gone before the worker is done. In a
 * renewal it is the grant itself, which gets no more than it had, until the one above it ends.
 */
struct delegator {
	char id[ID_BYTES]; /* empty: nobody delegates, the owner asks; in a renewal, of the one above */
	char purpose[72];
	char policy[72];
	char digest[HASH_TEXT_BYTES];
	char table_digest[HASH_TEXT_BYTES];
	struct warden_tag tag;
	struct table *table; /* cells as the kernel has them, labels as the registry has them */
	uint64_t deadline;   /* CLOCK_BOOTTIME ns */
	int64_t not_before, expires;
	unsigned depth, children, audit;
	bool kill;
};

struct mint;
typedef int (*mint_step)(struct mint *m);

/* The steps of each part, ended by NULL. */
struct mint_plan {
	const mint_step *ask, *work, *end;
};

struct mint {
	struct worker_job job;
	const struct mint_plan *plan;
	struct exchange *x;
	struct broker *b; /* in the worker: options and texts only, which never change, and the issuers */
	struct answer *answer;	/* of the exchange */
	struct user user;	/* of `uid` */
	uid_t uid;		/* whose grant it is or will be; of a delegated one, the caller's */
	char renewed[ID_BYTES]; /* the grant that is renewed; empty: none is */
	bool installed;		/* the policy's text is the host's own */
	struct grant_request request;
	struct delegator from;
	char *workdir;	  /* the delegator's, when the request names none */
	char purpose[72]; /* of a delegated grant: its parent's, or a part of it */
	struct policy *policy;
	struct mint_proof proof;
	struct policy_grant terms;
	struct table *table;
	char policy_digest[HASH_TEXT_BYTES];
	char table_digest[HASH_TEXT_BYTES];
	struct grant *grant;
	bool loaded; /* a slot was taken */
	int err;     /* how the part that ran last ended */
};

/* Runs steps until one fails. */
int mint_steps(struct mint *m, const mint_step *steps);
/* The handler of both requests. */
int mint_handle(struct exchange *x, const struct mint_plan *plan);

/* The worker's part, ended by NULL: parse, owner, purpose, ttl, compile. Thread-safe. */
extern const mint_step mint_policy[];
int mint_parse(struct mint *m);
int mint_owner(struct mint *m);
int mint_purpose(struct mint *m);
int mint_ttl(struct mint *m);
int mint_compile(struct mint *m);
int mint_digests(struct mint *m);
/* Of the first part: which names of this host an owner may have agreed to. */
void mint_proof_hosts(struct mint *m);
/* Steps of the worker's part: who the owner is by his proof, and whether it is for this very request. Nothing
 * to do without one. */
int mint_proof_owner(struct mint *m);
int mint_proof_statement(struct mint *m);
/* The first of these when the proof is an ID token: whose it is. */
int mint_oidc_owner(struct mint *m);
/* Step of the last part: takes the nonce, so that a proof is good for one grant, and looks whether the login
 * is over. */
int mint_proof_nonce(struct mint *m);
/* Who the owner is, and how that is known. -ENOMEM. */
int mint_proof_describe(const struct mint *m, struct grant *g);
/* Part of the first: which text is meant, and may it be used here at all. */
int mint_text(struct mint *m);

/* The grant's table, from the kernel: what is enforced is what is compared, whichever daemon loaded it. */
int mint_table_of(struct mint *m, const struct grant *g);
/* Whether the new table is within the old one; the error of policy_within(), answered: it would be wider than
 * `id`. */
int mint_within(struct mint *m, const char *id);

/* Of the first, after the request where that can ask for a ticket, and of the last. */
int mint_caller(struct mint *m);
int mint_request(struct mint *m);
int mint_request_narrower(struct mint *m);
int mint_request_renewal(struct mint *m);
/* Of the last: what this kernel cannot close, the policy has to have said. */
int mint_roads(struct mint *m);
/* What people are shown of the chain: the lines above the grant, and its own. -ENOMEM: as they were. */
int mint_lines(const struct mint *m, struct grant *g);
/* The grant itself: described, loaded, signed, recorded, put on the caller. */
int mint_begin(struct mint *m);

#endif
