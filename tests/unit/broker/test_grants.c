/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a grant, as its owner sees it over HTTP, with warden and recorder played by the test. */
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

#include "common/roads.h"
#include "stage.h"

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static char *path_of(char *path, size_t size, const char *id, const char *query)
{
	snprintf(path, size, "/v1/grants/%s%s", id, query);
	return path;
}

/* The state that the broker shows, after up to 5 s of waiting for it. */
static bool reaches_state(struct stage *s, const char *id, const char *state)
{
	char path[128];

	for (int i = 0; i < 500; i++) {
		struct reply r;
		bool is;

		stage_request(s, ALICE, "GET", path_of(path, sizeof(path), id, ""), NULL, &r);
		is = strcmp(reply_text(&r, "state"), state) == 0;
		reply_free(&r);
		if (is)
			return true;
		usleep(10000);
	}
	return false;
}

static void answer_is_whole(const struct reply *r)
{
	json_t *rules = json_object_get(r->json, "rules");

	assert_int_equal(strlen(reply_text(r, "grant")), 17);
	assert_string_equal(reply_text(r, "owner"), "uid:1234567");
	assert_string_equal(reply_text(r, "user"), "1234567");
	assert_string_equal(reply_text(r, "policy"), "coder");
	assert_string_equal(reply_text(r, "purpose"), "fix-issue");
	assert_string_equal(reply_text(r, "state"), "live");
	assert_string_equal(reply_text(r, "on_revoke"), "deny");
	assert_string_equal(reply_text(r, "workdir"), "/w");
	assert_memory_equal(reply_text(r, "policy_digest"), "sha256:", 7);
	assert_true(json_is_null(json_object_get(r->json, "parent")));
	assert_int_equal(json_integer_value(json_object_get(r->json, "tasks")), 1);
	assert_int_equal(json_array_size(json_object_get(r->json, "chain")), 3);
	assert_int_equal(json_array_size(json_object_get(r->json, "argv")), 2);
	assert_int_equal(json_array_size(rules), 2);
	assert_memory_equal(json_string_value(json_array_get(rules, 0)), "coder.yaml:8 ", 13);
}

static void mint(void **state)
{
	struct stage *s = *state;
	struct record_message m;
	uint64_t before = boottime(), ttl = 600 * 1000000000ull;
	struct reply r;

	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\", \"argv\": [\"pi\", \"-p\"], \"ttl\": \"10m\"",
		   &r);
	assert_int_equal(r.status, 201);
	answer_is_whole(&r);
	assert_true(stage_heard(s, NOTE_MINTED, 1));
	assert_true(stage_note(s, NOTE_MINTED, &m));
	assert_string_equal(m.grant, reply_text(&r, "grant"));
	assert_string_equal(m.owner, "uid:1234567");
	assert_string_equal(m.text, "for 10m: pi -p");
	assert_string_equal(m.chain, reply_text(&r, "chain_digest"));
	assert_int_equal(m.slot, 1);
	assert_int_equal(m.gen, 7);
	assert_in_range(stage_last(s, WARDEN_LOAD).expires, before + ttl, boottime() + ttl);
	assert_int_equal(stage_last(s, WARDEN_LOAD).flags & SLOT_KILL, 0);
	assert_int_equal(stage_last(s, WARDEN_TAG).slot, 1);
	assert_int_equal(s->table_size % sizeof(union cell), 0);
	assert_true(s->table_size > 0 && s->labels_size > 0);
	assert_string_equal(s->labels,
			    json_string_value(json_array_get(json_object_get(r.json, "rules"), 0)));
	reply_free(&r);
}

static void defaults(void **state)
{
	struct stage *s = *state;
	uint64_t before = boottime(), host = 3600 * 1000000000ull;
	char id[ID_BYTES];

	/* the purpose allows 2h, the host 1h; nobody asked for a time */
	stage_grant(s, ALICE, ", \"purpose\": \"long\"", id);
	assert_in_range(stage_last(s, WARDEN_LOAD).expires, before + host, boottime() + host);
	assert_int_equal(stage_last(s, WARDEN_LOAD).flags & SLOT_KILL, SLOT_KILL);
}

