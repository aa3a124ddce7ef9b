/* SPDX-License-Identifier: Apache-2.0 */
#include "token/secret_ring.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/jwt.h"

/* As in a file or a pipe: little-endian. */
struct entry {
	unsigned char seed[KEY_SEED_BYTES];
	uint64_t made, from, until;
};

_Static_assert(sizeof(struct entry) == SECRET_RING_ENTRY, "an entry has no padding");

/* ---- the public side ---- */

/* Without bounds: which keys are in the ring is what says which are good. A bound in a verifier's copy would
 * be wrong as soon as root has the keys rotated out of turn, or a clock is set. */
static void ring_publish(struct secret_ring *ring)
{
	ring->public.count = 0;
	for (size_t i = 0; i < ring->count; i++)
		key_ring_add(&ring->public, key_public(ring->keys[i].key), 0, KEY_RING_FOREVER);
}

const struct key_ring *secret_ring_public(const struct secret_ring *ring)
{
	return &ring->public;
}

/* ---- keys ---- */

void secret_free(void *pointer_to_pointer)
{
	sodium_free(*(void **)pointer_to_pointer);
}

static int key_make(struct secret_key **key)
{
	unsigned char seed[KEY_SEED_BYTES];
	int err;

	randombytes_buf(seed, sizeof(seed));
	err = key_from_seed(seed, key);
	sodium_memzero(seed, sizeof(seed));
	return err;
}

static struct ring_secret *ring_current(struct secret_ring *ring)
{
	return &ring->keys[ring->count - 2];
}

static struct ring_secret *ring_next(struct secret_ring *ring)
{
	return &ring->keys[ring->count - 1];
}

int secret_ring_adopt(struct secret_key *key, int64_t from, int64_t now, struct secret_ring *ring)
{
	struct secret_key *next;
	int err = key_make(&next);

	if (err)
		return err;
	*ring = (struct secret_ring){
		.keys = {{.key = key, .made = from, .from = from}, {.key = next, .made = now}}, .count = 2};
	ring_publish(ring);
	return 0;
}

int secret_ring_begin(int64_t now, struct secret_ring *ring)
{
	struct secret_key *key;
	int err = key_make(&key);

	if (err)
		return err;
	err = secret_ring_adopt(key, now, now, ring);
	if (err)
		key_free(key);
	return err;
}

void secret_ring_clear(struct secret_ring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		key_free(ring->keys[i].key);
	*ring = (struct secret_ring){0};
}

const struct secret_key *secret_ring_current(const struct secret_ring *ring)
{
	return ring->keys[ring->count - 2].key;
}

const struct secret_key *secret_ring_find(const struct secret_ring *ring, const char kid[KID_BYTES - 1])
{
	for (size_t i = 0; i < ring->count; i++)
		if (!memcmp(key_public(ring->keys[i].key)->kid, kid, KID_BYTES - 1))
			return ring->keys[i].key;
	return NULL;
}

enum ring_place secret_ring_place(const struct secret_ring *ring, size_t i)
{
	return i + 1 == ring->count ? RING_NEXT : i + 2 == ring->count ? RING_CURRENT : RING_OLD;
}

/* ---- as time goes by ---- */

int secret_ring_rotate(struct secret_ring *ring, int64_t now)
{
	struct secret_key *key;
	int err = ring->count == SECRET_RING_MAX ? -ENOSPC : key_make(&key);

	if (err)
		return err;
	secret_ring_settle(ring, now);
	ring_current(ring)->until = now;
	ring_next(ring)->from = now;
	ring->keys[ring->count++] = (struct ring_secret){.key = key, .made = now};
	ring_publish(ring);
	return 0;
}

bool secret_ring_due(const struct secret_ring *ring, int64_t now, int64_t after)
{
	return now - ring->keys[ring->count - 2].from >= after &&
	       now - ring->keys[ring->count - 1].made >= SECRET_RING_LEAD;
}

const struct secret_key *secret_ring_over(const struct secret_ring *ring, int64_t now, int64_t keep)
{
	return ring->count > 2 && now - ring->keys[0].until >= keep ? ring->keys[0].key : NULL;
}

int secret_ring_forget(struct secret_ring *ring)
{
	if (ring->count <= 2)
		return -ENOENT;
	key_free(ring->keys[0].key);
	memmove(&ring->keys[0], &ring->keys[1], (ring->count - 1) * sizeof(ring->keys[0]));
	ring->count--;
	ring_publish(ring);
	return 0;
}

bool secret_ring_settle(struct secret_ring *ring, int64_t now)
{
	bool ahead = false;

	for (size_t i = 0; i < ring->count; i++) {
		int64_t *const times[] = {&ring->keys[i].made, &ring->keys[i].from, &ring->keys[i].until};

		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++) {
			if (*times[j] <= now)
				continue;
			*times[j] = now;
			ahead = true;
		}
	}
	return ahead;
}

/* ---- bytes ---- */

size_t secret_ring_encode(const struct secret_ring *ring, unsigned char bytes[SECRET_RING_BYTES])
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct ring_secret *k = &ring->keys[i];
		struct entry e = {.made = htole64((uint64_t)k->made),
				  .from = htole64((uint64_t)k->from),
				  .until = htole64((uint64_t)k->until)};

		key_seed(k->key, e.seed);
		memcpy(bytes + i * sizeof(e), &e, sizeof(e));
		sodium_memzero(&e, sizeof(e));
	}
	return ring->count * SECRET_RING_ENTRY;
}

/* That each key has the times that its place calls for, and signed after the one before it. */
static bool ring_is_ordered(const struct secret_ring *ring)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct ring_secret *k = &ring->keys[i];
		enum ring_place place = secret_ring_place(ring, i);

		if (k->made < 0 || k->made > JWT_TIME_MAX || (k->from == 0) != (place == RING_NEXT) ||
		    (k->until == 0) != (place != RING_OLD))
			return false;
		if (place != RING_NEXT && (k->from < k->made || k->from > JWT_TIME_MAX))
			return false;
		if (place == RING_OLD && (k->until < k->from || k->until > ring->keys[i + 1].from))
			return false;
	}
	return true;
}

static int entry_decode(const unsigned char *bytes, struct ring_secret *k)
{
	struct entry e;
	int err;

	memcpy(&e, bytes, sizeof(e));
	*k = (struct ring_secret){.made = (int64_t)le64toh(e.made),
				  .from = (int64_t)le64toh(e.from),
				  .until = (int64_t)le64toh(e.until)};
	err = key_from_seed(e.seed, &k->key);
	sodium_memzero(&e, sizeof(e));
	return err;
}

int secret_ring_decode(const unsigned char *bytes, size_t size, struct secret_ring *ring)
{
	struct secret_ring r = {0};
	int err = size % SECRET_RING_ENTRY || size < 2 * SECRET_RING_ENTRY || size > SECRET_RING_BYTES
			  ? -EBADMSG
			  : 0;

	for (size_t at = 0; !err && at < size; at += SECRET_RING_ENTRY) {
		err = entry_decode(bytes + at, &r.keys[r.count]);
		r.count += !err;
	}
	if (!err) {
		ring_publish(&r);
		/* A key that comes twice is published once. */
		err = r.public.count == r.count && ring_is_ordered(&r) ? 0 : -EBADMSG;
	}
	if (err)
		secret_ring_clear(&r);
	else
		*ring = r;
	return err;
}
