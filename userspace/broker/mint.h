/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/grants, in three parts: what was asked (event loop), whether the policy allows it and what that
 * compiles to (worker), and the grant itself (event loop). Each part is a list of steps; a step that fails
 * has answered why and is the last.
 */
#ifndef DEPUTY_MINT_H
#define DEPUTY_MINT_H

#include "broker/http.h"
#include "broker/request.h"
#include "broker/user.h"
#include "broker/worker.h"
#include "policy/policy.h"

/* What is known of the owner. Without a proof all of it is empty: he is the caller. */
struct mint_proof {
	char owner[sizeof("ssh:") - 1 + SSHKEY_FINGERPRINT_BYTES];
	const char *assurance; /* static */
	uint32_t counter;
	char nonce[STATEMENT_NONCE_BYTES];
};

struct mint {
	struct worker_job job;
	struct exchange *x;
	struct broker *b;      /* in the worker: options and texts only, which never change */
	struct answer *answer; /* of the exchange */
	struct user user;
	struct grant_request request;
	struct policy *policy;
	struct mint_proof proof;
	struct policy_grant terms;
	struct table *table;
	char policy_digest[DIGEST_BYTES];
	char table_digest[DIGEST_BYTES];
	struct grant *grant;
	bool loaded; /* a slot was taken */
	int err;     /* how the part that ran last ended */
};

typedef int (*mint_step)(struct mint *m);

/* Runs steps until one fails. */
int mint_steps(struct mint *m, const mint_step *steps, size_t count);

/* The worker's part: parse, owner, purpose, ttl, compile. Thread-safe. */
int mint_policy(struct mint *m);
/* Steps of the worker's part: whose signature it is, and whether over this very request. Nothing to do
 * without one. */
int mint_proof_owner(struct mint *m);
int mint_proof_statement(struct mint *m);
/* Step of the last part: takes the nonce, so that a proof is good for one grant. */
int mint_proof_nonce(struct mint *m);
/* Who the owner is, and how that is known. */
void mint_proof_describe(const struct mint *m, struct grant *g);
/* Part of the first: which text is meant, and may it be used here at all. */
int mint_text(struct mint *m);

#endif
