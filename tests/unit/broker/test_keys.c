/* SPDX-License-Identifier: Apache-2.0 */
/* Signing keys that change under a running broker, and what the grants and chains of before come to. The keys
 * are on disk as the daemon has them (daemon/keystore.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/secret_file.h"
#include "token/chain.h"
#include "token/key_file.h"
#include "token_client.h"

#define DAY	86400
#define PURPOSE ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\""

/* ---- what everybody sees ---- */

struct published {
	size_t count;
	char kid[SECRET_RING_MAX][KID_BYTES];
	char state[SECRET_RING_MAX][16];
	struct key_ring ring;
};

static void published_of(const struct reply *r, struct published *p)
{
	const json_t *jwk;
	size_t i;

	assert_int_equal(r->status, 200);
	assert_int_equal(key_ring_read(r->json, &p->ring), 0);
	p->count = p->ring.count;
	json_array_foreach (json_object_get(r->json, "keys"), i, jwk) {
		assert_null(json_object_get(jwk, "d"));
		snprintf(p->kid[i], KID_BYTES, "%s", json_string_value(json_object_get(jwk, "kid")));
		snprintf(p->state[i], 16, "%s", json_string_value(json_object_get(jwk, "deputy_state")));
	}
}

static void published(struct stage *s, struct published *p)
{
	struct reply r;

	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r);
	published_of(&r, p);
	reply_free(&r);
}

static void rotate(struct stage *s, struct published *p)
{
	struct reply r;

	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	published_of(&r, p);
	reply_free(&r);
}

/* ---- grants ---- */

static void mint(struct stage *s, char token[LINK_MAX])
{
	struct reply r;

	stage_mint(s, ALICE, PURPOSE, &r);
	assert_int_equal(r.status, 201);
	snprintf(token, LINK_MAX, "%s", reply_text(&r, "token"));
	reply_free(&r);
}