static void token_and_keys(void **state)
{
	struct stage *s = *state;
	struct reply r, i;
	char *body, path[128];

	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\"", &r);
	assert_true(asprintf(&body, "{\"token\": \"%s\"}", reply_text(&r, "token")) > 0);
	stage_request(s, BOB, "POST", "/v1/introspect", body, &i);
	assert_int_equal(i.status, 200);
	assert_true(json_is_true(json_object_get(i.json, "active")));
	assert_string_equal(reply_text(&i, "jti"), reply_text(&r, "grant"));
	assert_string_equal(reply_text(&i, "iss"), "deputy");
	assert_memory_equal(reply_text(&i, "sub"), "agent:g", 7);
	assert_int_equal(json_array_size(json_object_get(i.json, "authorization_details")), 2);
	reply_free(&i);
	path_of(path, sizeof(path), reply_text(&r, "grant"), "");
	stage_request(s, ALICE, "DELETE", path, NULL, &i);
	assert_int_equal(i.status, 200);
	reply_free(&i);
	stage_request(s, BOB, "POST", "/v1/introspect", body, &i);
	assert_true(json_is_false(json_object_get(i.json, "active")));
	assert_int_equal(json_object_size(i.json), 1);
	reply_free(&i);
	stage_request(s, BOB, "GET", "/v1/keys", NULL, &i);
	assert_int_equal(json_array_size(json_object_get(i.json, "keys")), 2); /* and the next one */
	reply_free(&i);
	free(body);
	reply_free(&r);
}

static void revoking(void **state)
{
	static const struct {
		const char *query;
		uint32_t flags;
	} modes[] = {{"", 0}, {"?mode=kill", SLOT_KILL}, {"?mode=deny", 0}};
	struct stage *s = *state;
	struct record_message m;
	char id[ID_BYTES], path[128];

	for (unsigned i = 0; i < 3; i++) {
		struct reply r;

		stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
		stage_request(s, ALICE, "DELETE", path_of(path, sizeof(path), id, modes[i].query), NULL, &r);
		assert_int_equal(r.status, 200);
		assert_string_equal(reply_text(&r, "state"), "revoked");
		assert_int_equal(stage_last(s, WARDEN_REVOKE).slot, i + 1);
		assert_int_equal(stage_last(s, WARDEN_REVOKE).gen, 7);
		assert_int_equal(stage_last(s, WARDEN_REVOKE).flags, modes[i].flags);
		reply_free(&r);
	}
	assert_true(stage_heard(s, NOTE_REVOKED, 3));
	assert_true(stage_note(s, NOTE_REVOKED, &m));
	assert_string_equal(m.grant, id);
	assert_string_equal(m.text, "by uid:1234567 (1234567), mode deny");
}

static void expire(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"1s\"", id);
	assert_true(stage_heard(s, NOTE_EXPIRED, 1));
	assert_true(reaches_state(s, id, "expired"));
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0); /* the kernel needs no telling */
}

static void end(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_report(s, REPORT_EMPTY, 1, 6, 0);	 /* of an earlier generation */
	stage_report(s, REPORT_EMPTY, 99, 7, 0); /* of nobody */
	stage_report(s, REPORT_EMPTY, 0, 0, 0);
	stage_report(s, REPORT_EMPTY, SLOTS_MAX, 7, 0);
	assert_true(reaches_state(s, id, "live"));
	s->slots[1].denials = 5;
	stage_report(s, REPORT_EMPTY, 1, 7, 0); /* the first release finds a task that is still dying */
	assert_true(stage_heard(s, NOTE_ENDED, 1));
	assert_true(reaches_state(s, id, "ended"));
	usleep(100000);
	s->slots[1].tasks = 0;
	for (int i = 0; i < 300 && stage_calls(s, WARDEN_RELEASE) < 2; i++)
		usleep(10000);
	assert_int_equal(stage_calls(s, WARDEN_RELEASE), 2);
	assert_int_equal(stage_notes(s, NOTE_ENDED), 1);
	assert_true(reaches_state(s, id, "ended"));
}

static size_t listed(struct stage *s, uid_t uid, const char *path)
{
	struct reply r;
	size_t n;

	stage_request(s, uid, "GET", path, NULL, &r);
	assert_int_equal(r.status, 200);
	n = json_array_size(json_object_get(r.json, "grants"));
	reply_free(&r);
	return n;
}

static void listing(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], path[128];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	if (geteuid() == 0)
		stage_grant(s, 0, ", \"purpose\": \"fix-issue\"", path);
	assert_int_equal(listed(s, ALICE, "/v1/grants"), 1);
	assert_int_equal(listed(s, BOB, "/v1/grants"), 0);
	assert_int_equal(listed(s, 0, "/v1/grants"), 2);
	stage_request(s, ALICE, "DELETE", path_of(path, sizeof(path), id, ""), NULL, &r);
	reply_free(&r);
	assert_int_equal(listed(s, ALICE, "/v1/grants"), 0);
	assert_int_equal(listed(s, ALICE, "/v1/grants?all=0"), 0);
	assert_int_equal(listed(s, ALICE, "/v1/grants?all=1"), 1);
	assert_int_equal(listed(s, ALICE, "/v1/grants?all"), 1);
	assert_int_equal(listed(s, BOB, "/v1/grants?all=1"), 0);
}

