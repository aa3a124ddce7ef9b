/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/sets/poll as a receiver uses it (RFC 8936): revocations as signed events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "broker/lifecycle.h"
#include "broker/sets.h"
#include "token/jwt.h"
#include "token/key_ring.h"
#include "token_client.h"

#define NOW_ONLY "{\"returnImmediately\": true}"

static void poll_sets(struct stage *s, uid_t uid, const char *body, struct reply *r)
{
	s->content_type = "application/json";
	stage_request(s, uid, "POST", "/v1/sets/poll", body, r);
	s->content_type = NULL;
}

static size_t count(const struct reply *r)
{
	return json_object_size(json_object_get(r->json, "sets"));
}

static size_t waiting(struct stage *s, uid_t uid)
{
	struct reply r;
	size_t n;

	poll_sets(s, uid, NOW_ONLY, &r);
	assert_int_equal(r.status, 200);
	n = count(&r);
	reply_free(&r);
	return n;
}

/* The claims of the one event in an answer, and its jti; a new reference. */
static json_t *only(struct stage *s, const struct reply *r, char jti[SET_JTI_BYTES])
{
	json_t *sets = json_object_get(r->json, "sets"), *claims;
	const char *name = json_object_iter_key(json_object_iter(sets));

	assert_int_equal(json_object_size(sets), 1);
	claims = client_claims(s, SET_TYPE, json_string_value(json_object_get(sets, name)));
	assert_string_equal(json_string_value(json_object_get(claims, "jti")), name);
	snprintf(jti, SET_JTI_BYTES, "%s", name);
	return claims;
}

static void acknowledge(struct stage *s, uid_t uid, const char *jti)
{
	struct reply r;
	char body[128];

	snprintf(body, sizeof(body), "{\"maxEvents\": 0, \"ack\": [\"%s\"]}", jti);
	poll_sets(s, uid, body, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(count(&r), 0);
	reply_free(&r);
}

static void mint(struct stage *s, uid_t uid, char id[ID_BYTES])
{
	stage_grant(s, uid, ", \"purpose\": \"fix-issue\"", id);
}

static void cut(struct stage *s, uid_t uid, const char *id)
{
	struct reply r;
	char path[64];

	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, uid, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
}

/* Text at the end of a path of members. */
static const char *text_at(const json_t *o, const char *a, const char *b, const char *c)
{
	o = json_object_get(o, a);
	o = b ? json_object_get(o, b) : o;
	o = c ? json_object_get(o, c) : o;
	return json_string_value(o) ?: "";
}

static void told(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], jti[SET_JTI_BYTES];
	json_auto_t *claims = NULL;
	const json_t *caep;
	json_int_t now;
	struct reply r;

	assert_int_equal(waiting(s, ALICE), 0);
	mint(s, ALICE, id);
	assert_int_equal(waiting(s, ALICE), 0);
	cut(s, ALICE, id);
	poll_sets(s, ALICE, NOW_ONLY, &r);
	assert_int_equal(r.status, 200);
	assert_null(json_object_get(r.json, "moreAvailable"));
	claims = only(s, &r, jti);
	reply_free(&r);
	now = time(NULL);
	assert_string_equal(text_at(claims, "iss", NULL, NULL), "https://deputy.invalid");
	assert_string_equal(text_at(claims, "aud", NULL, NULL), "uid:1234567");
	assert_in_range(json_integer_value(json_object_get(claims, "iat")), now - 5, now);
	assert_null(json_object_get(claims, "exp"));
	assert_null(json_object_get(claims, "sub"));
	assert_string_equal(text_at(claims, "sub_id", "format", NULL), "opaque");
	assert_string_equal(text_at(claims, "sub_id", "id", NULL), id);
	caep = json_object_get(json_object_get(claims, "events"), SET_SESSION_REVOKED);
	assert_in_range(json_integer_value(json_object_get(caep, "event_timestamp")), now - 5, now);
	assert_string_equal(text_at(caep, "reason_admin", "en", NULL), "uid:1234567 (1234567)");
	assert_string_equal(text_at(claims, "events", SET_GRANT_REVOKED, "grant"), id);
	assert_string_equal(text_at(claims, "events", SET_GRANT_REVOKED, "owner"), "uid:1234567");
	assert_string_equal(text_at(claims, "events", SET_GRANT_REVOKED, "purpose"), "fix-issue");
	assert_string_equal(text_at(claims, "events", SET_GRANT_REVOKED, "mode"), "deny");
	assert_int_equal(strlen(text_at(claims, "events", SET_GRANT_REVOKED, "key")), KID_BYTES - 1);
	assert_int_equal(json_object_size(json_object_get(claims, "events")), 2);
	stage_request(s, ALICE, "GET", "/v1/status", NULL, &r);
	assert_true(json_is_integer(json_object_get(json_object_get(r.json, "lost"), "security_events")));
	reply_free(&r);
}

