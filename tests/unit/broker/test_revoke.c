/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation of what has something in common, and by token (RFC 7009). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token_client.h"

static void revoke(struct stage *s, uid_t uid, const char *body, struct reply *r)
{
	stage_request(s, uid, "POST", "/v1/revocations", body, r);
}

static void expect(struct stage *s, uid_t uid, const char *body, long status)
{
	struct reply r;

	revoke(s, uid, body, &r);
	if (r.status != status)
		fail_msg("%s: %ld %s", body, r.status, r.text);
	reply_free(&r);
}

static size_t revoked(const struct reply *r)
{
	return json_array_size(json_object_get(r->json, "revoked"));
}

static const char *revoked_text(const struct reply *r, size_t i, const char *member)
{
	const json_t *o = json_array_get(json_object_get(r->json, "revoked"), i);

	return json_string_value(json_object_get(o, member));
}

static bool has_state(struct stage *s, const char *id, const char *state)
{
	struct reply r;
	char path[64];
	bool has;

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, 0, "GET", path, NULL, &r);
	has = !strcmp(reply_text(&r, "state"), state);
	reply_free(&r);
	return has;
}

static void kid_of(struct stage *s, char *body, size_t size)
{
	struct reply r;

	stage_request(s, BOB, "GET", "/v1/keys", NULL, &r);
	snprintf(body, size, "{\"key\": \"%s\"}",
		 json_string_value(
			 json_object_get(json_array_get(json_object_get(r.json, "keys"), 0), "kid")));
	reply_free(&r);
}

/* As the agent in that slot. */
static void delegate(struct stage *s, uint32_t slot, struct reply *r)
{
	stage_caller(s, slot, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{\"purpose\": \"review\", \"argv\": [\"a\"]}", r);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(r->status, 201);
}

static const char fix[] = ", \"purpose\": \"fix-issue\"", other[] = ", \"purpose\": \"long\"";

/* ---- by what they have in common ---- */

static void by_each(void **state)
{
	struct stage *s = *state;
	struct reply grant;
	char bodies[8][160];
	size_t n = 0;

	stage_mint(s, ALICE, fix, &grant);
	snprintf(bodies[n++], sizeof(bodies[0]), "{\"policy_digest\": \"%s\"}",
		 reply_text(&grant, "policy_digest"));
	reply_free(&grant);
	kid_of(s, bodies[n++], sizeof(bodies[0]));
	strcpy(bodies[n++], "{\"owner\": \"uid:1234567\"}");
	strcpy(bodies[n++], "{\"policy\": \"coder\"}");
	strcpy(bodies[n++], "{\"purpose\": \"fix-issue\"}");
	strcpy(bodies[n++],
	       "{\"purpose\": \"fix-issue\", \"owner\": \"uid:1234567\", \"policy\": \"coder\"}");
	for (size_t i = 0; i < n; i++) {
		char id[ID_BYTES];
		struct reply r;

		stage_grant(s, ALICE, fix, id);
		revoke(s, ALICE, bodies[i], &r);
		if (r.status != 200 || revoked(&r) != (i ? 1 : 2))
			fail_msg("%s: %ld %s", bodies[i], r.status, r.text);
		assert_true(has_state(s, id, "revoked"));
		reply_free(&r);
		expect(s, ALICE, bodies[i], 404); /* and there is nothing left of it */
	}
}

/* What differs in anything that is named goes on. */
static void all_that_is_named(void **state)
{
	static const char *const misses[] = {
		"{\"owner\": \"uid:1234568\"}",
		"{\"owner\": \"uid:123456\"}",
		"{\"owner\": \"uid:12345678\"}",
		"{\"owner\": \"UID:1234567\"}",
		"{\"owner\": \"uid:nobody\"}",
		"{\"policy\": \"code\"}",
		"{\"policy\": \"coder.yaml\"}",
		"{\"purpose\": \"fix\"}",
		"{\"purpose\": \"fix-issue/review\"}",
		"{\"policy_digest\": \"sha256:\"}",
		"{\"key\": \"coder\"}",
		"{\"purpose\": \"fix-issue\", \"owner\": \"uid:0\"}",
		"{\"purpose\": \"fix-issue\", \"policy\": \"other\"}",
	};
	struct stage *s = *state;
	char id[ID_BYTES], kept[ID_BYTES];
	struct reply r;

	stage_grant(s, ALICE, fix, id);
	stage_grant(s, ALICE, other, kept);
	for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++)
		expect(s, 0, misses[i], 404);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
	revoke(s, ALICE, "{\"purpose\": \"fix-issue\", \"owner\": \"uid:1234567\"}", &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(revoked(&r), 1);
	assert_string_equal(revoked_text(&r, 0, "grant"), id);
	reply_free(&r);
	assert_true(has_state(s, kept, "live"));
}

static void by_name(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];

	stage_grant(s, 0, fix, id);
	expect(s, 0, "{\"owner\": \"uid:roo\"}", 404);
	expect(s, 0, "{\"owner\": \"uid:root\"}", 200);
	assert_true(has_state(s, id, "revoked"));
}

