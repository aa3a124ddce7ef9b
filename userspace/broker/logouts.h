/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that their issuer has called over. What they began ends when the event comes; what is left is an ID
 * token from before, brought only afterwards. It answers a nonce of ours that is older still, so for as long
 * as nonces live the event is remembered, and then there is nothing left to refuse.
 */
#ifndef DEPUTY_LOGOUTS_H
#define DEPUTY_LOGOUTS_H

#include <stddef.h>
#include <stdint.h>

#include "broker/set_subject.h"
#include "proof/oidc.h"

#define LOGOUTS_MAX 256u /* remembered one by one */

struct logout {
	struct set_subject subject; /* of no grant or session */
	json_t *claims;		    /* whose texts these are; NULL: of all users of the issuer */
	int64_t until;		    /* by the issuer's clock, seconds */
	uint64_t deadline;	    /* CLOCK_BOOTTIME, ns; 0: free */
};

/* One that has to make room is taken for a logout of all of its issuer's users: they log in once more. */
struct logouts {
	struct logout list[LOGOUTS_MAX];
	size_t next;
	struct logout all[OIDC_ISSUERS_MAX];
};

/* Remembers that what the subject began up to `until` is over. `now` is CLOCK_BOOTTIME in ns. */
void logouts_add(struct logouts *l, const struct set_received *set, const struct set_subject *subject,
		 int64_t until, uint64_t now);
/* Whether the login by which a grant would be is over. One in the very second of the event is another: its
 * user may well have come back. */
bool logouts_have(const struct logouts *l, uint64_t now, const struct grant *g);
void logouts_clear(struct logouts *l);

#endif
