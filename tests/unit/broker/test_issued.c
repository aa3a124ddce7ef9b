/* SPDX-License-Identifier: Apache-2.0 */
/* How long an outside token is good: its end by use, by the grant's end, by the task's; proofs and shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/payers.h"
#include "broker/tasks.h"
#include "token_client.h"

#define ONCE  SELF "&audience=a&single_use=true"
#define BOUND SELF "&audience=a"

static char *token_of(struct reply *r)
{
	char *token;

	if (r->status != 200)
		fail_msg("%ld %s", r->status, r->text ?: "");
	token = strdup(reply_text(r, "access_token"));
	reply_free(r);
	return token;
}

static void agent(struct stage *s, char id[ID_BYTES])
{
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", id);
}

static void introspected(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], *token;
	struct reply r;

	agent(s, id);
	client_ask(s, 1, ALICE, BOUND, &r);
	token = token_of(&r);
	for (int i = 0; i < 2; i++) {
		client_introspect(s, token, &r);
		assert_true(json_is_true(json_object_get(r.json, "active")));
		assert_string_equal(reply_text(&r, "token_type"), "DPoP");
		assert_string_equal(reply_text(&r, "owner"), "uid:1234567");
		assert_string_equal(reply_text(&r, "scope"), "fix-issue");
		reply_free(&r);
	}
	token[strlen(token) - 1] ^= 1;
	assert_false(client_active(s, token));
	token[strlen(token) - 1] ^= 1;
	stage_restart(s); /* it is not remembered, so it is none of ours */
	assert_false(client_active(s, token));
	free(token);
}

static void redeemed(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[2048], *token;
	struct record_message m;
	struct reply r;

	agent(s, id);
	client_post(s, 1, ALICE, ONCE, NULL, &r);
	assert_string_equal(reply_text(&r, "token_type"), "Bearer");
	token = token_of(&r);
	/* to be exchanged is not its use */
	snprintf(more, sizeof(more),
		 "&audience=b&single_use=true&subject_token=%s&subject_token_type=" ACCESS, token);
	client_post(s, 1, ALICE, more, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	assert_true(client_active(s, token));
	assert_false(client_active(s, token));
	assert_true(stage_heard(s, NOTE_ISSUED, 1));
	assert_true(stage_heard(s, NOTE_REDEEMED, 1));
	assert_true(stage_note(s, NOTE_ISSUED, &m));
	assert_string_equal(m.grant, id);
	assert_non_null(strstr(m.text, ", single use, scope fix-issue, for a"));
	free(token);
}

/* A bound token may be exchanged by who holds its key, for less. */
static void exchanged(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[2048], *token;
	struct reply r;

	agent(s, id);
	client_ask(s, 1, ALICE, BOUND "&scope=fix-issue/tests", &r);
	token = token_of(&r);
	snprintf(more, sizeof(more), "&audience=b&subject_token=%s&subject_token_type=" ACCESS, token);
	client_ask(s, 1, ALICE, more, &r);
	assert_string_equal(reply_text(&r, "scope"), "fix-issue/tests");
	reply_free(&r);
	snprintf(more, sizeof(more),
		 "&audience=b&scope=fix-issue&subject_token=%s&subject_token_type=" ACCESS, token);
	client_ask(s, 1, ALICE, more, &r);
	client_expect(&r, 400, "invalid_scope");
	snprintf(more, sizeof(more),
		 "&audience=b&single_use=true&subject_token=%s&subject_token_type=" ACCESS, token);
	client_post(s, 1, ALICE, more, NULL, &r);
	client_expect(&r, 400, "invalid_dpop_proof");
	client_ask(s, 0, BOB, more, &r);
	client_expect(&r, 400, "invalid_request");
	free(token);
}

static void grant_ends(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], path[64], *token;
	struct reply r;

	agent(s, id);
	client_ask(s, 1, ALICE, BOUND, &r);
	token = token_of(&r);
	assert_true(client_active(s, token));
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	assert_false(client_active(s, token));
	client_post(s, 1, ALICE, ONCE, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	free(token);
}

static void give_back(struct stage *s, uint32_t slot, uid_t uid, const char *token, long status)
{
	struct reply r;
	char *body;

	assert_true(asprintf(&body, "token=%s", token) > 0);
	stage_caller(s, slot, slot ? GEN : 0, 1);
	stage_request(s, uid, "POST", "/v1/revoke", body, &r);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(r.status, status);
	reply_free(&r);
	free(body);
}

/* RFC 7009: by the agent or its owner; told to nobody else. No agent ends a grant so. */
static void given_back(void **state)
{
	struct stage *s = *state;
	char id[2][ID_BYTES], *chain[2], *token;
	struct reply r;

	client_two(s, id, chain);
	for (int i = 0; i < 2; i++) {
		client_ask(s, 1, ALICE, BOUND, &r);
		token = token_of(&r);
		give_back(s, 0, BOB, token, 200);
		give_back(s, 2, ALICE, token, 200); /* the one beneath */
		assert_true(client_active(s, token));
		give_back(s, i, ALICE, token, 200);
		assert_false(client_active(s, token));
		free(token);
	}
	give_back(s, 1, ALICE, chain[0], 403);
	assert_true(client_active(s, chain[0]));
	free(chain[0]);
	free(chain[1]);
}

/* ---- the task that asked ---- */

static void ask_as_slot(struct stage *s)
{
	stage_caller(s, 1, GEN, 1);
}

/* At once: not when the event loop comes to hear of it. Before and after it was waited for. */
static void task_ends(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], *token[2];
	siginfo_t info;
	pid_t pid[2];

	agent(s, id);
	ask_as_slot(s);
	for (int i = 0; i < 2; i++) {
		pid[i] = client_asker(s, i ? ONCE "&bound_to=grant" : ONCE, &token[i]);
		ask_as_slot(s); /* the child has set it back in its own memory only; be sure */
	}
	kill(pid[0], SIGKILL);
	waitid(P_PID, (id_t)pid[0], &info, WEXITED | WNOWAIT);
	assert_false(client_active(s, token[0]));
	client_end(pid[0]);
	client_end(pid[1]);
	assert_true(client_active(s, token[1]));
	free(token[0]);
	free(token[1]);
}