/* Everybody among his own; a process under a grant nothing, not even as root. */
static void by_whom(void **state)
{
	struct stage *s = *state;
	char alices[ID_BYTES], roots[ID_BYTES];
	struct reply r;

	stage_grant(s, ALICE, fix, alices);
	stage_grant(s, 0, fix, roots);
	revoke(s, BOB, "{\"purpose\": \"fix-issue\"}", &r);
	assert_int_equal(r.status, 404);
	assert_string_equal(reply_message(&r), "no live grant of yours has purpose fix-issue");
	reply_free(&r);
	stage_caller(s, 1, GEN, 1);
	expect(s, ALICE, "{\"purpose\": \"fix-issue\"}", 403);
	expect(s, 0, "{\"purpose\": \"fix-issue\"}", 403);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
	revoke(s, ALICE, "{\"purpose\": \"fix-issue\"}", &r);
	assert_int_equal(revoked(&r), 1);
	assert_string_equal(revoked_text(&r, 0, "grant"), alices);
	reply_free(&r);
	assert_true(has_state(s, roots, "live"));
	expect(s, 0, "{\"purpose\": \"fix-issue\"}", 200);
	assert_true(has_state(s, roots, "revoked"));
}

/* One write for a subtree; each grant in it has an end of its own in the log. */
static void subtree(void **state)
{
	struct stage *s = *state;
	struct reply below[2], r;
	struct record_message m;
	char top[ID_BYTES], text[64];

	stage_grant(s, ALICE, fix, top);
	delegate(s, 1, &below[0]);
	delegate(s, 2, &below[1]);
	revoke(s, ALICE, "{\"owner\": \"uid:1234567\"}", &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(revoked(&r), 1);
	assert_string_equal(revoked_text(&r, 0, "grant"), top);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(r.json, "revoked"), 0), "beneath")),
			 2);
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 1);
	assert_int_equal(stage_last(s, WARDEN_REVOKE).slot, 1);
	assert_true(stage_heard(s, NOTE_REVOKED, 3));
	assert_true(stage_note(s, NOTE_REVOKED, &m));
	snprintf(text, sizeof(text), "with %s, by uid:1234567 (1234567)", top);
	assert_memory_equal(m.text, text, strlen(text));
	assert_non_null(strstr(m.text, "all of owner uid:1234567, mode deny"));
	for (int i = 0; i < 2; i++) {
		assert_true(has_state(s, reply_text(&below[i], "grant"), "revoked"));
		reply_free(&below[i]);
	}
}

/* A part of a tree: what is above goes on, and of two that match the one beneath is no second cut. */
static void part(void **state)
{
	struct stage *s = *state;
	struct reply below[2], r;
	char top[ID_BYTES];

	stage_grant(s, ALICE, fix, top);
	delegate(s, 1, &below[0]);
	stage_caller(s, 2, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{\"argv\": [\"a\"]}", &below[1]);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(below[1].status, 201);
	assert_string_equal(reply_text(&below[1], "purpose"), "fix-issue/review");
	revoke(s, ALICE, "{\"purpose\": \"fix-issue/review\"}", &r);
	assert_int_equal(revoked(&r), 1);
	assert_string_equal(revoked_text(&r, 0, "grant"), reply_text(&below[0], "grant"));
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 1);
	assert_int_equal(stage_last(s, WARDEN_REVOKE).slot, 2);
	assert_true(has_state(s, top, "live"));
	assert_true(has_state(s, reply_text(&below[1], "grant"), "revoked"));
	reply_free(&r);
	reply_free(&below[0]);
	reply_free(&below[1]);
}

