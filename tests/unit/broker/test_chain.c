/* SPDX-License-Identifier: Apache-2.0 */
/* Delegation as it shows outside: chains that verify by the published keys, and end with any of their links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/text.h"
#include "token/chain.h"
#include "token/hash.h"
#include "token_client.h"

static void ring_of(struct stage *s, struct key_ring *ring)
{
	struct reply r;

	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r);
	assert_int_equal(key_ring_read(r.json, ring), 0);
	reply_free(&r);
}

/* As the agent in that slot. */
static void delegate(struct stage *s, uint32_t slot, const char *body, struct reply *r)
{
	stage_caller(s, slot, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", body, r);
	stage_caller(s, 0, 0, 1);
}

/* The owner's agent in slot 1, its own in slot 2, and that one's in slot 3. Each answer is the caller's. */
static void three(struct stage *s, struct reply r[3])
{
	static const char *const bodies[] = {"{\"purpose\": \"review\", \"ttl\": \"5m\", \"argv\": [\"a\"]}",
					     "{\"argv\": [\"b\"]}"};

	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", &r[0]);
	assert_int_equal(r[0].status, 201);
	for (uint32_t i = 1; i < 3; i++) {
		delegate(s, i, bodies[i - 1], &r[i]);
		if (r[i].status != 201)
			print_error("%s\n", r[i].text);
		assert_int_equal(r[i].status, 201);
	}
}

static void three_free(struct reply r[3])
{
	for (int i = 0; i < 3; i++)
		reply_free(&r[i]);
}

static void link_check(const struct chain_link *l, const struct reply *r, uint32_t i)
{
	static const char *const purposes[] = {"fix-issue", "fix-issue/review", "fix-issue/review"};

	assert_string_equal(l->terms.id, reply_text(r, "grant"));
	assert_string_equal(l->terms.owner, "uid:1234567");
	assert_string_equal(l->terms.purpose, purposes[i]);
	assert_string_equal(l->terms.assurance[0].value, "peer");
	assert_int_equal(l->terms.slot, i + 1);
	assert_int_equal(l->terms.gen, GEN);
	assert_int_equal(l->terms.depth_max, 3);
}

static void verified(void **state)
{
	struct stage *s = *state;
	struct chain_report report;
	char digest[HASH_TEXT_BYTES];
	struct reply r[3];
	struct key_ring ring;
	const char *token;

	ring_of(s, &ring);
	three(s, r);
	token = reply_text(&r[2], "token");
	assert_int_equal(chain_verify_text(&ring, token, strlen(token), time(NULL), &report), 0);
	assert_int_equal(report.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		link_check(&report.link[i], &r[i], i);
	chain_report_free(&report);
	assert_memory_equal(token, reply_text(&r[1], "token"), strlen(reply_text(&r[1], "token")));
	assert_int_equal(hash_text(token, strlen(token), digest), 0);
	assert_string_equal(digest, reply_text(&r[2], "chain_digest"));
	three_free(r);
}

static void act_is_nested(void **state)
{
	struct stage *s = *state;
	struct reply r[3], answer;
	const json_t *act;

	three(s, r);
	client_introspect(s, reply_text(&r[2], "token"), &answer);
	assert_string_equal(reply_text(&answer, "jti"), reply_text(&r[2], "grant"));
	assert_string_equal(reply_text(&answer, "scope"), "fix-issue/review");
	act = json_object_get(answer.json, "act");
	for (int i = 2; i >= 0; i--) {
		const char *sub = json_string_value(json_object_get(act, "sub"));

		assert_non_null(sub);
		assert_memory_equal(sub, "agent:", 6);
		assert_string_equal(sub + 6, reply_text(&r[i], "grant"));
		act = json_object_get(act, "act");
	}
	assert_null(act);
	reply_free(&answer);
	three_free(r);
}

/* Whatever is presented is the grant of its last link, and ends when any link does. */
static void ended(void **state)
{
	struct stage *s = *state;
	struct reply r[3], answer;
	char path[64];

	three(s, r);
	for (int i = 0; i < 3; i++)
		assert_true(client_active(s, reply_text(&r[i], "token")));
	snprintf(path, sizeof(path), "/v1/grants/%s", reply_text(&r[1], "grant"));
	stage_request(s, ALICE, "DELETE", path, NULL, &answer);
	assert_int_equal(answer.status, 200);
	reply_free(&answer);
	assert_true(client_active(s, reply_text(&r[0], "token")));
	assert_false(client_active(s, reply_text(&r[1], "token")));
	assert_false(client_active(s, reply_text(&r[2], "token")));
	three_free(r);
}

/* A link without those above it, and one's child under another. */
static void cut(void **state)
{
	struct stage *s = *state;
	struct reply r[3];
	const char *whole, *last;
	char *text;

	three(s, r);
	whole = reply_text(&r[2], "token");
	last = strrchr(whole, '~');
	assert_false(client_active(s, last));
	assert_false(client_active(s, last + 1));
	assert_true(asprintf(&text, "%s%s", reply_text(&r[0], "token"), last) > 0);
	assert_false(client_active(s, text));
	free(text);
	assert_true(client_active(s, whole));
	three_free(r);
}

/* The next broker takes over the chain, and goes on with it. */
static void adopted(void **state)
{
	struct stage *s = *state;
	struct reply r[3], more;

	three(s, r);
	stage_restart(s);
	assert_true(client_active(s, reply_text(&r[2], "token")));
	delegate(s, 3, "{\"argv\": [\"c\"]}", &more);
	assert_int_equal(more.status, 201);
	assert_true(client_active(s, reply_text(&more, "token")));
	reply_free(&more);
	delegate(s, 4, "{\"argv\": [\"d\"]}", &more);
	assert_int_equal(more.status, 422);
	assert_non_null(strstr(reply_message(&more), "may not be delegated any further"));
	reply_free(&more);
	three_free(r);
}

/* A daemon that died between the kernel's one write and the events: the next one tells of all of them. */
static void cut_meanwhile(void **state)
{
	struct stage *s = *state;
	struct record_message m;
	struct reply r[3];

	three(s, r);
	s->slots[2].state = SLOT_REVOKED;
	stage_restart(s);
	assert_true(stage_heard(s, NOTE_REVOKED, 2));
	assert_true(stage_note(s, NOTE_REVOKED, &m));
	assert_string_equal(m.text, "before this daemon started");
	assert_true(client_active(s, reply_text(&r[0], "token")));
	assert_false(client_active(s, reply_text(&r[1], "token")));
	assert_false(client_active(s, reply_text(&r[2], "token")));
	three_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(verified, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(act_is_nested, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(ended, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(cut, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(adopted, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(cut_meanwhile, stage_setup, stage_teardown),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("broker/chain", tests, NULL, NULL);
}
