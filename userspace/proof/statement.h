/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an owner signs so that a grant may be made in his name. The exact bytes are the canonical JSON (RFC
 * 8785) of
 *
 *   {"aud":"<kid of the host's signing key>","iat":<seconds since the epoch>,"nonce":"<base64url>",
 *    "policy_digest":"sha256:<hex>","purpose":"<name>","ttl_seconds":<number>,"workdir":"<path>" or null}
 *
 * without white space and without a newline in the end; the namespace of the signature is
 * STATEMENT_NAMESPACE. `aud` keeps it from other hosts, `nonce` (the host's own, for one use) from a second
 * grant, the rest from being for another grant than the one that he was asked for.
 *
 * An issuer of ID tokens signs no statement of ours, but whatever `nonce` the owner logs in with: that one is
 * statement_nonce(), so that the token is for this statement and no other.
 */
#ifndef DEPUTY_STATEMENT_H
#define DEPUTY_STATEMENT_H

#include <stddef.h>
#include <stdint.h>

#define STATEMENT_NAMESPACE   "grant@deputy"
#define STATEMENT_MAX	      32768u /* bytes */
#define STATEMENT_NONCE_MIN   16u    /* bytes that the text stands for */
#define STATEMENT_NONCE_MAX   48u
#define STATEMENT_NONCE_BYTES 65  /* its text, and NUL */
#define STATEMENT_BOUND_BYTES 44  /* base64url of a SHA-256, and NUL */
#define STATEMENT_AGE_MAX     300 /* seconds since iat */
#define STATEMENT_SKEW_MAX    60 /* seconds that iat may lie ahead: the owner signs on another host, perhaps */

struct statement {
	const char *aud;
	const char *nonce;
	const char *policy_digest;
	const char *purpose;
	const char *workdir; /* NULL: none */
	int64_t ttl_seconds;
	int64_t iat;
};

/* The bytes to be signed, NUL-ended besides; the caller frees *text. -EINVAL: something is missing, out of
 * range or not UTF-8, or the nonce is no nonce; -EMSGSIZE; -ENOMEM. */
int statement_write(const struct statement *statement, char **text);

/*
 * Whether these bytes say exactly what is asked for. Of `asked` the nonce and iat are not looked at; whether
 * the nonce was ours and is unused is the caller's to see. Whether they were signed is too: call
 * sshsig_verify() on them first. -EMSGSIZE  longer than STATEMENT_MAX -EBADMSG   not exactly what
 * statement_write() gives -EPERM     another grant was signed for: *member (static) is the first that differs
 *   -ESTALE    signed too long ago, or ahead of now (seconds)
 *   -ENOMEM
 */
int statement_check(const char *text, size_t len, const struct statement *asked, int64_t now,
		    char nonce[STATEMENT_NONCE_BYTES], const char **member);

/*
 * What the `nonce` of an ID token must be that agrees to these bytes: their SHA-256 in base64url (OpenID
 * Connect Core section 15.5.2 has the nonce be a hash of what it is bound to).
 */
void statement_nonce(const char *text, size_t len, char nonce[STATEMENT_BOUND_BYTES]);

#endif
