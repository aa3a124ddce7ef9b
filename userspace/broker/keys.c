/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/warden_client.h"
#include "common/cleanup.h"

/* ---- from the warden ---- */

static int keys_read(int fd, struct secret_ring *ring)
{
	_cleanup_secret_ unsigned char *bytes = sodium_malloc(SECRET_RING_BYTES + 1); /* to see the end */
	size_t n = 0;
	ssize_t got;

	if (!bytes)
		return -ENOMEM;
	while (n <= SECRET_RING_BYTES && (got = read(fd, bytes + n, SECRET_RING_BYTES + 1 - n)) != 0) {
		if (got < 0)
			return -errno;
		n += (size_t)got;
	}
	return secret_ring_decode(bytes, n, ring);
}

int keys_load(int fd, struct broker *b)
{
	return keys_read(fd, &b->keys);
}

const struct secret_key *keys_of_grant(const struct broker *b, const struct grant *g)
{
	return secret_ring_find(&b->keys, g->key);
}

/* ---- changes ---- */

static const char *keys_kid(const struct secret_ring *ring, enum ring_place place)
{
	return key_public(ring->keys[ring->count - (place == RING_NEXT ? 1 : 2)].key)->kid;
}

static void keys_note(struct broker *b, const char *kid, const char *what)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "key %s %s", kid, what);
	recorder_note_plain(&b->recorder, NOTE_KEYS, NULL, NULL, text);
}

static void keys_note_changes(struct broker *b, const struct secret_ring *now, bool asked)
{
	for (size_t i = 0; i < b->keys.count; i++) {
		const char *kid = key_public(b->keys.keys[i].key)->kid;

		if (!secret_ring_find(now, kid))
			keys_note(b, kid, "is removed: nothing that it signed lives");
	}
	if (!strcmp(keys_kid(now, RING_CURRENT), keys_kid(&b->keys, RING_CURRENT)))
		return;
	keys_note(b, keys_kid(now, RING_CURRENT),
		  asked ? "signs from now on, as root asked" : "signs from now on, as scheduled");
	keys_note(b, keys_kid(now, RING_NEXT), "is published: the next to sign");
}

/* On error the keys are as before, here and on disk. */
static int keys_turn(struct broker *b, uint32_t flags)
{
	struct secret_ring ring = {0};
	_cleanup_close_ int fd = -1;
	int err = warden_keys(FD_WARDEN, flags, &fd);

	if (!err)
		err = keys_read(fd, &ring);
	if (err)
		return err;
	keys_note_changes(b, &ring, flags & KEYS_ROTATE);
	secret_ring_clear(&b->keys);
	b->keys = ring;
	return 0;
}

/* Whether a grant that holds a slot descends from it. By the kernel's clock, which is not the one by which
 * the key is over. */
static bool keys_needed(const struct broker *b, const struct secret_key *key)
{
	for (const struct grant *g = b->grants.by_id; g; g = g->hh.next)
		if (g->held && !strcmp(g->key, key_public(key)->kid))
			return true;
	return false;
}

static uint32_t keys_forgettable(const struct broker *b, int64_t now)
{
	const struct secret_key *oldest = secret_ring_over(&b->keys, now, b->options.keys_keep);

	return oldest && !keys_needed(b, oldest) ? KEYS_FORGET : 0;
}

/* The warden says on stderr why it cannot, and is asked again. */
static void keys_look(struct broker *b)
{
	int64_t now = time(NULL);
	bool ahead = secret_ring_settle(&b->keys, now);
	uint32_t flags = keys_forgettable(b, now);

	if (flags || ahead || secret_ring_due(&b->keys, now, b->options.rotate_after))
		keys_turn(b, flags);
}

static int keys_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)usec;
	keys_look(arg);
	sd_event_source_set_time_relative(s, KEYS_SECONDS * 1000000ull);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int keys_start(struct broker *b)
{
	int err = sd_event_add_time_relative(b->event, NULL, CLOCK_MONOTONIC, 0, 0, keys_tick, b);

	return err < 0 ? err : 0;
}

/* ---- on the socket ---- */

static const char *const places[] = {[RING_OLD] = "old", [RING_CURRENT] = "current", [RING_NEXT] = "next"};

/* RFC 7517 section 4: members that a reader does not know are passed over. */
static json_t *keys_json(const struct secret_ring *ring)
{
	json_t *set = key_ring_jwks(secret_ring_public(ring), time(NULL)), *jwk;
	size_t i;

	json_array_foreach (json_object_get(set, "keys"), i, jwk)
		json_object_set_new(jwk, "deputy_state", json_string(places[secret_ring_place(ring, i)]));
	return set;
}

int handle_keys(struct exchange *x)
{
	return answer_json(&x->answer, 200, keys_json(&x->broker->keys));
}

int handle_keys_rotate(struct exchange *x)
{
	int err = keys_turn(x->broker, KEYS_ROTATE | keys_forgettable(x->broker, time(NULL)));

	if (err == -ENOSPC)
		return answer_problem(
			&x->answer, PROBLEM_CONFLICT,
			"%zu keys are kept already, for what they have signed: an old one goes when it "
			"has signed nothing for %lld s and no grant of its lives",
			x->broker->keys.count, (long long)x->broker->options.keys_keep);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE,
				      "the keys are as before: %s; see what deputyd says on standard error",
				      strerror(-err));
	return handle_keys(x);
}
