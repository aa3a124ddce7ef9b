/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token status lists (draft-ietf-oauth-status-list-19): a few bits for each of many tokens, compressed,
 * signed and fetched as one, so that whoever asks for a token's status does not tell which one.
 */
#ifndef DEPUTY_STATUS_LIST_H
#define DEPUTY_STATUS_LIST_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "token/key_ring.h"

#define STATUS_LIST_TYPE "statuslist+jwt"
#define STATUS_LIST_BYTES_MAX                                                                                \
	(1u << 20) /* of a list that is not compressed; no longer one is ever inflated */

/* Section 7.1; the rest is for applications to say. */
enum status_value { STATUS_VALID, STATUS_INVALID, STATUS_SUSPENDED };

/* Let go of by status_list_clear(). */
struct status_list {
	unsigned bits; /* 1, 2, 4 or 8 for each token */
	size_t size;   /* bytes */
	unsigned char *bytes;
};

/* A list of at least `count` entries, all of one value. -EINVAL: bits; -ERANGE: the value; -EMSGSIZE: past
 * STATUS_LIST_BYTES_MAX; -ENOMEM. */
int status_list_new(unsigned bits, size_t count, unsigned value, struct status_list *list);
void status_list_clear(struct status_list *list);

/* -ERANGE: no such index, or no such value. */
int status_list_set(struct status_list *list, size_t index, unsigned value);
int status_list_get(const struct status_list *list, size_t index, unsigned *value);

/* Section 4.2: {"bits", "lst"}, and back. A new reference; -ENOMEM, -EIO (zlib). */
int status_list_encode(const struct status_list *list, json_t **object);
/* -EBADMSG: not of that form, or not one whole zlib stream and nothing else; -EMSGSIZE: it would be longer
 * than STATUS_LIST_BYTES_MAX; -ENOMEM. Other members are ignored. */
int status_list_decode(const json_t *object, struct status_list *list);

/* Of the token around a list (section 5.1). */
struct status_list_terms {
	const char *uri; /* `sub`: what tokens name as status.status_list.uri */
	int64_t iat;
	int64_t exp; /* seconds */
	int64_t ttl; /* seconds for which it may be cached */
};

/* Signs one. The caller frees *text. -EINVAL: iat >= exp or ttl <= 0; else as jwt_sign() and
 * status_list_encode(). */
int status_list_sign(const struct secret_key *key, const struct status_list_terms *terms,
		     const struct status_list *list, char **text);
/*
 * Checks one against the keys of its issuer, the uri that the token names, and the wall clock (section 8.3),
 * in seconds. *ttl is 0 where none is said.
 *   -ENOKEY       by none of these keys
 *   -EXDEV        of another uri
 *   -EAGAIN       iat lies ahead by more than a minute
 *   -EKEYEXPIRED  now >= exp
 *   else as jwt_verify() and status_list_decode()
 */
int status_list_verify(const struct key_ring *keys, const char *uri, const char *text, size_t len,
		       int64_t now, struct status_list *list, int64_t *ttl);

#endif
