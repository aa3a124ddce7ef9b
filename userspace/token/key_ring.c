/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key_ring.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "token/base64url.h"
#include "token/jwt.h"

int key_ring_add(struct key_ring *ring, const struct public_key *key, int64_t not_before, int64_t not_after)
{
	if (not_before >= not_after)
		return -EINVAL;
	for (size_t i = 0; i < ring->count; i++)
		if (!memcmp(ring->keys[i].key.bytes, key->bytes, KEY_PUBLIC_BYTES))
			return -EEXIST;
	if (ring->count == KEY_RING_MAX)
		return -ENOSPC;
	ring->keys[ring->count++] = (struct ring_key){*key, not_before, not_after};
	return 0;
}

static void key_ring_take(struct key_ring *ring, size_t i)
{
	memmove(&ring->keys[i], &ring->keys[i + 1], (ring->count - i - 1) * sizeof(ring->keys[0]));
	ring->count--;
}

int key_ring_remove(struct key_ring *ring, const char *kid)
{
	for (size_t i = 0; i < ring->count; i++) {
		if (!strcmp(ring->keys[i].key.kid, kid)) {
			key_ring_take(ring, i);
			return 0;
		}
	}
	return -ENOENT;
}

size_t key_ring_expire(struct key_ring *ring, int64_t now)
{
	size_t before = ring->count;

	for (size_t i = before; i-- > 0;)
		if (now >= ring->keys[i].not_after)
			key_ring_take(ring, i);
	return before - ring->count;
}

const struct public_key *key_ring_find(const struct key_ring *ring, const char kid[KID_BYTES - 1],
				       int64_t now)
{
	for (size_t i = 0; i < ring->count; i++) {
		const struct ring_key *k = &ring->keys[i];

		if (!memcmp(k->key.kid, kid, KID_BYTES - 1))
			return now >= k->not_before && now < k->not_after ? &k->key : NULL;
	}
	return NULL;
}

/* ---- JWK Sets ---- */

static json_t *ring_jwk(const struct ring_key *k)
{
	json_t *jwk = key_jwk(&k->key);

	if (jwk && k->not_before > 0 && json_object_set_new(jwk, "nbf", json_integer(k->not_before)))
		return json_decref(jwk), NULL;
	if (jwk && k->not_after <= JWT_TIME_MAX &&
	    json_object_set_new(jwk, "exp", json_integer(k->not_after)))
		return json_decref(jwk), NULL;
	return jwk;
}

json_t *key_ring_jwks(const struct key_ring *ring, int64_t now)
{
	json_t *keys = json_array();

	for (size_t i = 0; keys && i < ring->count; i++)
		if (now < ring->keys[i].not_after && json_array_append_new(keys, ring_jwk(&ring->keys[i])))
			return json_decref(keys), NULL;
	return json_pack("{s:o}", "keys", keys);
}

static bool jwk_says(const json_t *jwk, const char *member, const char *value, bool required)
{
	const json_t *v = json_object_get(jwk, member);

	return v ? json_is_string(v) && !strcmp(json_string_value(v), value) : !required;
}

/* One of ours, used as ours are. */
static bool jwk_concerns(const json_t *jwk)
{
	return jwk_says(jwk, "kty", "OKP", true) && jwk_says(jwk, "crv", "Ed25519", true) &&
	       jwk_says(jwk, "use", "sig", false) &&
	       (jwk_says(jwk, "alg", "EdDSA", false) || jwk_says(jwk, "alg", "Ed25519", false));
}

static bool jwk_time(const json_t *jwk, const char *member, int64_t *time)
{
	const json_t *v = json_object_get(jwk, member);

	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > JWT_TIME_MAX)
		return false;
	*time = json_integer_value(v);
	return true;
}

static int jwk_read(const json_t *jwk, struct ring_key *k)
{
	const json_t *x = json_object_get(jwk, "x");
	unsigned char bytes[KEY_PUBLIC_BYTES];
	size_t n;

	if (!json_is_string(x) || json_object_get(jwk, "d") ||
	    base64url_decode(json_string_value(x), json_string_length(x), bytes, sizeof(bytes), &n) ||
	    n != sizeof(bytes))
		return -EBADMSG;
	*k = (struct ring_key){.not_after = KEY_RING_FOREVER};
	key_from_public(bytes, &k->key);
	if (!jwk_says(jwk, "kid", k->key.kid, false) || !jwk_time(jwk, "nbf", &k->not_before) ||
	    !jwk_time(jwk, "exp", &k->not_after))
		return -EBADMSG;
	return 0;
}

int key_ring_read(const json_t *jwks, struct key_ring *ring)
{
	const json_t *keys = json_object_get(jwks, "keys"), *jwk;
	struct key_ring r = {0};
	struct ring_key k;
	size_t i;
	int err = json_is_array(keys) ? 0 : -EBADMSG;

	json_array_foreach (keys, i, jwk) {
		if (err || !jwk_concerns(jwk))
			continue;
		err = jwk_read(jwk, &k);
		if (!err)
			err = key_ring_add(&r, &k.key, k.not_before, k.not_after);
	}
	if (err)
		return err == -ENOSPC ? err : -EBADMSG;
	*ring = r;
	return 0;
}
