/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that must fail: with which status, saying what, and without a trace left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/refusal.h"
#include "stage.h"

static void check(struct stage *s, uid_t uid, const char *method, const char *path, const char *body,
		  long status, const char *message)
{
	struct reply r;

	stage_request(s, uid, method, path, body, &r);
	if (r.status != status || !r.text || !strstr(r.text, message))
		fail_msg("%s %s %.200s: %ld %s, and not %ld %s", method, path, body ? body : "", r.status,
			 r.text ? r.text : "", status, message);
	reply_free(&r);
}

static void bodies(void **state)
{
	static const struct {
		const char *body; /* %s is a good policy */
		const char *message;
	} cases[] = {
		{"", "not JSON"},
		{"{", "not JSON"},
		{"[]", "must be a JSON object"},
		{"\"x\"", "not JSON"},
		{"{} {}", "not JSON"},
		{"{}", "\\\"policy\\\" is missing"},
		{"{\"policy\": 1}", "\\\"policy\\\" must be an object"},
		{"{\"policy\": {}}", "\\\"name\\\" is missing"},
		{"{\"policy\": {\"name\": 1}}", "\\\"name\\\" must be a string"},
		{"{\"policy\": {\"name\": \"\"}}", "\\\"name\\\" is empty"},
		{"{\"policy\": {\"name\": \"a\\nb\"}}", "control character"},
		{"{\"policy\": {\"name\": \"a\\u0000b\"}}", "not JSON"},
		{"{\"policy\": {\"name\": \"a\", \"path\": \"/etc/shadow\"}}", "unknown member \\\"path\\\""},
		{"{\"policy\": {\"name\": \"nosuch.yaml\"}}", "no policy \\\"nosuch.yaml\\\" is installed"},
		{"{\"policy\": {\"name\": \"../key\"}}", "no policy"},
		{"{\"policy\": %s, \"policy\": %s}", "duplicate"},
		{"{\"policy\": %s, \"scope\": []}", "unknown member \\\"scope\\\""},
		{"{\"policy\": %s, \"ttl\": 600}", "\\\"ttl\\\" must be a string"},
		{"{\"policy\": %s, \"ttl\": \"10\"}", "\\\"ttl\\\" must be like"},
		{"{\"policy\": %s, \"ttl\": \"0s\"}", "\\\"ttl\\\" must be like"},
		{"{\"policy\": %s, \"ttl\": \"-1s\"}", "\\\"ttl\\\" must be like"},
		{"{\"policy\": %s, \"ttl\": \"99999999h\"}", "\\\"ttl\\\" must be like"},
		{"{\"policy\": %s, \"workdir\": \"w\"}", "\\\"workdir\\\" must be absolute"},
		{"{\"policy\": %s, \"workdir\": \"/a/../b\"}", "\\\"workdir\\\" must be absolute"},
		{"{\"policy\": %s, \"workdir\": \"/a/\"}", "\\\"workdir\\\" must be absolute"},
		{"{\"policy\": %s, \"workdir\": \"//a\"}", "\\\"workdir\\\" must be absolute"},
		{"{\"policy\": %s, \"workdir\": \"/a/./b\"}", "\\\"workdir\\\" must be absolute"},
		{"{\"policy\": %s, \"argv\": \"ls\"}", "\\\"argv\\\" must be an array of strings"},
		{"{\"policy\": %s, \"argv\": [1]}", "\\\"argv\\\" must be an array of strings"},
		{"{\"policy\": %s, \"workdir\": \"/w\"}", "has not exactly one"},
		{"{\"policy\": {\"name\": \"x.yaml\", \"text\": \"a: [\"}}", "x.yaml:"},
		{"{\"policy\": {\"name\": \"x.yaml\", \"text\": \"a\xff\"}}", "not JSON"},
	};
	struct stage *s = *state;
	char good[2048];

	snprintf(good, sizeof(good), "{\"name\": \"coder.yaml\", \"text\": \"%s\"}", stage_policy);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char body[8192];

		snprintf(body, sizeof(body), cases[i].body, good, good);
		check(s, ALICE, "POST", "/v1/grants", body, 400, cases[i].message);
	}
	assert_true(stage_alive(s));
	assert_int_equal(stage_calls(s, WARDEN_LOAD), 0);
	assert_int_equal(stage_calls(s, WARDEN_TAG), 0);
	assert_int_equal(stage_notes(s, NOTE_REFUSED), 0); /* mistakes, not attempts */
}

