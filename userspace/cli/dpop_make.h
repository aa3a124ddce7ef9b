/* SPDX-License-Identifier: Apache-2.0 */
/* DPoP proofs (RFC 9449) of a key that is the caller's own: an Ed25519 key in a file. */
#ifndef DEPUTY_CLI_DPOP_MAKE_H
#define DEPUTY_CLI_DPOP_MAKE_H

#include "token/key.h"

/* A key as `openssl genpkey -algorithm ed25519` writes it. -EBADMSG: it holds no such key, or one under a
 * passphrase; -errno of reading. */
int dpop_key(const char *path, struct secret_key **key);
/* A proof, the caller frees it. `nonce` and `token` (for `ath`): NULL or "": without. -EMSGSIZE, -ENOMEM,
 * -EIO. */
int dpop_make(const struct secret_key *key, const char *method, const char *uri, const char *nonce,
	      const char *token, char **proof);

#endif
