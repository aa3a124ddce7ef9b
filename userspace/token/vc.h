/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of delegation as a W3C Verifiable Credential (VC Data Model 2.0), issued by the key of a host and
 * secured with eddsa-jcs-2022. It is for showing to others, not for acting: nothing of ours takes one in
 * place of a token.
 *
 *   issuer                  the host's key, a did:key
 *   validFrom, validUntil   the last link's life
 *   credentialSubject
 *     id                    agent:ID of the last link
 *     owner                 who answers for it
 *     assurance             how that was proven, {method, ...}
 *     links                 from the root on, each {id: agent:ID, purpose, parent: agent:ID or null,
 *                           policy: {name, digest of its exact text}, table: digest of the compiled cells,
 *                           validFrom, validUntil, token: the compact JWS}
 *
 * Terms that VC 2.0 does not define are in its own vocabulary for such (undefined-terms/v2).
 */
#ifndef DEPUTY_VC_H
#define DEPUTY_VC_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "token/key.h"

#define VC_LINKS_MAX	 16u
#define VC_ASSURANCE_MAX 8u
#define VC_MAX		 (2u << 20) /* bytes of a credential's text: so many tokens of TOKEN_MAX, and the rest */

struct vc_link {
	const char *id;	    /* of the grant */
	const char *parent; /* NULL: the root */
	const char *purpose;
	const char *policy, *policy_digest;
	const char *table; /* digest */
	const char *token;
	int64_t not_before, expires; /* seconds since the epoch */
};

struct vc_chain {
	const char *owner;
	const json_t *assurance;     /* an object of strings, `method` among them */
	const struct vc_link *links; /* root first */
	size_t count;
};

/*
 * Issues the credential of a chain, a new reference.
 *   -EINVAL  it is no chain: no link or more than VC_LINKS_MAX, a parent that is not the link before, a life
 *            that is empty or not within the parent's, no assurance, something that is missing or not UTF-8
 *   else as data_integrity_sign()
 */
int vc_sign(const struct secret_key *key, const struct vc_chain *chain, int64_t created, json_t **credential);

/* A text as JSON. -EMSGSIZE: longer than VC_MAX; -EBADMSG: not one JSON object without doubled members. A new
 * reference. */
int vc_parse(const char *text, size_t len, json_t **credential);

/*
 * Checks a credential against the key of the host it is expected from and the wall clock (seconds). The form
 * is that of vc_sign() and no other, and the chain in it obeys the same rules; the links' tokens are not
 * looked into.
 *   -EBADMSG, -ENOKEY (another issuer), -EKEYREJECTED, -ENOMEM: as jwt_verify()
 *   -EKEYEXPIRED, -EAGAIN (not valid yet)
 */
int vc_verify(const json_t *credential, const struct public_key *issuer, int64_t now);

#endif
