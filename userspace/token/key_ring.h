/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several public keys, by name, each good for a time: a host's keys across a rotation. The next key is in the
 * ring before it signs, so that verifiers have it; the last one for as long as something it signed may live.
 */
#ifndef DEPUTY_KEY_RING_H
#define DEPUTY_KEY_RING_H

#include <jansson.h>
#include <stdint.h>

#include "token/key.h"

#define KEY_RING_MAX	 16u
#define KEY_RING_FOREVER INT64_MAX

struct ring_key {
	struct public_key key;
	int64_t not_before; /* wall clock, seconds: nothing verifies before */
	int64_t not_after;  /* nor from then on; KEY_RING_FOREVER */
};

/* Zeroed by the caller; has no memory of its own. */
struct key_ring {
	struct ring_key keys[KEY_RING_MAX];
	size_t count;
};

/* -ENOSPC: full; -EEXIST: it is there; -EINVAL: not_before >= not_after. */
int key_ring_add(struct key_ring *ring, const struct public_key *key, int64_t not_before, int64_t not_after);
/* -ENOENT. */
int key_ring_remove(struct key_ring *ring, const char *kid);
/* Takes out what is good no more; returns how many. */
size_t key_ring_expire(struct key_ring *ring, int64_t now);
/* The key of that name, if it is good now; NULL. */
const struct public_key *key_ring_find(const struct key_ring *ring, const char kid[KID_BYTES - 1],
				       int64_t now);

/* The JWK Set (RFC 7517 section 5) of all keys that are good or will be, with `nbf` and `exp` (OpenID
 * Federation 1.0 section 8.7) where there are bounds. A new reference, NULL without memory. */
json_t *key_ring_jwks(const struct key_ring *ring, int64_t now);
/*
 * From a JWK Set. Keys of other types, curves or uses are passed over (RFC 7517 section 5). -EBADMSG: no set,
 * a malformed Ed25519 key, one that comes twice or under another name than its thumbprint, or a private key,
 * which nobody should have sent; -ENOSPC: more than KEY_RING_MAX. *ring is untouched on error.
 */
int key_ring_read(const json_t *jwks, struct key_ring *ring);

#endif