static void task_runs(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], *token[2];
	pid_t pid[2];

	agent(s, id);
	ask_as_slot(s);
	for (int i = 0; i < 2; i++)
		pid[i] = client_asker(s, ONCE, &token[i]);
	client_end(pid[0]);
	assert_true(client_active(s, token[1]));
	client_end(pid[1]);
	free(token[0]);
	free(token[1]);
}

/* ---- proofs ---- */

static void proof_refused(struct stage *s, const char *nonce, const char *jti, const char *more,
			  const char *error)
{
	char *header = client_proof(nonce, jti, more);
	struct reply r;

	client_post(s, 1, ALICE, BOUND, header, &r);
	client_expect(&r, *error ? 400 : 200, error);
	free(header);
}

static void proofs(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], nonce[64], both[8192], *header;
	struct reply r;

	agent(s, id);
	client_post(s, 1, ALICE, BOUND, NULL, &r);
	strcpy(nonce, r.nonce);
	assert_int_equal(strlen(nonce), 22);
	client_expect(&r, 400, "invalid_dpop_proof");
	proof_refused(s, NULL, "a", NULL, "use_dpop_nonce");
	proof_refused(s, "AAAAAAAAAAAAAAAAAAAAAA", "b", NULL, "use_dpop_nonce");
	proof_refused(s, nonce, "c", NULL, "");
	proof_refused(s, nonce, "c", NULL, "invalid_dpop_proof"); /* again */
	proof_refused(s, nonce, "d", NULL, "");
	proof_refused(s, nonce, "e", "\"htm\":\"GET\",\"htu\":\"https://deputy.invalid/v1/token\"",
		      "invalid_dpop_proof");
	proof_refused(s, nonce, "f", "\"htm\":\"POST\",\"htu\":\"https://deputy.invalid/v1/introspect\"",
		      "invalid_dpop_proof");
	header = client_proof(nonce, "g", NULL);
	snprintf(both, sizeof(both), "%s\r\n%s", header, header);
	client_post(s, 1, ALICE, BOUND, both, &r);
	client_expect(&r, 400, "invalid_dpop_proof");
	client_post(s, 1, ALICE, BOUND, header, &r);
	client_expect(&r, 200, "");
	free(header);
	client_post(s, 1, ALICE, BOUND, "DPoP: x", &r);
	client_expect(&r, 400, "invalid_dpop_proof");
}

