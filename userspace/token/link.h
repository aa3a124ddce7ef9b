/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One link of a chain: a grant signed by whoever delegated it, a compact JWS of type deputy-grant+jwt
 * (docs/CHAIN.md). There is one spelling of a link, in header and payload; a reader takes no other.
 */
#ifndef DEPUTY_LINK_H
#define DEPUTY_LINK_H

#include <stdint.h>

#include "token/hash.h"
#include "token/key.h"
#include "token/scan.h"

#define LINK_TYPE      "deputy-grant+jwt"
#define LINK_MAX       32768u /* bytes of its text */
#define LINK_TEXT_MAX  255u   /* of owner, policy, purpose and the members of assurance, each */
#define LINK_ASSURANCE 8u     /* members of assurance */
#define LINK_IDS_MAX   23u    /* characters of a grant's id */

struct link_member {
	const char *name;
	const char *value;
};

/* What a delegator says. Strings hold no quote, backslash or control character. */
struct link_terms {
	const char *id; /* lower-case letters and digits */
	const char *owner;
	const char *purpose; /* names of letters, digits, '.', '_' and '-', joined by '/', none "." or ".." */
	const char *policy;
	const char *policy_digest;		      /* "sha256:<hex>" of the exact text */
	const char *policy_within;		      /* the parent's, where this is another; else NULL */
	const char *table;			      /* "sha256:<hex>" of the compiled cells */
	struct link_member assurance[LINK_ASSURANCE]; /* in ascending order of names, `method` among them */
	uint32_t assurance_count;
	uint32_t depth_max; /* how many links may follow the root's */
	struct public_key holder;
	int64_t iat, nbf, exp;	/* wall clock, seconds */
	uint32_t slot, gen;	/* where this host tells of its end; slot 0: nowhere */
	const char *status_uri; /* where others read whether it lives; NULL: nowhere */
	uint32_t status_index;	/* in the list there */
	const char *details;	/* authorization_details: the JSON text of an array, spelled as links are */
	size_t details_len;
};

struct chain_link {
	struct link_terms terms;
	const char *parent; /* its id, NULL at the root */
	uint32_t depth;	    /* links above it */
	unsigned char parent_hash[HASH_BYTES];
	unsigned char hash[HASH_BYTES]; /* SHA-256 of its text */
	struct span payload;
};

/* Why a chain is refused: for logs. Whoever presented it is told no more than that. */
enum chain_why {
	CHAIN_OK,
	CHAIN_MEMORY,
	CHAIN_LENGTH, /* no link, or more than CHAIN_MAX */
	CHAIN_SIZE,   /* a link is longer than LINK_MAX */
	CHAIN_FORM,   /* not three parts of base64url */
	CHAIN_HEADER, /* other than exactly alg, kid and typ in our spelling */
	CHAIN_KEY, /* signed, it says, by a key that is none of the roots, or none now, or not the parent's */
	CHAIN_SIGNATURE, /* wrong */
	CHAIN_CLAIMS,	 /* one is missing, malformed or in disorder: report.claim names it */
	CHAIN_EARLY,	 /* now < nbf */
	CHAIN_EXPIRED,	 /* now >= exp */
	CHAIN_PARENT,	 /* names another parent than the link before, by id */
	CHAIN_HASH,	 /* or by hash */
	CHAIN_DEPTH,	 /* not one more than the parent's, or more than the parent allows */
	CHAIN_DEPTH_MAX, /* allows more than the parent */
	CHAIN_OWNER,	 /* not the parent's */
	CHAIN_ASSURANCE, /* not the parent's */
	CHAIN_POLICY,	 /* neither the parent's nor said to lie within it */
	CHAIN_PURPOSE,	 /* neither the parent's nor a refinement of it */
	CHAIN_LIFETIME,	 /* begins before the parent's or ends after it */
	CHAIN_ID,	 /* of a link above */
	CHAIN_HOLDER,	 /* has the key of a link above, or of the host */
	CHAIN_SCOPES,	 /* allows what the parent does not */
	CHAIN_WHYS
};

/* One word, "claims", "lifetime"; and a sentence's end. */
const char *chain_why_name(enum chain_why why);
const char *chain_why_text(enum chain_why why);

/*
 * Signs a link below `parent`, which a report of chain_verify() holds, by its holder's key; NULL: a root's,
 * by the host's. What it signs it has read and compared as chain_verify() will. -EINVAL: not the parent's
 * key, or terms that make no link; -EPERM: they are not within the parent's. *why (NULL: do not tell) then
 * says in what; -EMSGSIZE: past LINK_MAX; -ENOMEM, -EIO. The caller frees *text.
 */
int link_sign(const struct secret_key *key, const struct chain_link *parent, const struct link_terms *terms,
	      enum chain_why *why, char **text);

/* Of a link's text, what its terms do not say. */
struct link_seal {
	unsigned char kid[HASH_BYTES]; /* of the key that signed: its thumbprint */
	unsigned char holder[KEY_PUBLIC_BYTES];
	unsigned char signature[KEY_SIGN_BYTES];
};

/* Reads it off a link that link_sign() has made. Looks at no signature. -EBADMSG, -ENOMEM. */
int link_seal_read(const char *text, struct link_seal *seal);
/*
 * The text again, from its terms (the holder is the seal's) and of its parent the id, depth and hash. Other
 * terms make another text, which no signature fits: compare its hash. -EINVAL: terms that make no link;
 * -EMSGSIZE, -ENOMEM. The caller frees *text.
 */
int link_restore(const struct link_seal *seal, const struct chain_link *parent,
		 const struct link_terms *terms, char **text);

/* ---- for chain.c ---- */

struct link_room {
	char *at;
};

/* Reads a payload, which must outlive the link, into *link all but its hash; its strings go to `room`, of at
 * least the payload's size. 0, or the name of the claim that is wrong in *claim. */
enum chain_why link_read(struct span payload, struct link_room *room, struct chain_link *link,
			 const char **claim);

/* Whether a link may follow another. Does not look at what the two say of their grants' scopes, at times as
 * of now, or at links further up. */
enum chain_why link_within(const struct chain_link *parent, const struct chain_link *link);

/* The header of links signed by that key is LINK_HEADER bytes, as base64url LINK_HEADER_TEXT characters. */
#define LINK_HEADER_BEFORE "{\"alg\":\"EdDSA\",\"kid\":\""
#define LINK_HEADER_AFTER  "\",\"typ\":\"" LINK_TYPE "\"}"
#define LINK_HEADER	   (sizeof(LINK_HEADER_BEFORE LINK_HEADER_AFTER) - 1 + KID_BYTES - 1)
#define LINK_HEADER_TEXT   BASE64URL_LEN(LINK_HEADER)

#endif