static void modes(void **state)
{
	static const struct {
		const char *body;
		uint32_t flags;
	} cases[] = {
		{"{\"purpose\": \"fix-issue\"}", 0}, /* its on_revoke */
		{"{\"purpose\": \"fix-issue\", \"mode\": \"kill\"}", SLOT_KILL},
		{"{\"purpose\": \"fix-issue\", \"mode\": \"deny\"}", 0},
		{"{\"purpose\": \"long\"}", SLOT_KILL},
		{"{\"purpose\": \"long\", \"mode\": \"deny\"}", 0},
	};
	struct stage *s = *state;
	char id[ID_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		stage_grant(s, ALICE, strstr(cases[i].body, "long") ? other : fix, id);
		expect(s, ALICE, cases[i].body, 200);
		assert_int_equal(stage_last(s, WARDEN_REVOKE).flags, cases[i].flags);
	}
}

/* What could not be ended is told, and so is what was. */
static void partly(void **state)
{
	struct stage *s = *state;
	char id[3][ID_BYTES], line[64];
	const json_t *details;
	struct reply r;

	for (int i = 0; i < 3; i++)
		stage_grant(s, ALICE, fix, id[i]);
	s->fail_slot = 2;
	stage_fail(s, WARDEN_REVOKE, -EIO);
	revoke(s, ALICE, "{\"purpose\": \"fix-issue\"}", &r);
	assert_int_equal(r.status, 503);
	assert_string_equal(reply_message(&r), "1 of 3 grants could not be revoked and go on");
	details = json_object_get(r.json, "details");
	assert_int_equal(json_array_size(details), 1);
	snprintf(line, sizeof(line), "%s: Input/output error", id[1]);
	assert_string_equal(json_string_value(json_array_get(details, 0)), line);
	assert_int_equal(revoked(&r), 2);
	assert_string_equal(revoked_text(&r, 0, "grant"), id[0]);
	assert_string_equal(revoked_text(&r, 1, "grant"), id[2]);
	reply_free(&r);
	assert_true(has_state(s, id[0], "revoked"));
	assert_true(has_state(s, id[1], "live"));
	assert_true(has_state(s, id[2], "revoked"));
	stage_fail(s, WARDEN_REVOKE, 0);
	expect(s, ALICE, "{\"purpose\": \"fix-issue\"}", 200);
	assert_true(has_state(s, id[1], "revoked"));
}

static void malformed(void **state)
{
	static const struct {
		const char *body, *message;
	} cases[] = {
		{"", "the body is not JSON: "},
		{"{", "the body is not JSON: "},
		{"[]", "the body must be a JSON object"},
		{"{}", "what to revoke? "},
		{"{\"mode\": \"kill\"}", "what to revoke? "},
		{"{\"purpose\": \"fix-issue\", \"mode\": \"maybe\"}", "\"mode\" must be kill or deny"},
		{"{\"purpose\": \"fix-issue\", \"Owner\": \"uid:0\"}", "unknown member \"Owner\""},
		{"{\"purpose\": \"fix-issue\", \"purpose\": \"fix-issue\"}", "the body is not JSON: "},
		{"{\"purpose\": \"\"}", "\"purpose\" is empty"},
		{"{\"purpose\": null}", "\"purpose\" must be a string"},
		{"{\"purpose\": [\"fix-issue\"]}", "\"purpose\" must be a string"},
	};
	struct stage *s = *state;
	char id[ID_BYTES], value[130], body[160];
	struct reply r;

	stage_grant(s, ALICE, fix, id);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		revoke(s, ALICE, cases[i].body, &r);
		if (r.status != 400 || strncmp(reply_message(&r), cases[i].message, strlen(cases[i].message)))
			fail_msg("%s: %ld %s", cases[i].body, r.status, r.text);
		reply_free(&r);
	}
	memset(value, 'x', sizeof(value));
	snprintf(body, sizeof(body), "{\"purpose\": \"%.127s\"}", value);
	expect(s, ALICE, body, 404);
	snprintf(body, sizeof(body), "{\"purpose\": \"%.128s\"}", value);
	expect(s, ALICE, body, 400);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
	assert_true(has_state(s, id, "live"));
}