/* ---- shares ---- */

/* One agent asks without end: it is refused, and another of the same owner is not. */
static void flood(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	unsigned refused = 0;
	struct reply r;

	agent(s, id);
	agent(s, id);
	for (int i = 0; i < 60; i++) {
		client_post(s, 1, ALICE, ONCE "&bound_to=grant", NULL, &r);
		refused += r.status == 429;
		assert_true(r.status == 200 || r.status == 429);
		reply_free(&r);
	}
	assert_true(refused >= 20);
	client_post(s, 2, ALICE, ONCE, NULL, &r);
	client_expect(&r, 200, "");
}

static void owner_asks(struct stage *s, const char *id, const char *more, struct reply *r)
{
	char text[256];

	snprintf(
		text, sizeof(text),
		"&audience=a&single_use=true&subject_token=%s&subject_token_type=urn:deputy:token-type:grant%s",
		id, more);
	client_post(s, 0, ALICE, text, NULL, r);
}

/* An owner has more tokens for one agent than it may have itself: they are his, and leave it its own. */
static void of_an_owner(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;

	agent(s, id);
	for (unsigned n = 0; n <= TOKENS_PER_GRANT;) {
		owner_asks(s, id, "&bound_to=grant", &r);
		n += r.status == 200;
		if (r.status != 200 && !strstr(r.text, "in a second"))
			fail_msg("after %u: %s", n, r.text);
		if (r.status != 200)
			usleep(50000);
		reply_free(&r);
	}
	client_post(s, 1, ALICE, ONCE "&bound_to=grant", NULL, &r);
	client_expect(&r, 200, "");
}

/* As many processes as are watched for one agent, and one more; its owner's are none of them. */
static void many_tasks(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], *token;
	pid_t pid[TASKS_PER_GRANT + 1];
	struct reply r;

	agent(s, id);
	ask_as_slot(s);
	for (unsigned i = 0; i <= TASKS_PER_GRANT; i++) {
		if (i == 16 || i == 32)
			usleep(1100000);
		pid[i] = client_asker(s, ONCE, &token);
		assert_int_equal(!*token, i == TASKS_PER_GRANT);
		free(token);
	}
	owner_asks(s, id, "", &r);
	client_expect(&r, 200, "");
	ask_as_slot(s);
	client_end(pid[0]); /* and there is room again */
	client_end(pid[TASKS_PER_GRANT]);
	usleep(200000);
	pid[0] = client_asker(s, ONCE, &token);
	assert_true(*token);
	free(token);
	for (unsigned i = 0; i < TASKS_PER_GRANT; i++)
		client_end(pid[i]);
}

/* ---- transactions ---- */

#define A_TXN SELF "&requested_token_type=" TXN

static json_t *txn(struct stage *s, uint32_t slot, const char *more, char **token)
{
	struct reply r;

	client_post(s, slot, ALICE, more, NULL, &r);
	if (r.status == 200) {
		assert_string_equal(reply_text(&r, "token_type"), "N_A");
		assert_string_equal(reply_text(&r, "issued_token_type"), TXN);
	}
	*token = token_of(&r);
	return client_claims(s, "txntoken+jwt", *token);
}