static void delegate(struct stage *s, uint32_t slot, char token[LINK_MAX])
{
	struct reply r;

	stage_caller(s, slot, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{\"argv\": [\"b\"]}", &r);
	stage_caller(s, 0, 0, 1);
	if (r.status != 201)
		print_error("%s\n", r.text);
	assert_int_equal(r.status, 201);
	snprintf(token, LINK_MAX, "%s", reply_text(&r, "token"));
	reply_free(&r);
}

/* The kid of the host's key in a chain, "" where these keys do not verify it. */
static void rooted(const struct published *p, const char *token, char kid[KID_BYTES])
{
	struct chain_report report;

	*kid = '\0';
	if (chain_verify_text(&p->ring, token, strlen(token), time(NULL), &report))
		return;
	for (size_t i = 0; i < p->count; i++) {
		struct key_ring one = {0};
		struct chain_report again;

		key_ring_add(&one, &p->ring.keys[i].key, 0, KEY_RING_FOREVER);
		if (chain_verify_text(&one, token, strlen(token), time(NULL), &again))
			continue;
		strcpy(kid, p->kid[i]);
		chain_report_free(&again);
	}
	chain_report_free(&report);
}

/* Its last task ends, and with it the grant. */
static void end(struct stage *s, uint32_t slot, unsigned nth)
{
	s->slots[slot].tasks = 0;
	stage_report(s, REPORT_EMPTY, slot, GEN, 0);
	assert_true(stage_heard(s, NOTE_ENDED, nth));
	for (int i = 0; i < 5000 && s->slots[slot].state != SLOT_FREE; i++)
		usleep(1000);
	assert_int_equal(s->slots[slot].state, SLOT_FREE);
}

/* ---- */

static void next_before_it_signs(void **state)
{
	struct stage *s = *state;
	struct published before, after;
	struct record_message m;
	char token[LINK_MAX], kid[KID_BYTES];

	published(s, &before);
	assert_int_equal(before.count, 2);
	assert_string_equal(before.state[0], "current");
	assert_string_equal(before.state[1], "next");
	rotate(s, &after);
	assert_int_equal(after.count, 3);
	assert_string_equal(after.state[0], "old");
	assert_string_equal(after.kid[0], before.kid[0]);
	assert_string_equal(after.state[1], "current");
	assert_string_equal(after.kid[1], before.kid[1]);
	assert_string_equal(after.state[2], "next");
	mint(s, token);
	rooted(&before, token, kid); /* by what was fetched before the rotation */
	assert_string_equal(kid, before.kid[1]);
	assert_true(stage_heard(s, NOTE_KEYS, 2));
	assert_true(stage_note(s, NOTE_KEYS, &m));
	assert_non_null(strstr(m.text, after.kid[2]));
}

static void for_root(void **state)
{
	struct stage *s = *state;
	struct published before, after;
	struct reply r;

	published(s, &before);
	stage_request(s, ALICE, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	stage_caller(s, 1, GEN, 1);
	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
	published(s, &after);
	assert_memory_equal(before.kid, after.kid, sizeof(before.kid[0]) * before.count);
	assert_int_equal(stage_calls(s, WARDEN_KEYS), 0);
	assert_int_equal(stage_notes(s, NOTE_KEYS), 0);
	rotate(s, &after);
	assert_string_equal(after.kid[1], before.kid[1]);
}

/* It goes on, is delegated from, is told to a next broker and ends, whichever key signs. */
static void grants_across(void **state)
{
	struct stage *s = *state;
	struct published first, now;
	char old[LINK_MAX], child[LINK_MAX], other[LINK_MAX], kid[KID_BYTES];

	published(s, &first);
	mint(s, old); /* slot 1 */
	rotate(s, &now);
	assert_true(client_active(s, old));
	delegate(s, 1, child); /* slot 2 */
	rooted(&now, child, kid);
	assert_string_equal(kid, first.kid[0]); /* the holder's key is of the root's */
	assert_memory_equal(child, old, strlen(old));
	mint(s, other); /* slot 3 */
	rooted(&now, other, kid);
	assert_string_equal(kid, first.kid[1]);
	stage_restart(s);
	published(s, &now);
	assert_int_equal(now.count, 3);
	assert_true(client_active(s, old) && client_active(s, child) && client_active(s, other));
	assert_true(stage_heard(s, NOTE_ADOPTED, 3));
	delegate(s, 2, child); /* slot 4 */
	rooted(&now, child, kid);
	assert_string_equal(kid, first.kid[0]);
	assert_true(client_active(s, child));
}

/* Its time is over at once, so only the grants keep it. */
static const struct broker_options hasty = {
	.version = "test",
	.user_policies = true,
	.max_ttl_ns = 3600ull * 1000000000,
	.rotate_after = 30 * DAY,
	.keys_keep = 0,
};

static void needed(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct published first, now;
	char a[LINK_MAX], b[LINK_MAX];

	(void)state;
	stage_open(s, &hasty);
	published(s, &first);
	mint(s, a); /* slot 1, by the first key */
	rotate(s, &now);
	mint(s, b); /* slot 2, by the second */
	rotate(s, &now);
	assert_int_equal(now.count, 4);
	end(s, 2, 1);
	rotate(s, &now);
	assert_int_equal(now.count, 5); /* the second needs to stay no less than the first before it */
	assert_string_equal(now.kid[0], first.kid[0]);
	assert_true(client_active(s, a));
	end(s, 1, 2);
	rotate(s, &now);
	assert_int_equal(now.count, 5);
	assert_string_not_equal(now.kid[0], first.kid[0]);
	assert_string_equal(now.kid[0], first.kid[1]);
	rotate(s, &now);
	assert_int_equal(now.count, 5);
	assert_string_not_equal(now.kid[0], first.kid[1]);
	assert_false(client_active(s, a));
	assert_int_equal(stage_close(s), 0);
	free(s);
}

static void full(void **state)
{
	struct stage *s = *state;
	struct published p;
	struct reply r;

	do
		rotate(s, &p);
	while (p.count < SECRET_RING_MAX);
	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 409);
	assert_non_null(strstr(reply_message(&r), "16 keys"));
	reply_free(&r);
	published(s, &p);
	assert_int_equal(p.count, SECRET_RING_MAX);
	assert_true(stage_alive(s));
}

/* The warden cannot: all is as before. */
static void warden_fails(void **state)
{
	struct stage *s = *state;
	struct published before, after;
	struct reply r;

	published(s, &before);
	stage_fail(s, WARDEN_KEYS, -ENOSPC);
	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 409);
	reply_free(&r);
	stage_fail(s, WARDEN_KEYS, -EROFS);
	stage_request(s, 0, "POST", "/v1/keys/rotate", NULL, &r);
	assert_int_equal(r.status, 503);
	reply_free(&r);
	published(s, &after);
	assert_memory_equal(before.kid, after.kid, sizeof(before.kid[0]) * before.count);
	stage_fail(s, WARDEN_KEYS, 0);
	rotate(s, &after);
	assert_int_equal(after.count, 3);
}

