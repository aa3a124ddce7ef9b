/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/token (RFC 8693): who gets which token, and what it says. How long it is good: test_issued.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "token_client.h"

struct agents {
	char id[2][ID_BYTES];
	char *chain[2];
};

static void agents_start(struct stage *s, struct agents *a)
{
	client_two(s, a->id, a->chain);
}

static void agents_free(struct agents *a)
{
	free(a->chain[0]);
	free(a->chain[1]);
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static const char *text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name)) ?: "";
}

static void metadata(void **state)
{
	static const char *const urls[][2] = {{"token_endpoint", "/v1/token"},
					      {"jwks_uri", "/v1/keys"},
					      {"revocation_endpoint", "/v1/revoke"},
					      {"introspection_endpoint", "/v1/introspect"}};
	char want[256];
	struct reply r;

	stage_request(*state, BOB, "GET", "/.well-known/oauth-authorization-server", NULL, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_text(&r, "issuer"), "https://deputy.invalid");
	for (size_t i = 0; i < 4; i++) {
		snprintf(want, sizeof(want), "https://deputy.invalid%s", urls[i][1]);
		assert_string_equal(reply_text(&r, urls[i][0]), want);
	}
	assert_int_equal(json_array_size(json_object_get(r.json, "response_types_supported")), 0);
	assert_true(json_array_size(json_object_get(r.json, "dpop_signing_alg_values_supported")) > 8);
	reply_free(&r);
}

/* RFC 9068 section 2.2, RFC 9449 section 6.1. */
static void access_token(void **state)
{
	struct stage *s = *state;
	struct agents a;
	struct reply r;
	json_t *c, *act;

	agents_start(s, &a);
	client_ask(s, 2, ALICE, SELF "&audience=https://api.example", &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_text(&r, "token_type"), "DPoP");
	assert_string_equal(reply_text(&r, "issued_token_type"), ACCESS);
	assert_string_equal(reply_text(&r, "scope"), "fix-issue/review");
	assert_true(*r.nonce);
	c = client_claims(s, "at+jwt", reply_text(&r, "access_token"));
	assert_string_equal(text(c, "iss"), "https://deputy.invalid");
	assert_string_equal(text(c, "aud"), "https://api.example");
	assert_string_equal(text(c, "sub"), "uid:1234567");
	assert_string_equal(text(c, "owner"), "uid:1234567");
	assert_string_equal(text(c, "client_id") + strlen("agent:"), a.id[1]);
	assert_string_equal(text(c, "purpose"), "fix-issue/review");
	assert_string_equal(text(json_object_get(c, "assurance"), "method"), "peer");
	assert_string_equal(text(json_object_get(c, "cnf"), "jkt"), key_public(client_key())->kid);
	assert_int_equal(number(c, "exp") - number(c, "iat"), 300);
	assert_int_equal(number(c, "exp") - number(c, "iat"), number(r.json, "expires_in"));
	assert_null(json_object_get(c, "authorization_details"));
	act = json_object_get(c, "act");
	assert_string_equal(text(act, "sub") + strlen("agent:"), a.id[1]);
	assert_string_equal(text(json_object_get(act, "act"), "sub") + strlen("agent:"), a.id[0]);
	assert_null(json_object_get(json_object_get(act, "act"), "act"));
	json_decref(c);
	reply_free(&r);
	agents_free(&a);
}

static void never_longer_than_the_grant(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;
	json_int_t left;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"20s\"", id);
	client_ask(s, s->next_slot - 1, ALICE, SELF "&audience=a", &r);
	assert_int_equal(r.status, 200);
	left = number(r.json, "expires_in");
	assert_true(left > 15 && left <= 20);
	reply_free(&r);
}

