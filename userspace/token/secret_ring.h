/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own signing keys. One is current and signs; the next is made when the current one begins, so
 * that whoever fetches the public keys has it long before it signs; the old ones stay for what they have
 * signed. Times are wall clock, in seconds since the epoch. sodium_init() must have been called.
 */
#ifndef DEPUTY_SECRET_RING_H
#define DEPUTY_SECRET_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "token/key.h"
#include "token/key_ring.h"

#define SECRET_RING_MAX	  KEY_RING_MAX /* that verifiers take in one JWK Set */
#define SECRET_RING_LEAD  86400	       /* seconds that a key is published before a schedule has it sign */
#define SECRET_RING_ENTRY 56	       /* bytes of one key as secret_ring_encode() writes it */
#define SECRET_RING_BYTES (SECRET_RING_MAX * SECRET_RING_ENTRY)

struct ring_secret {
	struct secret_key *key;
	int64_t made;
	int64_t from;  /* since when it signs; of the next key: 0 */
	int64_t until; /* since when it does no more; of an old one only, else 0 */
};

/* Old keys in the order in which they signed, then the current one, then the next: two keys at least. Zeroed
 * by the caller before the first use, let go of by secret_ring_clear(). */
struct secret_ring {
	struct ring_secret keys[SECRET_RING_MAX];
	size_t count;
	struct key_ring public; /* the same keys, good at any time */
};

enum ring_place { RING_OLD, RING_CURRENT, RING_NEXT };

/* Two new keys, of which the first signs from now on. -ENOMEM. */
int secret_ring_begin(int64_t now, struct secret_ring *ring);
/* A key that has been signing since `from`, and a next one. The key is the ring's on success. -ENOMEM. */
int secret_ring_adopt(struct secret_key *key, int64_t from, int64_t now, struct secret_ring *ring);
void secret_ring_clear(struct secret_ring *ring);

const struct secret_key *secret_ring_current(const struct secret_ring *ring);
/* By name, whatever its place is; NULL: no such key here, or not any more. */
const struct secret_key *secret_ring_find(const struct secret_ring *ring, const char kid[KID_BYTES - 1]);
enum ring_place secret_ring_place(const struct secret_ring *ring, size_t i);
/* What the host's signatures are verified by. Until the ring changes. */
const struct key_ring *secret_ring_public(const struct secret_ring *ring);

/* The next key signs from now on, and another one is next. -ENOSPC: the ring is full of old keys; -ENOMEM. */
int secret_ring_rotate(struct secret_ring *ring, int64_t now);
/* Whether the current key has signed for `after` seconds and the next one has been published for
 * SECRET_RING_LEAD. */
bool secret_ring_due(const struct secret_ring *ring, int64_t now, int64_t after);
/* Whether the oldest key has signed nothing for `keep` seconds. NULL otherwise. */
const struct secret_key *secret_ring_over(const struct secret_ring *ring, int64_t now, int64_t keep);
/* Lets go of the oldest of the old keys. -ENOENT: there is none. */
int secret_ring_forget(struct secret_ring *ring);
/*
 * Times that lie ahead are those of a clock that has been set back since: they count from now on, for a key
 * that is kept too long does no harm and one that goes too early does. Whether there were any.
 */
bool secret_ring_settle(struct secret_ring *ring, int64_t now);

/* count * SECRET_RING_ENTRY bytes, with the seeds: the caller wipes them. Returns how many. */
size_t secret_ring_encode(const struct secret_ring *ring, unsigned char bytes[SECRET_RING_BYTES]);
/* Back. -EBADMSG: not what secret_ring_encode() writes; -ENOMEM. *ring is untouched on error. */
int secret_ring_decode(const unsigned char *bytes, size_t size, struct secret_ring *ring);

/* For memory of sodium_malloc(), which is locked, stays out of dumps and is wiped by sodium_free(). */
void secret_free(void *pointer_to_pointer);
#define _cleanup_secret_ __attribute__((cleanup(secret_free)))
/* As a variable's end lets go of a ring. */
#define _cleanup_ring_ __attribute__((cleanup(secret_ring_clear)))

#endif
