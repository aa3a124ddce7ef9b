/* SPDX-License-Identifier: Apache-2.0 */
/* Strangers' security event tokens (RFC 8417), of the issuers that the administrator named. */
#ifndef DEPUTY_SET_VERIFY_H
#define DEPUTY_SET_VERIFY_H

#include "proof/oidc.h"
#include "proof/why.h"

#define SET_TEXT_MAX   65536u /* bytes of a token */
#define SET_JTI_MAX    255u   /* bytes */
#define SET_EVENTS_MAX 16u
#define SET_AGE_MAX    (7 * 86400) /* seconds since `iat`: what is older is about no grant that lives */

/* What was received, checked. set_received_free(). */
struct set_received {
	const struct oidc_issuer *issuer;
	json_t *claims;
	const char *jti;      /* the claims' */
	const json_t *events; /* by their URIs, each an object */
	int64_t iat;
};

/*
 * Checks one at wall-clock time `now`. Its `typ` must say that it is one, and `aud` have one of ours at its
 * issuer. The payload is not parsed before its signature is found good. `why` is for the transmitter, too.
 *   -EMSGSIZE      past SET_TEXT_MAX
 *   -EBADMSG       no security event token, or a claim missing or of another type
 *   -ENOTSUP       an algorithm that we do not verify
 *   -ENOKEY        no issuer has this key
 *   -EKEYREJECTED  the signature is wrong, or the key is not of the issuer whose name it says
 *   -ESTALE        of the future, or past SET_AGE_MAX
 *   -EACCES        for someone else
 *   -ENOMEM
 */
int set_verify(const struct oidc_issuers *issuers, const char *text, size_t len, int64_t now,
	       struct set_received *set, struct why *why);
void set_received_free(struct set_received *set);

#endif
