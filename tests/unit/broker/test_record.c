/* SPDX-License-Identifier: Apache-2.0 */
/* Records of grants: word for word or not at all, and what a broker makes of those it finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/claims.h"
#include "broker/record.h"
#include "common/shared.h"
#include "signer.h"
#include "stage.h"
#include "token/hash.h"

#define PURPOSE ", \"purpose\": \"fix-issue\""

static struct grant *sample(void)
{
	static const char labels[] = "coder.yaml:7 allow read path /a\0coder.yaml:8 deny read path **/.env";
	struct grant *g = grant_new();
	char digest[HASH_TEXT_BYTES];
	const char *why;

	g->uid = ALICE;
	assert_int_equal(grant_say(g, GRANT_OWNER, "uid:1234567"), 0);
	assert_int_equal(grant_say(g, GRANT_ASSURANCE, "peer"), 0);
	assert_int_equal(grant_say(g, GRANT_USER, "alice"), 0);
	assert_int_equal(grant_say(g, GRANT_PURPOSE, "fix-issue"), 0);
	assert_int_equal(grant_say(g, GRANT_POLICY, "coder"), 0);
	assert_int_equal(grant_say(g, GRANT_KEY, key_public(key)->kid), 0);
	assert_int_equal(hash_text("policy", 6, digest), 0);
	assert_int_equal(grant_say(g, GRANT_DIGEST, digest), 0);
	assert_int_equal(hash_text("table", 5, digest), 0);
	assert_int_equal(grant_say(g, GRANT_TABLE, digest), 0);
	assert_int_equal(grant_say(g, GRANT_ARGV, "[\"pi\",\"-p\"]"), 0);
	assert_int_equal(grant_label(g, labels, sizeof(labels)), 0);
	g->lines = shared_text("policy coder sha256:00");
	g->line = strdup("gaaaa fix-issue");
	g->cost = 4711;
	g->not_before = 1700000000;
	g->expires = 1700000600;
	g->deadline = 123456789;
	g->proven = 1699999999;
	g->slot = 5;
	g->gen = 7;
	g->kill = true;
	assert_int_equal(claims_sign(key, g, &why), 0);
	return g;
}

static void test_same(void **state)
{
	struct grant *g = sample(), *back = NULL;
	char *bytes, *again;
	size_t size, size_again;

	(void)state;
	assert_int_equal(record_encode(key, g, &bytes, &size), 0);
	assert_int_equal(record_decode(&ring, bytes, size, &back), 0);
	assert_string_equal(back->id, g->id);
	assert_string_equal(back->link->text, g->link->text);
	assert_memory_equal(back->link->hash, g->link->hash, HASH_BYTES);
	assert_string_equal(back->workdir, "");
	assert_ptr_equal(back->owner, g->owner); /* shared, as all that the two say */
	assert_ptr_equal(back->argv, g->argv);
	assert_ptr_equal(back->lines, g->lines);
	assert_ptr_equal(back->labels, g->labels);
	assert_string_equal(back->line, g->line);
	assert_int_equal(back->labels_size, g->labels_size);
	assert_memory_equal(back->labels, g->labels, g->labels_size);
	assert_int_equal(back->proven, 1699999999);
	assert_true(back->kill && back->slot == 5 && back->gen == 7 && back->deadline == 123456789);
	assert_int_equal(record_encode(key, back, &again, &size_again), 0);
	assert_int_equal(size, size_again);
	assert_memory_equal(bytes, again, size);
	free(again);
	free(bytes);
	grant_free(back);
	grant_free(g);
}

/* No byte can be another, and none can be missing or too many. */
static void test_changed(void **state)
{
	struct grant *g = sample(), *back = NULL;
	char *bytes, *copy;
	size_t size;

	(void)state;
	assert_int_equal(record_encode(key, g, &bytes, &size), 0);
	copy = malloc(size + 1);
	for (size_t i = 0; i < size; i++) {
		memcpy(copy, bytes, size);
		copy[i] ^= 1;
		assert_int_equal(record_decode(&ring, copy, size, &back), -EKEYREJECTED);
	}
	memcpy(copy, bytes, size);
	copy[size] = 0;
	for (size_t len = 0; len < size; len++)
		assert_int_equal(record_decode(&ring, copy, len, &back), -EKEYREJECTED);
	assert_int_equal(record_decode(&ring, copy, size + 1, &back), -EKEYREJECTED);
	assert_null(back);
	free(copy);
	free(bytes);
	grant_free(g);
}

