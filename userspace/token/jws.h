/* SPDX-License-Identifier: Apache-2.0 */
/* JWS in compact serialization (RFC 7515 section 7.1), EdDSA over Ed25519 only (RFC 8037 section 3.1). */
#ifndef DEPUTY_JWS_H
#define DEPUTY_JWS_H

#include <stddef.h>

#include "token/key.h"

#define TOKEN_MAX 65536u /* bytes of one compact serialization */

struct jws {
	char *header; /* the decoded bytes; not NUL-terminated, not yet looked at */
	size_t header_len;
	char *payload;
	size_t payload_len;
	size_t signed_len; /* the first so many characters of the text are what was signed */
	unsigned char signature[KEY_SIGN_BYTES];
};

/* Signs a header and a payload, both raw bytes. -EMSGSIZE: past TOKEN_MAX; -ENOMEM. The caller frees *text.
 */
int jws_sign(const struct secret_key *key, const char *header, size_t header_len, const char *payload,
	     size_t payload_len, char **text);

/* Takes a text apart and checks its form, nothing else. -EMSGSIZE: longer than TOKEN_MAX; -EBADMSG: not
 * three parts of canonical base64url, the third of 64 bytes; -ENOMEM. jws_free() in the end. */
int jws_split(const char *text, size_t len, struct jws *jws);
void jws_free(struct jws *jws);

#endif