/* Every mistake in the form, beside a request that has none. */
static void requests(void **state)
{
	static const struct {
		const char *more;
		const char *error; /* "": none */
	} cases[] = {
		{SELF "&audience=a", ""},
		{SELF "&audience=a&unknown=1", ""},
		{SELF "&audience=a&requested_token_type=" ACCESS, ""},
		{SELF "&audience=a&requested_token_type=urn:ietf:params:oauth:token-type:jwt", ""},
		{SELF "&audience=a&requested_token_type=urn:ietf:params:oauth:token-type:saml2",
		 "invalid_request"},
		{SELF "&audience=a&audience=a", ""},
		{SELF "&audience=https://a.example&resource=https://a.example", ""},
		{SELF "&resource=https://a.example/x?y=1", ""},
		{SELF "&resource=urn:example:cooperation", ""},
		{SELF, "invalid_target"},
		{SELF "&audience=a&audience=b", "invalid_target"},
		{SELF "&audience=a&resource=https://a.example", "invalid_target"},
		{SELF "&resource=a", "invalid_target"},
		{SELF "&resource=https://a.example%23x", "invalid_target"},
		{SELF "&resource=//a.example", "invalid_target"},
		{SELF "&audience=%0a", "invalid_target"},
		{SELF "&audience=%c3%a9", "invalid_target"},
		{SELF "&audience=deputy.invalid", "invalid_target"},
		{SELF "&audience=a&scope=fix-issue", ""},
		{SELF "&audience=a&scope=fix-issue/tests", ""},
		{SELF "&audience=a&scope=fix-issue/tests+fix-issue/docs", ""},
		{SELF "&audience=a&scope=fix", "invalid_scope"},
		{SELF "&audience=a&scope=fix-issues", "invalid_scope"},
		{SELF "&audience=a&scope=fix-issue+long", "invalid_scope"},
		{SELF "&audience=a&scope=fix-issue/", "invalid_scope"},
		{SELF "&audience=a&scope=fix-issue/..", "invalid_scope"},
		{SELF "&audience=a&scope=fix-issue++fix-issue", "invalid_scope"},
		{SELF "&audience=a&single_use=true", ""},
		{SELF "&audience=a&single_use=false&bound_to=task", ""},
		{SELF "&audience=a&bound_to=grant", ""},
		{SELF "&audience=a&single_use=1", "invalid_request"},
		{SELF "&audience=a&bound_to=me", "invalid_request"},
		{SELF "&audience=a&request_context={}", "invalid_request"},
		{SELF "&audience=a" SELF, "invalid_request"},
		{"&audience=a", "invalid_request"},
		{"&audience=a&subject_token=self", "invalid_request"},
		{"&audience=a&subject_token=self&subject_token_type=x", "invalid_request"},
		{"&audience=a&subject_token=self&subject_token_type=" ACCESS, "invalid_request"},
		{SELF "&audience=a&actor_token_type=urn:deputy:token-type:grant", "invalid_request"},
		{SELF "&audience=a&actor_token=self&actor_token_type=urn:deputy:token-type:grant", ""},
		{SELF "&audience=a&client_id=me", "invalid_client"},
		{"&audience=%", "invalid_request"},
	};
	struct stage *s = *state;
	struct agents a;
	struct reply r;

	agents_start(s, &a);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i % 7 == 6)
			usleep(1100000); /* no agent asks more than 20 times a second, and each asks twice */
		client_ask(s, s->next_slot - 2, ALICE, cases[i].more, &r);
		if (strcmp(reply_text(&r, "error"), cases[i].error))
			fail_msg("%s: %s", cases[i].more, r.text);
		client_expect(&r, *cases[i].error ? 400 : 200, cases[i].error);
	}
	agents_free(&a);
}

static void not_an_exchange(void **state)
{
	struct stage *s = *state;
	struct reply r;

	stage_request(s, ALICE, "POST", "/v1/token", "grant_type=client_credentials", &r);
	client_expect(&r, 400, "unsupported_grant_type");
	stage_request(s, ALICE, "POST", "/v1/token", "a=b", &r);
	client_expect(&r, 400, "invalid_request");
	stage_request_with(s, ALICE, "POST", "/v1/token", "{}", "Content-Type: application/json", &r);
	client_expect(&r, 400, "invalid_request");
	stage_request(s, ALICE, "GET", "/v1/token", NULL, &r);
	assert_int_equal(r.status, 404);
	reply_free(&r);
}

/* A subject by each of its names, as each of those that may know of it or may not. */
static void subject(struct stage *s, uint32_t slot, uid_t uid, const char *type, const char *token,
		    const char *client) /* of the result; NULL: refused */
{
	char more[16384], want[64];
	struct reply r;
	json_t *c;

	snprintf(more, sizeof(more), "&audience=a&single_use=true&subject_token=%s&subject_token_type=%s",
		 token, type);
	client_post(s, slot, uid, more, NULL, &r);
	if (!client) {
		client_expect(&r, 400, "invalid_request");
		return;
	}
	if (r.status != 200)
		fail_msg("slot %u, uid %u, %s: %s", slot, uid, type, r.text);
	c = client_claims(s, "at+jwt", reply_text(&r, "access_token"));
	snprintf(want, sizeof(want), "agent:%s", client);
	assert_string_equal(text(c, "client_id"), want);
	json_decref(c);
	reply_free(&r);
}

#define BY_ID	 "urn:deputy:token-type:grant"
#define BY_CHAIN "urn:ietf:params:oauth:token-type:jwt"