/* ---- on schedule ---- */

static void seal_get(const struct stage *s, unsigned char seal[SEAL_BYTES])
{
	size_t size;

	assert_int_equal(secret_file_read(s->keystore.seal, seal, SEAL_BYTES, &size), 0);
}

/* Makes what is on disk `seconds` older, for the next broker. */
static void keys_age(const struct stage *s, int64_t seconds)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char seal[SEAL_BYTES], file[KEY_FILE_BYTES];
	size_t size;

	seal_get(s, seal);
	assert_int_equal(keystore_open(&s->keystore, &ring), 0);
	for (size_t i = 0; i < ring.count; i++) {
		ring.keys[i].made -= seconds;
		ring.keys[i].from -= ring.keys[i].from ? seconds : 0;
		ring.keys[i].until -= ring.keys[i].until ? seconds : 0;
	}
	assert_int_equal(key_file_seal(seal, &ring, file, &size), 0);
	assert_int_equal(secret_file_write(s->keystore.path, 0600, file, size), 0);
}

static void scheduled(void **state)
{
	struct stage *s = *state;
	struct published before, after;
	char token[LINK_MAX];

	mint(s, token); /* slot 1 */
	published(s, &before);
	keys_age(s, 30 * DAY - 60);
	stage_restart(s);
	published(s, &after);
	assert_int_equal(after.count, 2);
	keys_age(s, 60);
	stage_restart(s);
	assert_true(stage_heard(s, NOTE_KEYS, 2));
	published(s, &after);
	assert_int_equal(after.count, 3);
	assert_string_equal(after.kid[1], before.kid[1]);
	keys_age(s, s->keystore.keep); /* over by the clock, but a grant lives */
	stage_restart(s);
	assert_true(client_active(s, token));
	published(s, &after);
	assert_int_equal(after.count, 3);
	end(s, 1, 1);
	stage_restart(s);
	assert_true(stage_heard(s, NOTE_KEYS, 3));
	published(s, &after);
	assert_int_equal(after.count, 2);
	assert_string_equal(after.kid[0], before.kid[1]);
}

/* Records name the key of their chain's root: without it the grant is over. */
static void without_its_key(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	struct stage *s = *state;
	unsigned char seal[SEAL_BYTES], file[KEY_FILE_BYTES];
	struct published now;
	char token[LINK_MAX], kept[LINK_MAX];
	size_t size;

	mint(s, token); /* slot 1 */
	rotate(s, &now);
	mint(s, kept); /* slot 2 */
	seal_get(s, seal);
	assert_int_equal(keystore_open(&s->keystore, &ring), 0);
	assert_int_equal(secret_ring_forget(&ring), 0);
	assert_int_equal(key_file_seal(seal, &ring, file, &size), 0);
	assert_int_equal(secret_file_write(s->keystore.path, 0600, file, size), 0);
	stage_restart(s);
	assert_true(stage_heard(s, NOTE_REVOKED, 1));
	assert_false(client_active(s, token));
	assert_true(client_active(s, kept));
	assert_int_equal(s->slots[1].state, SLOT_REVOKED);
	assert_int_equal(s->slots[2].state, SLOT_LIVE);
}

#define STAGED(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(next_before_it_signs),
		STAGED(for_root),
		STAGED(grants_across),
		cmocka_unit_test(needed),
		STAGED(full),
		STAGED(warden_fails),
		STAGED(scheduled),
		STAGED(without_its_key),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
