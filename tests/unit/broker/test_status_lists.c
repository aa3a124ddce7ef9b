/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/status-list as a verifier uses it: by what a link says, the published keys, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/state.h"
#include "token/chain.h"
#include "token/status_list.h"
#include "token_client.h"

#define ISSUER "https://deputy.invalid"

struct entry {
	char uri[256];
	uint32_t index;
};

static void ring_of(struct stage *s, struct key_ring *ring)
{
	struct reply r;

	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r);
	assert_int_equal(key_ring_read(r.json, ring), 0);
	reply_free(&r);
}

/* What the last link of a token says. */
static void entry_of(struct stage *s, const char *token, struct entry *e)
{
	struct chain_report report;
	struct key_ring ring;
	const struct link_terms *t;

	ring_of(s, &ring);
	assert_int_equal(chain_verify_text(&ring, token, strlen(token), time(NULL), &report), 0);
	t = &report.link[report.count - 1].terms;
	assert_non_null(t->status_uri);
	snprintf(e->uri, sizeof(e->uri), "%s", t->status_uri);
	e->index = t->status_index;
	chain_report_free(&report);
}

static enum status_value status_of(struct stage *s, const struct entry *e)
{
	struct status_list list;
	struct key_ring ring;
	struct reply r;
	int64_t ttl;
	unsigned v;

	ring_of(s, &ring);
	assert_memory_equal(e->uri, ISSUER "/v1/status-list?", strlen(ISSUER "/v1/status-list?"));
	stage_request(s, BOB, "GET", e->uri + strlen(ISSUER), NULL, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.type, "application/statuslist+jwt");
	assert_int_equal(status_list_verify(&ring, e->uri, r.text, r.size, time(NULL), &list, &ttl), 0);
	assert_int_equal(ttl, STATUS_LIST_TTL);
	assert_int_equal(status_list_verify(&ring, e->uri, r.text, r.size, time(NULL) + 301, &list, &ttl),
			 -EKEYEXPIRED);
	assert_int_equal(list.bits, 1);
	assert_int_equal(status_list_get(&list, e->index, &v), 0);
	status_list_clear(&list);
	reply_free(&r);
	return v;
}

static void mint(struct stage *s, struct entry *e, char id[ID_BYTES])
{
	struct reply r;

	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\"", &r);
	assert_int_equal(r.status, 201);
	entry_of(s, reply_text(&r, "token"), e);
	snprintf(id, ID_BYTES, "%s", reply_text(&r, "grant"));
	reply_free(&r);
}

static void cut(struct stage *s, const char *id)
{
	struct reply r;
	char path[64];

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
}

static void told(void **state)
{
	struct stage *s = *state;
	struct entry e[2], none;
	char id[2][ID_BYTES];

	mint(s, &e[0], id[0]);
	mint(s, &e[1], id[1]);
	assert_string_equal(e[0].uri, e[1].uri);
	assert_int_not_equal(e[0].index, e[1].index);
	assert_int_equal(status_of(s, &e[0]), STATUS_VALID);
	assert_int_equal(status_of(s, &e[1]), STATUS_VALID);
	none = e[0];
	none.index = 5; /* nobody's */
	assert_int_equal(status_of(s, &none), STATUS_INVALID);
	cut(s, id[0]);
	assert_int_equal(status_of(s, &e[0]), STATUS_INVALID);
	assert_int_equal(status_of(s, &e[1]), STATUS_VALID);
}

/* Of each grant by itself, and so by the end of any above it. */
static void subtree(void **state)
{
	struct stage *s = *state;
	struct entry top, below;
	char id[ID_BYTES];
	struct reply r;

	mint(s, &top, id);
	stage_caller(s, 1, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{\"argv\": [\"a\"]}", &r);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(r.status, 201);
	entry_of(s, reply_text(&r, "token"), &below);
	reply_free(&r);
	assert_int_not_equal(top.index, below.index);
	assert_int_equal(status_of(s, &below), STATUS_VALID);
	cut(s, id);
	assert_int_equal(status_of(s, &top), STATUS_INVALID);
	assert_int_equal(status_of(s, &below), STATUS_INVALID);
}

static bool ended(struct stage *s, const char *id)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	for (int i = 0; i < 3000; i++) {
		struct reply r;
		bool is;

		stage_request(s, ALICE, "GET", path, NULL, &r);
		is = !strcmp(reply_text(&r, "state"), "ended");
		reply_free(&r);
		if (is)
			return true;
		usleep(1000);
	}
	return false;
}

