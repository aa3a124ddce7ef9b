/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JWTs (RFC 7519) of a host's key: a header of exactly alg, kid and typ. The type is explicit (RFC 8725
 * section 3.11), so that a JWT made for one use is never taken for another.
 */
#ifndef DEPUTY_JWT_H
#define DEPUTY_JWT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "token/jws.h"

#define JWT_TYPE_MAX 64u	  /* bytes */
#define JWT_TIME_MAX 253402300799 /* 9999-12-31T23:59:59Z, in seconds since the epoch */

/* Signs an object of claims. `typ` is a media type without "application/" (RFC 7515 section 4.1.9). -EINVAL:
 * it is none, or the claims are no object; -EMSGSIZE: past TOKEN_MAX; -ENOMEM. The caller frees *text. */
int jwt_sign(const struct secret_key *key, const char *typ, const json_t *claims, char **text);

/*
 * Checks form, type, key and signature, in this order; the payload is not parsed before. What the claims say,
 * times too, is the caller's to check. They are a new reference.
 *   -EMSGSIZE      longer than TOKEN_MAX
 *   -EBADMSG       not exactly the form and the type that jwt_sign() gives, or no object
 *   -ENOKEY        signed, it says, by another key
 *   -EKEYREJECTED  the signature is wrong
 *   -ENOMEM
 */
int jwt_verify(const struct public_key *key, const char *typ, const char *text, size_t len, json_t **claims);

/* The kid and the typ that a JWS names in its header: for telling, nothing is checked by it. -EBADMSG: no
 * header, or none of these in it, or longer than JWT_TYPE_MAX bytes. */
int jwt_names(const char *text, char kid[JWT_TYPE_MAX + 1], char typ[JWT_TYPE_MAX + 1]);

/* A NumericDate among the claims (RFC 7519 section 2, which allows fractions of a second; we write none, so
 * we read none). -EBADMSG: it is missing, no integer, or not from 0 to JWT_TIME_MAX. */
int jwt_time(const json_t *claims, const char *name, int64_t *seconds);

#endif
