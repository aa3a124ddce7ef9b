/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token exchange (RFC 8693) on the socket: for one request, what was asked, whose grant it is about, and what
 * the new token will say.
 */
#ifndef DEPUTY_SWAP_H
#define DEPUTY_SWAP_H

#include "broker/form.h"
#include "broker/http.h"
#include "broker/issued.h"
#include "broker/oauth.h"
#include "broker/scope.h"

#define ACCESS_SECONDS	   300 /* a token lives at most so long, and never longer than its grant */
#define SINGLE_USE_SECONDS 60
#define TXN_SECONDS	   60
#define TXN_REPLACED_MAX   7u	  /* times that one transaction's token may be replaced */
#define AUDIENCE_MAX	   255u	  /* bytes */
#define CONTEXT_MAX	   4096u  /* bytes of request_context and of request_details, each */
#define DETAILS_COUNT	   64u	  /* entries of authorization_details: each is looked for among the rules */
#define DETAILS_MAX	   65536u /* bytes of authorization_details */

#define GRANT_TYPE_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_GRANT	    "urn:deputy:token-type:grant" /* a live grant by its id, which is no secret */
#define TYPE_JWT	    "urn:ietf:params:oauth:token-type:jwt" /* a grant's chain */
#define TYPE_ACCESS	    "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_TXN	    "urn:ietf:params:oauth:token-type:txn_token"
#define DETAIL_RULE	    "deputy_rule" /* RFC 9396: one rule of the grant */

/* One token exchange under way. */
struct swap {
	struct exchange *x;
	struct broker *b;
	struct answer *answer;
	struct form form;
	/* who asks, and pays for it, whosever grant it is about */
	struct grant *own; /* the agent's; NULL: a user himself asks */
	struct bill bill;
	/* what is asked */
	enum issued_kind kind;
	bool single_use;
	bool with_grant; /* it outlives the task that asks */
	const char *audience;
	json_t *details;	 /* authorization_details; NULL: none */
	json_t *context, *about; /* request_context, request_details; NULL: none */
	/* whom it is about */
	struct grant *grant;   /* whose authority it is: the narrowest of all that were named */
	json_t *old;	       /* the claims of a token of ours that is exchanged; NULL: a grant was */
	uint64_t old_deadline; /* of that token: CLOCK_BOOTTIME, ns */
	char scope[SCOPE_TEXT_MAX + 1];
	char jkt[KID_BYTES]; /* the key to which the token is bound; "": none */
	/* the result */
	int64_t now, expires; /* wall clock, seconds */
	uint64_t deadline;    /* CLOCK_BOOTTIME, ns */
	uint64_t status;      /* its entry in status_lists.h; STATUS_NONE: it has none */
	json_t *claims;
	char *text;
};

/* Each of these steps answers what is wrong, and returns 0 or -errno. */
typedef int (*swap_step)(struct swap *s);

/* swap_request.c: takes the form apart. */
int swap_request(struct swap *s);
/* swap_subject.c: finds the grant, and what of its authority is left. */
int swap_subject(struct swap *s);
int swap_scope(struct swap *s);
int swap_details(struct swap *s);
/* swap_proof.c: the DPoP proof, and the nonce for the next. */
int swap_proof(struct swap *s);
/* swap_claims.c: what the token says. */
int swap_times(struct swap *s);
int swap_claims(struct swap *s);

/* The claims of a token of ours, which was found by its hash, so that nobody else wrote them. NULL. */
json_t *swap_read(const char *text, size_t len);

#endif