/* It comes until it is acknowledged, by everybody for himself. */
static void acknowledged(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], jti[SET_JTI_BYTES];
	struct reply r;

	mint(s, ALICE, id);
	cut(s, ALICE, id);
	assert_int_equal(waiting(s, ALICE), 1);
	poll_sets(s, ALICE, NOW_ONLY, &r);
	json_decref(only(s, &r, jti));
	reply_free(&r);
	acknowledge(s, ALICE, "nothing");
	acknowledge(s, BOB, jti); /* not his to know, so not to lose either */
	assert_int_equal(waiting(s, ALICE), 1);
	assert_int_equal(waiting(s, BOB), 0);
	acknowledge(s, ALICE, jti);
	assert_int_equal(waiting(s, ALICE), 0);
	poll_sets(s, 0, NOW_ONLY, &r);
	json_decref(only(s, &r, jti));
	reply_free(&r);
	poll_sets(s, 0, "{\"returnImmediately\": true, \"setErrs\": {}}", &r);
	assert_int_equal(count(&r), 1);
	reply_free(&r);
	{
		char body[160];

		snprintf(body, sizeof(body),
			 "{\"returnImmediately\": true, \"setErrs\": {\"%s\": {\"err\": \"invalid_key\"}}}",
			 jti);
		poll_sets(s, 0, body, &r);
		assert_int_equal(count(&r), 0);
		reply_free(&r);
	}
}