static void mint(struct stage *s, uid_t uid, const char *members, long status, const char *message)
{
	struct reply r;

	stage_mint(s, uid, members, &r);
	if (r.status != status || !strstr(reply_message(&r), message))
		fail_msg("%s: %ld %s, and not %ld %s", members, r.status, r.text, status, message);
	reply_free(&r);
}

static void authority(void **state)
{
	static const char fix[] = ", \"purpose\": \"fix-issue\"";
	struct stage *s = *state;
	struct record_message m;

	mint(s, BOB, fix, 403, "does not name uid:1234568 (1234568) as an owner");
	mint(s, ALICE, ", \"purpose\": \"deploy\"", 422, "no purpose \"deploy\"");
	mint(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"16m\"", 422,
	     "a ttl of 16m is too long: purpose fix-issue allows 15m, this host 1h");
	mint(s, ALICE, ", \"purpose\": \"long\", \"ttl\": \"61m\"", 422,
	     "a ttl of 61m is too long: purpose long allows 2h, this host 1h");
	stage_caller(s, 0, 0, 3);
	mint(s, ALICE, fix, 409, "has 3 threads");
	stage_caller(s, 0, 0, 1);
	assert_true(stage_heard(s, NOTE_REFUSED, 5));
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	assert_string_equal(m.owner, "uid:1234567");
	assert_non_null(strstr(m.text, "3 threads"));
	assert_int_equal(stage_calls(s, WARDEN_LOAD), 0);
}

/* Whatever fails half-way through, the slot is given back and nobody is bound or listed. */
static void half_way(void **state)
{
	static const struct {
		enum warden_op op;
		int32_t error;
		long status;
		const char *message;
		unsigned released;
	} cases[] = {
		{WARDEN_PEER, -ESRCH, 403, "is gone", 0},
		{WARDEN_PEER, -EIO, 503, "cannot tell who is asking", 0},
		{WARDEN_LOAD, -ENOSPC, 503, "no room for another grant", 0},
		{WARDEN_LOAD, -EINVAL, 503, "cannot load the policy table", 0},
		{WARDEN_RECORD, -ENOSPC, 503, "cannot keep a record", 1},
		{WARDEN_TAG, -EEXIST, 403, "already under a grant", 1},
		{WARDEN_TAG, -EBUSY, 409, "threads", 1},
		{WARDEN_TAG, -ESRCH, 409, "gone", 1},
		{WARDEN_TAG, -ENOSPC, 503, "cannot tag", 1},
	};
	struct stage *s = *state;
	char id[ID_BYTES], path[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned revoked = stage_calls(s, WARDEN_REVOKE), released = stage_calls(s, WARDEN_RELEASE);

		stage_fail(s, cases[i].op, cases[i].error);
		mint(s, ALICE, ", \"purpose\": \"fix-issue\"", cases[i].status, cases[i].message);
		stage_fail(s, cases[i].op, 0);
		assert_int_equal(stage_calls(s, WARDEN_REVOKE), revoked + cases[i].released);
		assert_int_equal(stage_calls(s, WARDEN_RELEASE), released + cases[i].released);
	}
	check(s, ALICE, "GET", "/v1/grants?all=1", NULL, 200, "\"grants\":[]");
	assert_int_equal(stage_notes(s, NOTE_MINTED), 0);
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_fail(s, WARDEN_REVOKE, -EIO);
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	check(s, ALICE, "DELETE", path, NULL, 503, "could not revoke");
	check(s, ALICE, "GET", path, NULL, 200, "\"state\":\"live\"");
}

static void others_told(struct stage *s, uint32_t slot, unsigned count)
{
	struct reply r;

	stage_caller(s, slot, 7, 1);
	for (unsigned i = 0; i < count; i++) {
		stage_request(s, ALICE, "POST", "/v1/keys/rotate", "", &r);
		assert_int_equal(r.status, 403);
		reply_free(&r);
	}
	stage_caller(s, 0, 0, 1);
}

