/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of an ID token whose signature is good; for oidc.c, and texts for set_verify.c. */
#ifndef DEPUTY_OIDC_CLAIMS_H
#define DEPUTY_OIDC_CLAIMS_H

#include "proof/oidc.h"

struct oidc_times {
	int64_t exp, iat, nbf, auth_time; /* nbf, auth_time: 0 where there is none */
};

/* All of section 3.1.3.7 but the issuer and the signature. Errors as oidc_verify(). */
int oidc_claims_check(const struct oidc_issuer *issuer, const json_t *claims, const char *nonce, int64_t now,
		      struct oidc_times *times, struct why *why);

/* Whether a text can stand in a chain and on a terminal: 1 to `max` of printable ASCII, quote and backslash
 * excepted (docs/CHAIN.md: strings without escapes). */
bool oidc_text_ok(const char *text, size_t len, size_t max);

/* The owner's name; the caller frees it. -EBADMSG, -EACCES: these claims name none. */
int oidc_claims_owner(const struct oidc_issuer *issuer, const json_t *claims, char **owner, struct why *why);

#endif