/* One for each subtree that was cut, whoever cut how many. */
static void many(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;

	for (int i = 0; i < 3; i++)
		mint(s, ALICE, id);
	mint(s, 0, id);
	stage_caller(s, 1, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", "{\"argv\": [\"a\"]}", &r);
	stage_caller(s, 0, 0, 1);
	assert_int_equal(r.status, 201);
	reply_free(&r);
	stage_request(s, 0, "POST", "/v1/revocations", "{\"purpose\": \"fix-issue\"}", &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	assert_int_equal(waiting(s, ALICE), 3);
	assert_int_equal(waiting(s, 0), 4);
	poll_sets(s, 0, "{\"returnImmediately\": true, \"maxEvents\": 3}", &r);
	assert_int_equal(count(&r), 3);
	assert_true(json_is_true(json_object_get(r.json, "moreAvailable")));
	reply_free(&r);
	poll_sets(s, 0, "{\"maxEvents\": 4}", &r);
	assert_int_equal(count(&r), 4);
	assert_null(json_object_get(r.json, "moreAvailable"));
	reply_free(&r);
	cut(s, 0, id); /* it is over already */
	assert_int_equal(waiting(s, 0), 4);
}

static void malformed(void **state)
{
	static const struct {
		const char *body;
		long status;
	} cases[] = {
		{"", 400},
		{"[]", 400},
		{"{\"maxEvents\": -1}", 400},
		{"{\"maxEvents\": \"1\"}", 400},
		{"{\"maxEvents\": 1.5}", 400},
		{"{\"returnImmediately\": 1}", 400},
		{"{\"returnImmediately\": true, \"ack\": \"x\"}", 400},
		{"{\"returnImmediately\": true, \"ack\": [1]}", 400},
		{"{\"returnImmediately\": true, \"setErrs\": []}", 400},
		{"{\"returnImmediately\": true, \"returnImmediately\": true}", 400},
		{"{\"returnImmediately\": true, \"ack\": [], \"setErrs\": {}, \"more\": 1}", 200},
		{"{\"maxEvents\": 0}", 200},
		{"{\"returnImmediately\": true, \"maxEvents\": 9007199254740993}", 200},
	};
	struct stage *s = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply r;

		poll_sets(s, ALICE, cases[i].body, &r);
		if (r.status != cases[i].status)
			fail_msg("%s: %ld %s", cases[i].body, r.status, r.text);
		reply_free(&r);
	}
}

/* ---- long polling ---- */

static int ask(struct stage *s, uid_t uid)
{
	static const char request[] = "POST /v1/sets/poll HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
	int fd = stage_connect(s, uid);

	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	return fd;
}

static bool answered(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void waits(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], bytes[8192];
	int alice, bob, root;
	ssize_t n;

	alice = ask(s, ALICE), bob = ask(s, BOB), root = ask(s, 0);
	mint(s, ALICE, id);
	assert_false(answered(alice, 200));
	cut(s, ALICE, id);
	assert_true(answered(alice, 5000));
	assert_true(answered(root, 5000));
	n = read(alice, bytes, sizeof(bytes) - 1);
	assert_true(n > 0);
	bytes[n] = '\0';
	assert_memory_equal(bytes, "HTTP/1.1 200", 12);
	assert_non_null(strstr(bytes, "{\"sets\":{\""));
	assert_false(answered(bob, 100));
	close(alice), close(bob), close(root);
	alice = ask(s, ALICE); /* there is something: at once */
	assert_true(answered(alice, 5000));
	close(alice);
	bob = ask(s, BOB); /* and one waits when the broker ends: the teardown looks */
	assert_false(answered(bob, 50));
	close(bob);
	bob = ask(s, BOB);
	assert_false(answered(bob, 50));
}

/* ---- what is kept ---- */

static struct grant grant_of(uid_t uid)
{
	struct grant g = {.uid = uid,
			  .id = "g1",
			  .owner = "uid:1",
			  .policy = "p",
			  .purpose = "q",
			  .digest = "",
			  .key = ""};

	return g;
}

static void bounded(void **state)
{
	struct broker *b = calloc(1, sizeof(*b));
	struct grant alices = grant_of(ALICE), bobs = grant_of(BOB), roots = grant_of(0);
	const struct cut a = {.top = &alices}, o = {.top = &bobs}, r = {.top = &roots};
	unsigned receiver;
	size_t n = 0;

	(void)state;
	b->options.issuer = "https://deputy.invalid";
	sets_init(&b->sets);
	sets_add(b, &o, "x");
	for (unsigned i = 0; i < SETS_PER_USER + 10; i++)
		sets_add(b, &a, "x");
	assert_int_equal(b->sets.count, SETS_PER_USER + 1); /* and Bob's is there */
	assert_int_equal(b->sets.lost, 10);
	assert_int_equal(TAILQ_FIRST(&b->sets.entries)->uid, BOB);
	receiver = sets_receiver(&b->sets, ALICE);
	for (struct set_entry *e = NULL; (e = sets_next(&b->sets, receiver, e)); n++)
		e->acked |= 1u << receiver;
	assert_int_equal(n, SETS_PER_USER);
	sets_add(b, &a, "x"); /* in place of one that was acknowledged */
	assert_int_equal(b->sets.lost, 10);
	for (unsigned i = 0; i < SETS_MAX; i++)
		sets_add(b, &r, "x");
	assert_int_equal(b->sets.count, SETS_MAX);
	assert_int_equal(b->sets.lost, 10 + SETS_PER_USER + 1); /* root's own: there was no more room */
	assert_int_equal(TAILQ_FIRST(&b->sets.entries)->uid, BOB);
	sets_add(b, &o, "x"); /* nor do those that root has beyond his share stay in another's way */
	assert_int_equal(b->sets.count, SETS_MAX);
	assert_int_equal(TAILQ_FIRST(&b->sets.entries)->uid, BOB);
	assert_int_equal(b->sets.lost, 10 + SETS_PER_USER + 2);
	sets_clear(&b->sets);
	free(b);
}

static void receivers(void **state)
{
	struct broker *b = calloc(1, sizeof(*b));
	struct grant alices = grant_of(ALICE);
	const struct cut a = {.top = &alices};
	unsigned alice;

	(void)state;
	b->options.issuer = "https://deputy.invalid";
	sets_init(&b->sets);
	sets_add(b, &a, "x");
	alice = sets_receiver(&b->sets, ALICE);
	sets_acknowledge(&b->sets, alice, TAILQ_FIRST(&b->sets.entries)->jti);
	assert_null(sets_next(&b->sets, alice, NULL));
	for (uid_t uid = 1; uid < SETS_RECEIVERS; uid++) /* there is room for just so many others */
		assert_null(sets_next(&b->sets, sets_receiver(&b->sets, uid), NULL));
	assert_int_equal(sets_receiver(&b->sets, ALICE), alice);
	assert_null(sets_next(&b->sets, alice, NULL));
	for (uid_t uid = 1; uid <= SETS_RECEIVERS; uid++)
		sets_receiver(&b->sets, uid);
	/* forgotten: it gets what it had again, and no other has its acknowledgements */
	assert_non_null(sets_next(&b->sets, sets_receiver(&b->sets, ALICE), NULL));
	assert_non_null(sets_next(&b->sets, sets_receiver(&b->sets, 0), NULL));
	sets_clear(&b->sets);
	free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(acknowledged, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(many, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(malformed, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(waits, stage_setup, stage_teardown),
		cmocka_unit_test(bounded),
		cmocka_unit_test(receivers),
	};

	return cmocka_run_group_tests_name("sets", tests, NULL, NULL);
}