/* ---- by token ---- */

static void token_revoke(struct stage *s, uid_t uid, const char *body, long status, const char *error)
{
	struct reply r;

	stage_request(s, uid, "POST", "/v1/revoke", body, &r);
	if (r.status != status || strcmp(reply_text(&r, "error"), error) != 0)
		fail_msg("%.100s: %ld %s", body, r.status, r.text);
	if (*error)
		assert_true(*reply_text(&r, "error_description"));
	else
		assert_int_equal(json_object_size(r.json), 0);
	reply_free(&r);
}

static void by_token(void **state)
{
	struct stage *s = *state;
	struct reply top, below;
	char *body, *part;

	stage_mint(s, ALICE, fix, &top);
	delegate(s, 1, &below);
	assert_true(asprintf(&part, "token=%s", reply_text(&below, "token")) > 0);
	assert_true(asprintf(&body, "token_type_hint=access_token&token=%%7E%s",
			     reply_text(&top, "token") + 1) > 0);
	token_revoke(s, BOB, body, 200, ""); /* another's: nothing is told, nothing done */
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
	token_revoke(s, ALICE, part, 200, "");
	assert_int_equal(stage_last(s, WARDEN_REVOKE).slot, 2);
	assert_true(has_state(s, reply_text(&below, "grant"), "revoked"));
	assert_true(has_state(s, reply_text(&top, "grant"), "live"));
	token_revoke(s, ALICE, part, 200, ""); /* again: it is over */
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 1);
	token_revoke(s, 0, body, 200, "");
	assert_int_equal(stage_last(s, WARDEN_REVOKE).slot, 1);
	assert_true(has_state(s, reply_text(&top, "grant"), "revoked"));
	free(body);
	free(part);
	reply_free(&top);
	reply_free(&below);
}

static void token_subtree(void **state)
{
	struct stage *s = *state;
	struct reply top, below;
	char *body;

	stage_mint(s, ALICE, fix, &top);
	delegate(s, 1, &below);
	assert_true(asprintf(&body, "token=%s&token_type_hint=refresh_token", reply_text(&top, "token")) > 0);
	token_revoke(s, ALICE, body, 200, "");
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 1);
	assert_true(has_state(s, reply_text(&below, "grant"), "revoked"));
	free(body);
	reply_free(&top);
	reply_free(&below);
}

/* RFC 7009 section 2.2: a token that is good for nothing is revoked already. */
static void tokens_of_nobody(void **state)
{
	static const char *const tokens[] = {
		"token=x",
		"token=~",
		"token=eyJhbGciOiJFZERTQSJ9.e30.AAAA",
		/* typ at+jwt */
		"token=eyJhbGciOiJFZERTQSIsImtpZCI6ImsiLCJ0eXAiOiJhdCtqd3QifQ.e30.AAAA",
		"token=x&foo=bar",
	};
	struct stage *s = *state;
	struct reply r;
	char *body;

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		token_revoke(s, ALICE, tokens[i], 200, "");
	stage_mint(s, ALICE, fix, &r);
	assert_true(asprintf(&body, "token=%s", reply_text(&r, "token")) > 0);
	body[strlen(body) - 5] ^= 1;
	token_revoke(s, ALICE, body, 200, "");
	assert_true(has_state(s, reply_text(&r, "grant"), "live"));
	free(body);
	reply_free(&r);
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
}

