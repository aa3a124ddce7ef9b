/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security event tokens (RFC 8417) of the host's: that a grant was revoked. They say what has happened and
 * ask for nothing, so they have no `exp` (section 2.2) and can be taken for no token that gives authority.
 */
#ifndef DEPUTY_SET_H
#define DEPUTY_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "token/key.h"

#define SET_TYPE      "secevent+jwt"
#define SET_JTI_BYTES 23 /* base64url of 16 random bytes, and NUL */

/* OpenID CAEP 1.0 section 3.1; and what only we can say. */
#define SET_SESSION_REVOKED "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
#define SET_GRANT_REVOKED   "urn:deputy:event-type:grant-revoked"

struct set_revocation {
	const char *iss;
	int64_t time;	   /* seconds */
	const char *grant; /* the topmost of those that ended: every token whose chain has it is over */
	const char *owner;
	const char *policy;
	const char *policy_digest;
	const char *purpose;
	const char *key;    /* of the host, that signed the root of the chain */
	const char *reason; /* for people */
	bool kill;	    /* the processes were killed */
	uint64_t beneath;   /* grants that ended with it */
};

/* The claims, all but `aud`, with a fresh jti, which is copied. A new reference, NULL without memory or when
 * a text is no UTF-8. */
json_t *set_claims(const struct set_revocation *r, char jti[SET_JTI_BYTES]);

/* Signs such claims for one recipient. The caller frees *text. As jwt_sign(). */
int set_sign(const struct secret_key *key, const json_t *claims, const char *aud, char **text);

#endif