static bool same(const json_t *a, const json_t *b, const char *name)
{
	return json_object_get(a, name) && json_equal(json_object_get(a, name), json_object_get(b, name));
}

static void transaction(void **state)
{
	struct stage *s = *state;
	char id[2][ID_BYTES], *chain[2], *token[2], more[8192];
	json_t *c, *d, *want;
	struct reply r;

	client_two(s, id, chain);
	c = txn(s, 1,
		A_TXN
		"&audience=deputy.invalid&request_context={\"ticket\":7,\"uid\":0}&request_details={\"do\":\"buy\"}",
		&token[0]);
	assert_string_equal(json_string_value(json_object_get(c, "scope")), "fix-issue");
	assert_string_equal(json_string_value(json_object_get(c, "aud")), "deputy.invalid");
	assert_int_equal(json_integer_value(json_object_get(c, "exp")) -
				 json_integer_value(json_object_get(c, "iat")),
			 60);
	want = json_pack("{s:{s:i, s:i}, s:{s:s}}", "rctx", "ticket", 7, "uid", (int)ALICE, "tctx", "do",
			 "buy");
	assert_true(same(c, want, "rctx")); /* who asks is not the caller's to say */
	assert_true(same(c, want, "tctx"));
	/* the agent that it delegated to replaces it */
	snprintf(more, sizeof(more),
		 "&requested_token_type=" TXN "&subject_token=%s&subject_token_type=" TXN
		 "&request_details={\"do\":\"sell\",\"of\":1}",
		 token[0]);
	d = txn(s, 2, more, &token[1]);
	assert_true(same(c, d, "txn") && same(c, d, "sub") && same(c, d, "aud") && same(c, d, "rctx"));
	assert_false(same(c, d, "jti"));
	assert_string_equal(json_string_value(json_object_get(d, "scope")), "fix-issue/review");
	assert_string_equal(json_string_value(json_object_get(json_object_get(d, "tctx"), "do")), "buy");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(d, "tctx"), "of")), 1);
	assert_true(json_equal(json_array_get(json_object_get(d, "call_chain"), 0),
			       json_object_get(c, "req_wl")));
	assert_true(client_active(s, token[0]) && client_active(s, token[1]));
	/* it is no access token, and not another user's */
	snprintf(more, sizeof(more), "&audience=a&single_use=true&subject_token=%s&subject_token_type=" TXN,
		 token[0]);
	client_post(s, 1, ALICE, more, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	snprintf(more, sizeof(more),
		 "&audience=a&single_use=true&subject_token=%s&subject_token_type=" ACCESS, token[0]);
	client_post(s, 1, ALICE, more, NULL, &r);
	client_expect(&r, 400, "invalid_request");
	client_post(s, 1, ALICE, A_TXN "&audience=other.example", NULL, &r);
	client_expect(&r, 400, "invalid_target");
	client_post(s, 1, ALICE, A_TXN "&request_context=[]", NULL, &r);
	client_expect(&r, 400, "invalid_request");
	json_decref(want);
	json_decref(c);
	json_decref(d);
	for (int i = 0; i < 2; i++) {
		free(token[i]);
		free(chain[i]);
	}
}

static void transaction_goes_on(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[8192], *token;
	struct reply r;

	agent(s, id);
	client_post(s, 1, ALICE, A_TXN, NULL, &r);
	for (int i = 0; i < 8; i++) {
		token = token_of(&r);
		snprintf(more, sizeof(more),
			 "&requested_token_type=" TXN "&subject_token=%s&subject_token_type=" TXN, token);
		client_post(s, 1, ALICE, more, NULL, &r);
		free(token);
	}
	client_expect(&r, 400, "invalid_request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(introspected, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(redeemed, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(exchanged, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(grant_ends, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(given_back, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(task_ends, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(task_runs, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(proofs, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(flood, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(of_an_owner, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(many_tasks, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(transaction, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(transaction_goes_on, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