/* Seconds begin while it asks: of what is asked within one, no more than so many are noted. */
static void flood(void **state)
{
	struct stage *s = *state;
	char id[2][ID_BYTES];
	struct record_message last, m;
	struct timespec t;
	unsigned noted = 0;

	for (int i = 0; i < 2; i++)
		stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id[i]);
	for (int tries = 0; tries < 20 && noted != REFUSALS_PER_TREE + 1; tries++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		usleep((useconds_t)(1000000 - t.tv_nsec / 1000));
		noted = stage_notes(s, NOTE_REFUSED);
		others_told(s, 1, 2 * REFUSALS_PER_TREE);
		assert_true(stage_heard(s, NOTE_REFUSED, noted + REFUSALS_PER_TREE));
		assert_true(stage_note(s, NOTE_REFUSED, &last));
		others_told(s, 2, 1);
		assert_true(stage_heard(s, NOTE_REFUSED, noted + REFUSALS_PER_TREE + 1));
		noted = stage_notes(s, NOTE_REFUSED) - noted;
	}
	assert_int_equal(noted, REFUSALS_PER_TREE + 1);
	assert_string_equal(last.grant, id[0]);
	assert_non_null(strstr(last.text, "any more in this second are not told of"));
	assert_true(stage_note(s, NOTE_REFUSED, &m));
	assert_string_equal(m.grant, id[1]); /* the other's, and told as any */
	assert_null(strstr(m.text, "in this second"));
}

static void paths(void **state)
{
	static const struct {
		const char *method, *path;
		long status;
		const char *message;
	} cases[] = {
		{"GET", "/", 404, "no such request"},
		{"GET", "/v1", 404, "no such request"},
		{"GET", "/v1/grants/", 404, "no such request"},
		{"GET", "/v1/grants/a/b", 404, "no such request"},
		{"PUT", "/v1/grants", 404, "no such request: PUT"},
		{"DELETE", "/v1/grants", 404, "no such request"},
		{"POST", "/v1/status", 404, "no such request"},
		{"GET", "/v1/grants/xyz", 404, "no grant"},
		{"GET", "/v1/grants/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 404, "no grant"},
		{"GET", "/v1/grants/%00%ff%2f..", 404, "no"},
		{"GET", "/v1/grants?al=1", 400, "unknown argument"},
		{"GET", "/v1/grants?all=yes", 400, "must be 0 or 1"},
		{"GET", "/v1/status?all=1", 400, "unknown argument"},
		{"GET", "/v1/events?tail=-1", 400, "number of lines"},
		{"GET", "/v1/events?tail=x", 400, "number of lines"},
		{"GET", "/v1/events?pid=0", 400, "process id"},
		{"GET", "/v1/events?verdict=", 400, "empty"},
		{"GET", "/v1/events?grant=", 400, "empty"},
		{"GET", "/v1/events?follow=2", 400, "must be 0 or 1"},
		{"POST", "/v1/introspect", 400, "the body must be"},
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(s, ALICE, cases[i].method, cases[i].path, NULL, cases[i].status, cases[i].message);
	check(s, ALICE, "POST", "/v1/introspect", "{\"token\": \"x\"}", 200, "{\"active\":false}");
	check(s, ALICE, "POST", "/v1/introspect", "{\"token\": \"x\", \"y\": 1}", 400, "the body must be");
	check(s, ALICE, "POST", "/v1/introspect", "{\"token\": 1}", 400, "the body must be");
}

static void installed_only(void **state)
{
	struct broker_options options = stage_options;
	struct stage s = {.dir = "/tmp/deputy-stage-XXXXXX"};
	struct reply r;
	char path[128];
	char *text, *body;
	json_t *decoded;
	FILE *f;

	(void)state;
	options.user_policies = false;
	assert_non_null(mkdtemp(s.dir));
	chmod(s.dir, 0755);
	snprintf(path, sizeof(path), "%s/policies", s.dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/policies/coder.yaml", s.dir);
	assert_true(asprintf(&text, "[\"%s\"]", stage_policy) > 0);
	decoded = json_loads(text, 0, NULL);
	f = fopen(path, "w");
	fputs(json_string_value(json_array_get(decoded, 0)), f);
	fclose(f);
	json_decref(decoded);
	free(text);

	stage_open(&s, &options);
	mint(&s, ALICE, ", \"purpose\": \"fix-issue\"", 201, "");
	check(&s, ALICE, "POST", "/v1/grants",
	      "{\"policy\": {\"name\": \"coder.yaml\"}, \"purpose\": \"long\"}", 201, "\"policy\":\"coder\"");
	assert_true(asprintf(&body, "{\"policy\": {\"name\": \"coder.yaml\", \"text\": \"%s# mine\"}}",
			     stage_policy) > 0);
	check(&s, ALICE, "POST", "/v1/grants", body, 403, "installed policies only");
	free(body);
	stage_mint(&s, BOB, ", \"purpose\": \"fix-issue\"", &r);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	assert_int_equal(stage_close(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bodies, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(authority, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(half_way, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(paths, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(flood, stage_setup, stage_teardown),
		cmocka_unit_test(installed_only),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