/* The next grant has the same slot and, here, the same generation: the token of the one before is not good
 * again by it. */
static void slot_again(void **state)
{
	struct stage *s = *state;
	struct entry before, after;
	char id[ID_BYTES], next[ID_BYTES];

	mint(s, &before, id);
	s->slots[1].tasks = 0;
	stage_report(s, REPORT_EMPTY, 1, GEN, 0);
	assert_true(ended(s, id));
	assert_int_equal(status_of(s, &before), STATUS_INVALID);
	stage_lock(s);
	s->next_slot = 1;
	stage_unlock(s);
	mint(s, &after, next);
	assert_int_equal(stage_last(s, WARDEN_TAG).slot, 1);
	assert_int_equal(status_of(s, &after), STATUS_VALID);
	assert_int_equal(status_of(s, &before), STATUS_INVALID);
}

/* The next broker knows the entries of the grants that it takes over, and gives none of them again. */
static void next_broker(void **state)
{
	struct stage *s = *state;
	struct entry kept, gone, fresh;
	char id[3][ID_BYTES];

	mint(s, &gone, id[0]);
	mint(s, &kept, id[1]);
	cut(s, id[0]);
	stage_restart(s);
	assert_int_equal(status_of(s, &kept), STATUS_VALID);
	assert_int_equal(status_of(s, &gone), STATUS_INVALID);
	mint(s, &fresh, id[2]);
	assert_string_not_equal(fresh.uri, kept.uri);
	assert_int_equal(fresh.index, gone.index); /* which is why the list is another */
	assert_int_equal(status_of(s, &fresh), STATUS_VALID);
	assert_int_equal(status_of(s, &gone), STATUS_INVALID);
	cut(s, id[1]);
	assert_int_equal(status_of(s, &kept), STATUS_INVALID);
}

static void entry_of_access(struct stage *s, const char *token, struct entry *e)
{
	json_t *claims = client_claims(s, "at+jwt", token);
	const json_t *status = json_object_get(json_object_get(claims, "status"), "status_list");

	snprintf(e->uri, sizeof(e->uri), "%s", json_string_value(json_object_get(status, "uri")) ?: "");
	assert_true(json_is_integer(json_object_get(status, "idx")));
	e->index = (uint32_t)json_integer_value(json_object_get(status, "idx"));
	json_decref(claims);
}

/* A token that a grant was exchanged for has one of its own: it may end while the grant goes on. */
static void exchanged(void **state)
{
	struct stage *s = *state;
	struct entry grant, token[3];
	struct reply r[3];
	char id[ID_BYTES], *body;

	mint(s, &grant, id);
	client_ask(s, 1, ALICE, SELF "&audience=https://api.example", &r[0]);
	client_ask(s, 1, ALICE, SELF "&audience=https://api.example", &r[1]);
	client_ask(s, 1, ALICE, SELF "&audience=https://api.example&single_use=true", &r[2]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(r[i].status, 200);
		entry_of_access(s, reply_text(&r[i], "access_token"), &token[i]);
		assert_int_equal(status_of(s, &token[i]), STATUS_VALID);
	}
	assert_true(asprintf(&body, "token=%s", reply_text(&r[0], "access_token")) > 0);
	reply_free(&r[0]);
	stage_request(s, ALICE, "POST", "/v1/revoke", body, &r[0]);
	free(body);
	assert_int_equal(status_of(s, &token[0]), STATUS_INVALID);
	assert_true(client_active(s, reply_text(&r[2], "access_token"))); /* which is its use */
	assert_int_equal(status_of(s, &token[2]), STATUS_INVALID);
	assert_int_equal(status_of(s, &token[1]), STATUS_VALID);
	assert_int_equal(status_of(s, &grant), STATUS_VALID);
	cut(s, id);
	assert_int_equal(status_of(s, &token[1]), STATUS_INVALID);
	for (int i = 0; i < 3; i++)
		reply_free(&r[i]);
}

static size_t lists_with(struct stage *s, const char *uri, size_t *all)
{
	const json_t *list;
	struct reply r;
	size_t n = 0;

	stage_request(s, BOB, "GET", "/v1/status-lists", NULL, &r);
	list = json_object_get(r.json, "status_lists");
	*all = json_array_size(list);
	for (size_t i = 0; i < *all; i++)
		n += !strcmp(json_string_value(json_array_get(list, i)), uri);
	reply_free(&r);
	return n;
}