static void expect(struct stage *s, uid_t uid, const char *method, const char *path, long status,
		   const char *message)
{
	struct reply r;

	stage_request(s, uid, method, path, NULL, &r);
	if (r.status != status || !strstr(reply_text(&r, "message"), message))
		fail_msg("%s %s as %u: %ld %s", method, path, uid, r.status, r.text ? r.text : "");
	reply_free(&r);
}

static void prefixes(void **state)
{
	struct stage *s = *state;
	char a[ID_BYTES], path[128];
	struct reply mine, none;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", a);
	for (size_t n = 1; n <= 17; n++) {
		snprintf(path, sizeof(path), "/v1/grants/%.*s", (int)n, a);
		expect(s, ALICE, "GET", path, n < 4 ? 404 : 200, "");
		expect(s, BOB, "GET", path, 404, "no grant");
		expect(s, BOB, "DELETE", path, 404, "no grant");
	}
	snprintf(path, sizeof(path), "/v1/grants/%sa", a);
	expect(s, ALICE, "GET", path, 404, "no grant");
	/* What is not his and what is not there look the same to Bob. */
	stage_request(s, BOB, "GET", path_of(path, sizeof(path), a, ""), NULL, &mine);
	stage_request(s, BOB, "GET", "/v1/grants/gaaaaaaaaaaaaaaaa", NULL, &none);
	memcpy(strstr(mine.text, a), "gaaaaaaaaaaaaaaaa", 17);
	assert_string_equal(mine.text, none.text);
	reply_free(&mine);
	reply_free(&none);
}

static void tagged(void **state)
{
	struct stage *s = *state;
	char a[ID_BYTES], b[ID_BYTES], path[128];
	uid_t root = geteuid();
	struct record_message m;
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", a);
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", b);
	stage_caller(s, 1, 7, 1); /* whoever asks now acts under a, root too */
	assert_int_equal(listed(s, ALICE, "/v1/grants"), 1);
	assert_int_equal(listed(s, root, "/v1/grants?all=1"), 1);
	expect(s, root, "GET", path_of(path, sizeof(path), a, ""), 200, "");
	expect(s, root, "GET", path_of(path, sizeof(path), b, ""), 404, "no grant");
	expect(s, root, "DELETE", path_of(path, sizeof(path), a, ""), 403, a);
	expect(s, root, "DELETE", path_of(path, sizeof(path), b, ""), 403, a);
	expect(s, root, "GET", "/v1/status", 200, "");
	expect(s, root, "GET", "/v1/keys", 200, "");
	stage_mint(s, root, ", \"purpose\": \"fix-issue\"", &r);
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(reply_message(&r), a));
	reply_free(&r);
	assert_true(stage_heard(s, NOTE_REFUSED, 1));
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	assert_non_null(strstr(m.text, "cannot take a new grant"));
	assert_string_equal(m.grant, a);
	stage_caller(s, 1, 8, 1); /* a tag that this broker knows nothing of sees nothing */
	assert_int_equal(listed(s, root, "/v1/grants?all=1"), 0);
	expect(s, root, "GET", "/v1/events", 403, "earlier run");
}

/* What the kernel leaves open keeps grants from starting that do not accept it, and is no secret. */
static void test_open_roads(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], want[256];
	struct reply r;

	s->control->open_roads = 5;
	snprintf(want, sizeof(want), "this kernel leaves open: %s, %s;", road_name(0), road_name(2));
	stage_mint(s, ALICE, ", \"purpose\": \"fix-issue\"", &r);
	assert_int_equal(r.status, 422);
	assert_non_null(strstr(reply_message(&r), want));
	assert_non_null(strstr(reply_message(&r), "open_roads: accept"));
	reply_free(&r);
	stage_request(s, ALICE, "GET", "/v1/status", NULL, &r);
	assert_int_equal(json_array_size(json_object_get(r.json, "open_roads")), 2);
	reply_free(&r);
	s->control->open_roads = 0;
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)
		STAGED(test_open_roads), STAGED(mint),	 STAGED(defaults), STAGED(token_and_keys),
		STAGED(revoking),	 STAGED(expire), STAGED(end),	   STAGED(listing),
		STAGED(prefixes),	 STAGED(tagged),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