static void test_other_key(void **state)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "another seed of thirty-two byte";
	struct key_ring others = {0};
	struct secret_key *other;
	struct grant *g = sample(), *back = NULL;
	char *bytes;
	size_t size;

	(void)state;
	assert_int_equal(key_from_seed(seed, &other), 0);
	assert_int_equal(key_ring_add(&others, key_public(other), 0, KEY_RING_FOREVER), 0);
	assert_int_equal(record_encode(key, g, &bytes, &size), 0);
	assert_int_equal(record_decode(&others, bytes, size, &back), -EKEYREJECTED);
	free(bytes);
	key_free(other);
	grant_free(g);
}

/* ---- the whole broker ---- */

static void record_name(const struct stage *s, uint32_t slot, char path[128])
{
	snprintf(path, 128, "%s/records/%u-7", s->dir, slot);
}

static void shown(struct stage *s, const char *id, long status, const char *state)
{
	char path[64];
	struct reply r;

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, 0, "GET", path, NULL, &r);
	assert_int_equal(r.status, status);
	if (status == 200)
		assert_string_equal(reply_text(&r, "state"), state);
	reply_free(&r);
}

static void test_adopted(void **state)
{
	struct stage *s = *state;
	char live[ID_BYTES], revoked[ID_BYTES], bad[ID_BYTES], gone[ID_BYTES], path[128];
	struct reply r;

	stage_grant(s, ALICE, PURPOSE, live);
	stage_grant(s, ALICE, PURPOSE, revoked);
	stage_grant(s, ALICE, PURPOSE, bad);
	stage_grant(s, ALICE, PURPOSE, gone);
	snprintf(path, sizeof(path), "/v1/grants/%s", revoked);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	record_name(s, 3, path);
	assert_int_equal(truncate(path, 100), 0);
	record_name(s, 4, path);
	assert_int_equal(unlink(path), 0);
	s->note_count = 0;
	stage_restart(s);
	shown(s, live, 200, "live");
	shown(s, revoked, 200, "revoked");
	shown(s, bad, 404, NULL);
	shown(s, gone, 404, NULL);
	assert_true(stage_heard(s, NOTE_ADOPTED, 2));
	assert_int_equal(stage_notes(s, NOTE_REVOKED), 2); /* the strays; the other was told of before */
	assert_true(s->begun && s->grants == 4);
	assert_int_equal(s->slots[1].state, SLOT_LIVE);
	for (uint32_t slot = 2; slot <= 4; slot++)
		assert_int_equal(s->slots[slot].state, SLOT_REVOKED);
}

/* A request cut short left a slot without tasks: it is given back, and nobody is told. */
static void test_cut_short(void **state)
{
	struct stage *s = *state;

	stage_lock(s);
	s->slots[9] = (struct slot){.gen = 7, .state = SLOT_LIVE, .expires = UINT64_MAX};
	s->note_count = 0;
	stage_unlock(s);
	stage_restart(s);
	assert_true(stage_heard(s, NOTE_STARTED, 1));
	assert_true(stage_alive(s));
	assert_int_equal(s->slots[9].state, SLOT_FREE);
	assert_int_equal(stage_notes(s, NOTE_REVOKED), 0);
}

/* The kernel says how long, how, and under whom: a record that says otherwise is another grant's. */
static void test_disagrees(void **state)
{
	struct stage *s = *state;
	char id[4][ID_BYTES];

	for (int i = 0; i < 4; i++)
		stage_grant(s, ALICE, PURPOSE, id[i]);
	s->slots[1].expires++;
	s->slots[2].gen++;
	s->slots[3].parent = 1;
	stage_restart(s);
	for (int i = 0; i < 3; i++) {
		shown(s, id[i], 404, NULL);
		assert_int_equal(s->slots[i + 1].state, SLOT_REVOKED);
	}
	shown(s, id[3], 200, "live");
}

static void test_no_record_no_grant(void **state)
{
	struct stage *s = *state;
	struct reply r;

	stage_fail(s, WARDEN_RECORD, -ENOSPC);
	stage_mint(s, ALICE, PURPOSE, &r);
	assert_int_equal(r.status, 503);
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_TAG), 0);
	assert_int_equal(stage_calls(s, WARDEN_RELEASE), 1);
}

#define STAGED(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	  cmocka_unit_test(test_changed),
		cmocka_unit_test(test_other_key), STAGED(test_adopted),
		STAGED(test_cut_short),		  STAGED(test_disagrees),
		STAGED(test_no_record_no_grant),
	};

	return cmocka_run_group_tests(tests, signer_setup, signer_teardown);
}