static void subjects(void **state)
{
	struct stage *s = *state;
	struct agents a, other;
	uint32_t up, down, elsewhere;

	agents_start(s, &a);
	agents_start(s, &other); /* of slots that stage_mint() counted on; its child is slot 1's */
	up = 1, down = 2, elsewhere = 3;
	/* the agent itself, and what it delegated */
	subject(s, up, ALICE, BY_ID, "self", a.id[0]);
	subject(s, up, ALICE, BY_ID, a.id[0], a.id[0]);
	subject(s, up, ALICE, BY_CHAIN, a.chain[0], a.id[0]);
	subject(s, up, BOB, BY_CHAIN, a.chain[1], a.id[1]);
	subject(s, up, ALICE, BY_ID, a.id[1], a.id[1]);
	/* the one above is no more than the caller's own */
	subject(s, down, ALICE, BY_CHAIN, a.chain[0], a.id[1]);
	subject(s, down, ALICE, BY_ID, a.id[0], NULL);
	/* an owner's; root's; another user's */
	subject(s, 0, ALICE, BY_CHAIN, a.chain[1], a.id[1]);
	subject(s, 0, ALICE, BY_ID, a.id[0], a.id[0]);
	subject(s, 0, 0, BY_ID, a.id[0], a.id[0]);
	subject(s, 0, BOB, BY_ID, a.id[0], NULL);
	subject(s, 0, BOB, BY_CHAIN, a.chain[0], NULL);
	subject(s, 0, ALICE, BY_ID, "self", NULL);
	/* another agent of the same owner */
	subject(s, elsewhere, ALICE, BY_CHAIN, a.chain[0], NULL);
	subject(s, elsewhere, ALICE, BY_ID, a.id[0], NULL);
	subject(s, elsewhere, ALICE, BY_ID, "self", other.id[0]);
	/* one that is none */
	subject(s, up, ALICE, BY_CHAIN, "~x", NULL);
	subject(s, up, ALICE, BY_ID, "gaaaaaaaaaaaaaaaa", NULL);
	subject(s, 9, ALICE, BY_ID, "self", NULL);
	agents_free(&a);
	agents_free(&other);
}

/* All that is wrong with a subject_token is told in the same words. */
static void subjects_alike(void **state)
{
	static const char *const tokens[] = {"~x", "gaaaaaaaaaaaaaaaa", "eyJhbGciOiJFZERTQSJ9.e30.AA"};
	struct stage *s = *state;
	char said[3][256], more[256], id[ID_BYTES];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	for (int i = 0; i < 3; i++) {
		snprintf(more, sizeof(more), "&audience=a&subject_token=%s&subject_token_type=%s",
			 i == 1 ? id : tokens[i], BY_ID);
		client_post(s, 0, BOB, more, NULL, &r);
		snprintf(said[i], sizeof(said[i]), "%ld %s", r.status, reply_text(&r, "error_description"));
		reply_free(&r);
	}
	assert_string_equal(said[0], said[1]);
	assert_string_equal(said[0], said[2]);
}

