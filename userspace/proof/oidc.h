/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An owner's proof by OpenID Connect: an ID token, checked as OpenID Connect Core 1.0 section 3.1.3.7 says
 * against issuers that the administrator named. No network: an issuer's keys come from a file.
 */
#ifndef DEPUTY_OIDC_H
#define DEPUTY_OIDC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proof/jwk.h"
#include "proof/why.h"

#define OIDC_ISSUERS_MAX   16u
#define OIDC_LIST_MAX	   32u	/* entries of one list in the configuration */
#define OIDC_URL_MAX	   255u /* bytes of an issuer's name */
#define OIDC_SUB_MAX	   255u /* OpenID Connect Core section 2 */
#define OIDC_ACR_MAX	   255u /* bytes of `acr`, and of all `amr` with a space between two */
#define OIDC_AUDIENCES_MAX 32u	/* entries of a token's `aud` */
#define OIDC_OWNER_MAX	   (5 + OIDC_URL_MAX + 1 + OIDC_SUB_MAX) /* "oidc:ISSUER#SUB" */

struct oidc_list {
	char *list[OIDC_LIST_MAX];
	unsigned count;
};

/* A claim that must be there: equal to one of these, or a list that has one of them. */
struct oidc_claim {
	char *name;
	struct oidc_list any_of;
};

/* One issuer as configured. Times in seconds. Strings are its own; oidc_issuer_free(). */
struct oidc_issuer {
	char *issuer;			  /* `iss`, byte for byte */
	struct oidc_list audience;	  /* our client ids there: `aud` must have one */
	struct oidc_list other_audiences; /* who else may stand in `aud` beside us */
	struct oidc_list algorithms;	  /* none: all of jws_alg.h */
	char *jwks;			  /* absolute path of a file with its JWK Set */
	int64_t skew;			  /* how far its clock may be off */
	int64_t max_age;		  /* since `iat` */
	int64_t max_auth_age;		  /* since `auth_time`, which must then be there; 0: any */
	bool nonce;			  /* the token must answer a nonce of ours */
	bool by_email;			  /* the owner is "oidc:EMAIL" instead of "oidc:ISSUER#SUB" */
	struct oidc_list domains;	  /* those whose addresses this issuer speaks for */
	struct oidc_claim require[OIDC_LIST_MAX];
	unsigned
		requires;
	struct jwk_set keys; /* what `jwks` held when it was last read: oidc_keys.h */
	char *keys_text;     /* and its text; NULL: not read, or no good */
	size_t keys_len;
};

struct oidc_issuers {
	struct oidc_issuer list[OIDC_ISSUERS_MAX];
	unsigned count;
};

void oidc_issuer_defaults(struct oidc_issuer *issuer);
void oidc_issuer_free(struct oidc_issuer *issuer);
void oidc_issuers_free(struct oidc_issuers *issuers);

/* What can be wrong with an issuer as a whole, and beside those before it; NULL: nothing. */
const char *oidc_issuer_mistake(const struct oidc_issuers *before, const struct oidc_issuer *issuer);

/* Whom a token proves, and how. oidc_identity_free(). */
struct oidc_identity {
	char *owner; /* as policies name it: "oidc:..." */
	char *issuer;
	char *subject;
	char *acr;			    /* the assurance that the issuer claims; NULL: says nothing */
	json_t *amr;			    /* its methods: a list of strings; NULL: says nothing */
	int64_t issued, expires, auth_time; /* seconds since the epoch; auth_time 0: says nothing */
	char id[KID_BYTES]; /* SHA-256 of what was signed, in base64url: a second signature over it has the
			       same, so that whoever remembers it until `expires` + skew sees a replay */
};

/*
 * Checks an ID token at wall-clock time `now`. `nonce`: what we gave to whoever brings the token; NULL: none,
 * which an issuer with `nonce: true` refuses. The payload is not parsed before its signature is found good.
 * The reasons are for our own log.
 *   -EMSGSIZE      past JWS_TEXT_MAX
 *   -EBADMSG       not an ID token, or a claim missing or of another type
 *   -ENOTSUP       an algorithm that we do not verify
 *   -ENOKEY        no issuer has this key
 *   -EKEYREJECTED  the signature is wrong, or the key is not of the issuer whose name it says
 *   -EKEYEXPIRED   past `exp`, or older than max_age or max_auth_age
 *   -EAGAIN        of the future
 *   -EACCES        for someone else (aud, azp, nonce), or not whom the configuration asks for
 *   -ENOMEM
 */
int oidc_verify(const struct oidc_issuers *issuers, const char *text, size_t len, const char *nonce,
		int64_t now, struct oidc_identity *identity, struct why *why);
void oidc_identity_free(struct oidc_identity *identity);

struct jws_open;

/* Which issuer signed a JWS, whatever kind of token it is: one of whose keys it is, and whose name is its
 * `iss`. The claims are a new reference; nothing else of them is checked. -EBADMSG, -ENOKEY, -EKEYREJECTED as
 * above. */
int oidc_issuer_of(const struct oidc_issuers *issuers, const struct jws_open *jws, json_t **claims,
		   const struct oidc_issuer **issuer, struct why *why);

#endif
