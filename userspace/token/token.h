/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant's wire form: a signed JWT (RFC 7519), with one algorithm, one type, and one key named by its
 * thumbprint. What RFC 8725 calls for by configuration is here by construction: there is no way to choose.
 */
#ifndef DEPUTY_TOKEN_H
#define DEPUTY_TOKEN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "token/jwt.h"

#define TOKEN_TIME_MAX JWT_TIME_MAX

/* Signs an object of claims, which must hold what token_verify() asks for. -EINVAL: it does not;
 * -EMSGSIZE: past TOKEN_MAX; -ENOMEM. The caller frees *text. */
int token_sign(const struct secret_key *key, const json_t *claims, char **text);

/*
 * Checks a token against a key and the wall clock (seconds). The payload is not parsed before its signature
 * has been found good. The reasons are for our own logs; whoever asks is told no more than "inactive".
 *   -EMSGSIZE      longer than TOKEN_MAX
 *   -EBADMSG       not exactly the form that token_sign() gives
 *   -ENOKEY        signed, it says, by another key
 *   -EKEYREJECTED  the signature is wrong
 *   -EKEYEXPIRED   now >= exp
 *   -EAGAIN        now < nbf
 * The claims are a new reference.
 */
int token_verify(const struct public_key *key, const char *text, size_t len, int64_t now, json_t **claims);

#endif