static void token_errors(void **state)
{
	struct stage *s = *state;
	struct reply r;
	char *body;

	token_revoke(s, ALICE, "", 400, "invalid_request");
	token_revoke(s, ALICE, "token=", 400, "invalid_request");
	token_revoke(s, ALICE, "token_type_hint=access_token", 400, "invalid_request");
	token_revoke(s, ALICE, "token=a&token=b", 400, "invalid_request");
	token_revoke(s, ALICE, "token=%00", 400, "invalid_request");
	token_revoke(s, ALICE, "{\"token\": \"x\"}", 400, "invalid_request");
	/* typ secevent+jwt */
	token_revoke(s, ALICE,
		     "token=eyJhbGciOiJFZERTQSIsImtpZCI6ImsiLCJ0eXAiOiJzZWNldmVudCtqd3QifQ.e30.AAAA", 400,
		     "unsupported_token_type");
	s->content_type = "application/json";
	token_revoke(s, ALICE, "token=x", 400, "invalid_request");
	s->content_type = "application/x-www-form-urlencodedx";
	token_revoke(s, ALICE, "token=x", 400, "invalid_request");
	s->content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
	token_revoke(s, ALICE, "token=x", 200, "");
	s->content_type = NULL;
	stage_mint(s, ALICE, fix, &r);
	assert_true(asprintf(&body, "token=%s", reply_text(&r, "token")) > 0);
	reply_free(&r);
	stage_fail(s, WARDEN_REVOKE, -EIO);
	token_revoke(s, ALICE, body, 503, "temporarily_unavailable");
	stage_fail(s, WARDEN_REVOKE, 0);
	stage_caller(s, 1, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/revoke", body, &r);
	assert_int_equal(r.status, 403);
	free(body);
	reply_free(&r);
}

/* One that a grant was exchanged for ends alone. */
static void token_exchanged(void **state)
{
	struct stage *s = *state;
	struct reply r;
	char id[2][ID_BYTES], *chain[2], *body;

	client_two(s, id, chain);
	client_ask(s, 1, ALICE, SELF "&audience=https%3A%2F%2Fa.example", &r);
	assert_int_equal(r.status, 200);
	assert_true(client_active(s, reply_text(&r, "access_token")));
	assert_true(asprintf(&body, "token=%s", reply_text(&r, "access_token")) > 0);
	token_revoke(s, BOB, body, 200, "");
	assert_true(client_active(s, reply_text(&r, "access_token")));
	token_revoke(s, ALICE, body, 200, "");
	assert_false(client_active(s, reply_text(&r, "access_token")));
	assert_true(has_state(s, id[0], "live"));
	assert_int_equal(stage_calls(s, WARDEN_REVOKE), 0);
	free(body);
	free(chain[0]);
	free(chain[1]);
	reply_free(&r);
}

/* RFC 7662 section 2.1 has a form; JSON is taken besides. */
static void introspection(void **state)
{
	static const struct {
		const char *format;
		long status;
		bool active;
	} cases[] = {
		{"token=%s", 200, true},
		{"token_type_hint=x&token=%s", 200, true},
		{"{\"token\": \"%s\"}", 200, true},
		{" \n{\"token\": \"%s\"}", 200, true},
		{"token=%sx", 200, false},
		{"token=%s&token=x", 400, false},
		{"{\"token\": \"%s\", \"a\": 1}", 400, false},
		{"tokenx=%s", 400, false},
		{"[\"%s\"]", 400, false},
	};
	struct stage *s = *state;
	struct reply grant;

	stage_mint(s, ALICE, fix, &grant);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;
		char *body;

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		assert_true(asprintf(&body, cases[i].format, reply_text(&grant, "token")) > 0);
		stage_request(s, BOB, "POST", "/v1/introspect", body, &r);
		if (r.status != cases[i].status ||
		    json_is_true(json_object_get(r.json, "active")) != cases[i].active)
			fail_msg("%s: %ld %s", cases[i].format, r.status, r.text);
		free(body);
		reply_free(&r);
	}
	reply_free(&grant);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_each, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(all_that_is_named, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(by_name, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(by_whom, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(subtree, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(part, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(modes, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(partly, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(malformed, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(by_token, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(token_subtree, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(tokens_of_nobody, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(token_errors, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(token_exchanged, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(introspection, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("revoke", tests, NULL, NULL);
}
