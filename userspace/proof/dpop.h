/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPoP proofs (RFC 9449): that whoever sends an HTTP request holds the key to which a token is, or is to be,
 * bound. A proof brings its own key along; what it proves is that key's thumbprint and nothing about whose it
 * is.
 */
#ifndef DEPUTY_DPOP_H
#define DEPUTY_DPOP_H

#include <stddef.h>
#include <stdint.h>

#include "proof/why.h"
#include "token/hash.h"
#include "token/key.h"

#define DPOP_TYPE      "dpop+jwt"
#define DPOP_TEXT_MAX  8192u /* bytes of a proof: one by RSA of 8192 bits has under 5000 */
#define DPOP_JTI_MAX   255u  /* bytes */
#define DPOP_NONCE_MAX 255u
#define DPOP_PAST      60 /* seconds since `iat` for which a proof is good */
#define DPOP_FUTURE    5  /* and by which the sender's clock may be ahead: most are on this host */

/* The request that a proof came with. */
struct dpop_request {
	const char *method;	  /* as on the wire */
	const char *uri;	  /* absolute; a query and a fragment are ignored (section 4.3) */
	const char *access_token; /* presented with it, so that `ath` must be its hash; NULL: none */
	int64_t now;		  /* wall clock, seconds */
};

struct dpop_proof {
	char jkt[KID_BYTES];		/* RFC 7638 thumbprint of the key */
	unsigned char id[HASH_BYTES];	/* of key and `jti`: a proof seen twice has the same */
	char nonce[DPOP_NONCE_MAX + 1]; /* "": none. For the caller to judge */
	int64_t until;			/* wall clock: from then on it is good no more, so may be forgotten */
};

/*
 * Checks all of section 4.3 but what needs a memory: the caller judges the nonce, and refuses an `id` that it
 * has seen before `until`. The payload is not parsed before the signature has been found good.
 *   -EMSGSIZE      past the limits above
 *   -EBADMSG       not a proof: its form, its type, its key (a private one too), or a claim missing or
 * malformed -ENOTSUP       an algorithm or a kind of key that we do not verify -EKEYREJECTED  the signature
 * is not that key's -EACCES        of another request, by method or URI, or with another token -EKEYEXPIRED,
 * -EAGAIN  too old, of the future -ENOMEM
 */
int dpop_verify(const char *text, size_t len, const struct dpop_request *request, struct dpop_proof *proof,
		struct why *why);

#endif