static void aggregation(void **state)
{
	struct stage *s = *state;
	struct entry kept, fresh;
	char id[ID_BYTES];
	size_t all;

	mint(s, &kept, id);
	assert_int_equal(lists_with(s, kept.uri, &all), 1);
	assert_int_equal(all, 1);
	stage_restart(s);
	assert_int_equal(lists_with(s, kept.uri, &all), 1);
	assert_int_equal(all, 2);
	mint(s, &fresh, id);
	assert_int_equal(lists_with(s, fresh.uri, &all), 1);
	assert_int_equal(all, 2);
}

static void names(void **state)
{
	static const struct {
		const char *path;
		long status;
	} cases[] = {
		{"/v1/status-list", 200},
		{"/v1/status-list?list=a", 200},
		{"/v1/status-list?list=_-.Zz09", 200},
		{"/v1/status-list?list=012345678901234567890123456789012345678", 200},
		{"/v1/status-list?list=0123456789012345678901234567890123456789", 400},
		{"/v1/status-list?list=", 400},
		{"/v1/status-list?list=a%2f", 400},
		{"/v1/status-list?list=a%22", 400},
		{"/v1/status-list?lists=a", 400},
		{"/v1/status-list/a", 404},
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		stage_request(s, BOB, "GET", cases[i].path, NULL, &r);
		if (r.status != cases[i].status)
			fail_msg("%s: %ld", cases[i].path, r.status);
		reply_free(&r);
	}
}

/* No entry is given twice, in one run or in two. */
static void counted(void **state)
{
	struct broker *b = calloc(1, sizeof(*b));
	char first[256] = "", run[sizeof(b->status_lists.run)];

	(void)state;
	b->options.issuer = ISSUER;
	status_lists_init(&b->status_lists);
	for (uint32_t i = 0; i <= 2 * STATUS_LIST_ENTRIES; i++) {
		struct grant *g = grant_new();

		assert_int_equal(status_lists_give(b, g), 0);
		assert_int_equal(g->status_index, i % STATUS_LIST_ENTRIES);
		if (g->status_index == 0)
			assert_string_not_equal(g->status_uri, first);
		else
			assert_string_equal(g->status_uri, first);
		snprintf(first, sizeof(first), "%s", g->status_uri);
		grant_free(g);
	}
	strcpy(run, b->status_lists.run);
	status_lists_init(&b->status_lists);
	assert_string_not_equal(run, b->status_lists.run);
	free(b);
}

/* A list that is full has tokens in it for a while yet, though no grant that lives. */
static void full(void **state)
{
	struct grant g = {.slot = 1, .gen = GEN, .status_uri = "", .deadline = UINT64_MAX};
	struct issued t[3] = {
		{.hash = {1}, .slot = 1, .gen = GEN, .deadline = UINT64_MAX, .status = 3},
		{.hash = {2}, .slot = 1, .gen = GEN, .deadline = UINT64_MAX, .status = STATUS_NONE},
		{.hash = {3}, .slot = 1, .gen = GEN, .deadline = 1, .status = STATUS_LIST_ENTRIES},
	};
	struct broker *b = calloc(1, sizeof(*b));
	struct exchange x = {.broker = b};
	const json_t *list;
	char want[128];
	bool found = false;

	(void)state;
	b->options.issuer = ISSUER;
	status_lists_init(&b->status_lists);
	b->status_lists.next = 2 * STATUS_LIST_ENTRIES;
	registry_init(&b->grants);
	b->grants.by_slot[1] = &g;
	for (int i = 0; i < 3; i++) {
		struct issued *one = &t[i];

		HASH_ADD(hh, b->issued.by_hash, hash, sizeof(one->hash), one);
	}
	assert_int_equal(handle_status_lists(&x), 0);
	list = json_object_get(x.answer.body, "status_lists");
	assert_int_equal(json_array_size(list),
			 2); /* of a token that is good, and the one that is filled now */
	snprintf(want, sizeof(want), ISSUER "/v1/status-list?list=%s.0", b->status_lists.run);
	for (size_t i = 0; i < 2; i++)
		found |= !strcmp(json_string_value(json_array_get(list, i)), want);
	assert_true(found);
	answer_clear(&x.answer);
	HASH_CLEAR(hh, b->issued.by_hash);
	free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(subtree, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(slot_again, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(next_broker, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(exchanged, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(aggregation, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(names, stage_setup, stage_teardown),
		cmocka_unit_test(counted),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests_name("status_lists", tests, NULL, NULL);
}
