/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host's ring of secret keys as it lies on disk, sealed with a key that lies elsewhere:
 *
 *   at  0   16 bytes  "deputy/keys/1", NUL-padded: the form and its version
 *   at 16   16 bytes  the name of the sealing key, so that another one is told from damage
 *   at 32   24 bytes  nonce, random for each writing
 *   at 56   n * 56    the keys (n from 2 to 16), encrypted: old ones first, then the current one, then the
 * next; each 32 bytes of seed and three little-endian 64-bit times, in seconds since the epoch: made, signing
 * since (0: not yet), signing no more since (0: it still does) then    16 bytes  tag over all of it
 *
 * The cipher is XChaCha20-Poly1305 (libsodium's crypto_aead_xchacha20poly1305_ietf) with the first 56 bytes
 * as additional data. Its key and the name are derived from the sealing key by crypto_kdf, context
 * "dpt-seal", numbers 1 and 2. A key's public half and its kid follow from its seed.
 */
#ifndef DEPUTY_KEY_FILE_H
#define DEPUTY_KEY_FILE_H

#include "token/secret_ring.h"

#define SEAL_BYTES     32			     /* of a sealing key: random, and no password */
#define KEY_FILE_BYTES (56 + SECRET_RING_BYTES + 16) /* at most */

/* Whether these bytes are the one open seed that a daemon before 0.2.0 kept, and no sealed file, however cut.
 */
bool key_file_is_seed(const unsigned char *file, size_t size);

/* Returns the size in *size. -ENOMEM. */
int key_file_seal(const unsigned char seal[SEAL_BYTES], const struct secret_ring *ring,
		  unsigned char file[KEY_FILE_BYTES], size_t *size);
/*
 * Back. The ring is due to secret_ring_clear().
 *   -EBADMSG          not of this form
 *   -EPROTONOSUPPORT  of another version of it
 *   -ENOKEY           sealed with another key
 *   -EKEYREJECTED     sealed with this key, and changed or cut since
 *   -ENOMEM
 */
int key_file_open(const unsigned char seal[SEAL_BYTES], const unsigned char *file, size_t size,
		  struct secret_ring *ring);

#endif