/* An actor narrows, and never widens. */
static void actors(void **state)
{
	struct stage *s = *state;
	char more[16384];
	struct agents a;
	struct reply r;
	json_t *c;

	agents_start(s, &a);
	snprintf(more, sizeof(more),
		 "&audience=a&single_use=true&subject_token=%s&subject_token_type=" BY_ID
		 "&actor_token=%s&actor_token_type=" BY_CHAIN,
		 a.id[0], a.chain[1]);
	client_post(s, 0, ALICE, more, NULL, &r);
	assert_int_equal(r.status, 200);
	c = client_claims(s, "at+jwt", reply_text(&r, "access_token"));
	assert_string_equal(text(c, "client_id") + strlen("agent:"), a.id[1]);
	assert_string_equal(text(c, "scope"), "fix-issue/review");
	json_decref(c);
	reply_free(&r);
	client_post(s, 0, BOB, more, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	agents_free(&a);
}

static void clients(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[256];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	snprintf(more, sizeof(more), SELF "&audience=a&single_use=true&client_id=agent:%s", id);
	client_post(s, 1, ALICE, more, NULL, &r);
	client_expect(&r, 200, "");
	client_post(s, 0, ALICE, more, NULL, &r);
	client_expect(&r, 400, "invalid_client");
	snprintf(more, sizeof(more),
		 "&subject_token=%s&subject_token_type=" BY_ID
		 "&audience=a&single_use=true&client_id=uid:1234567",
		 id);
	client_post(s, 0, ALICE, more, NULL, &r);
	client_expect(&r, 200, "");
	client_post(s, 0, 0, more, NULL, &r);
	client_expect(&r, 400, "invalid_client");
}

#define RULE	  "{\"type\":\"deputy_rule\",\"rule\":%s}"
#define NO_DETAIL "invalid_authorization_details"

/* RFC 9396: what is asked for is a rule of the grant's, word for word. */
static void details(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], path[64], more[4096], *rule;
	struct reply r;
	json_t *c;
	static const char *const bad[] = {"[]",
					  "{}",
					  "[1]",
					  "[{}]",
					  "[{\"type\":\"deputy_rule\"}]",
					  "[{\"type\":\"deputy_rule\",\"rule\":\"allow%20all\"}]",
					  "[{\"type\":\"account\",\"rule\":\"x\"}]"};

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "GET", path, NULL, &r);
	rule = json_dumps(json_array_get(json_object_get(r.json, "rules"), 0), JSON_ENCODE_ANY);
	reply_free(&r);
	for (char *p = rule; *p; p++)
		if (*p == ' ')
			*p = '+';
	snprintf(more, sizeof(more), SELF "&audience=a&single_use=true&authorization_details=[" RULE "]",
		 rule);
	client_post(s, 1, ALICE, more, NULL, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(json_array_size(json_object_get(r.json, "authorization_details")), 1);
	c = client_claims(s, "at+jwt", reply_text(&r, "access_token"));
	assert_true(json_equal(json_object_get(c, "authorization_details"),
			       json_object_get(r.json, "authorization_details")));
	json_decref(c);
	reply_free(&r);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(more, sizeof(more), SELF "&audience=a&single_use=true&authorization_details=%s",
			 bad[i]);
		client_post(s, 1, ALICE, more, NULL, &r);
		client_expect(&r, 400, NO_DETAIL);
	}
	for (int n = 64; n <= 65; n++) {
		static char many[65536];
		char *p = many;

		p += sprintf(p, SELF "&audience=a&single_use=true&authorization_details=[");
		for (int i = 0; i < n; i++)
			p += sprintf(p, "%s" RULE, i ? "," : "", rule);
		strcpy(p, "]");
		client_post(s, 1, ALICE, many, NULL, &r);
		client_expect(&r, n > 64 ? 400 : 200, n > 64 ? NO_DETAIL : "");
	}
	client_post(s, 1, ALICE, SELF "&audience=a&single_use=true&authorization_details=x", NULL, &r);
	client_expect(&r, 400, "invalid_request");
	free(rule);
}

/* Whoever asks for another's authority, or for more than its own, is in the log; mistakes are not. */
static void told(void **state)
{
	static const struct {
		const char *more, *says; /* NULL: nothing */
	} cases[] = {
		{SELF "&audience=a&single_use=true", NULL},
		{SELF "&single_use=true", NULL},
		{SELF "&audience=a&single_use=perhaps", NULL},
		{"&audience=a&single_use=true&subject_token=gaaaaaaaaaaaaaaaa&subject_token_type=" BY_ID,
		 "yours to exchange"},
		{SELF "&audience=a&single_use=true&scope=deploy", "each within fix-issue"},
		{SELF "&audience=a&single_use=true&client_id=uid:0", "by its kernel tag"},
		{SELF "&audience=a", "send a DPoP proof"},
		{SELF "&audience=a&single_use=true&authorization_details=[{}]", "deputy_rule"},
	};
	struct stage *s = *state;
	struct record_message m;
	char id[ID_BYTES];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before = stage_notes(s, NOTE_REFUSED);

		client_post(s, 1, ALICE, cases[i].more, NULL, &r);
		assert_int_equal(r.status, i ? 400 : 200);
		reply_free(&r);
		if (cases[i].says) {
			assert_true(stage_heard(s, NOTE_REFUSED, before + 1));
			assert_true(stage_note(s, NOTE_REFUSED, &m));
			if (!strstr(m.text, cases[i].says) || strcmp(m.owner, "uid:1234567") != 0)
				fail_msg("%s: noted %s of %s", cases[i].more, m.text, m.owner);
		}
		assert_int_equal(stage_notes(s, NOTE_REFUSED), before + !!cases[i].says);
	}
}

/* An agent that asks for what is not an agent's. */
static void told_of_agents(void **state)
{
	static const char *const requests[] = {"/v1/keys/rotate", "/v1/nonce", "/v1/revocations"};
	struct stage *s = *state;
	char id[ID_BYTES];

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	stage_caller(s, 1, GEN, 1);
	for (unsigned i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct reply r;

		stage_request(s, ALICE, "POST", requests[i], "", &r);
		assert_int_equal(r.status, 403);
		reply_free(&r);
		assert_true(stage_heard(s, NOTE_REFUSED, i + 1));
	}
	stage_caller(s, 0, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(metadata, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(access_token, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(never_longer_than_the_grant, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(requests, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(not_an_exchange, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(subjects, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(subjects_alike, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(actors, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(clients, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(details, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(told, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(told_of_agents, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
