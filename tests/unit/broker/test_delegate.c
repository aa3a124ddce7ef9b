/* SPDX-License-Identifier: Apache-2.0 */
/* How much an agent may delegate: depth, children, the length of a purpose and how often it may ask. */
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

#include "broker/delegate.h"
#include "policy/policy.h"
#include "stage.h"

#define GEN 7 /* of the stage's slots, which count from 1 */

/* The owner's agent, in the next slot; `terms` are of its purpose `fix`. */
static void root(struct stage *s, const char *terms)
{
	char text[512], *body;
	struct reply r;
	json_t *o;

	snprintf(text, sizeof(text),
		 "{apiVersion: deputy/v1, name: p, owner: {any_of: ['uid:1234567']}, "
		 "purposes: {fix: {ttl: 15m, files: [{allow: [read], path: /usr/**}]%s}}}",
		 terms);
	o = json_pack("{s:{s:s, s:s}, s:s}", "policy", "name", "p", "text", text, "purpose", "fix");
	body = json_dumps(o, 0);
	stage_request(s, ALICE, "POST", "/v1/grants", body, &r);
	if (r.status != 201)
		fail_msg("%s", r.text);
	reply_free(&r);
	json_decref(o);
	free(body);
}

/* The agent in a slot asks. */
static void asks(struct stage *s, uint32_t slot, const char *body, long status, const char *why)
{
	struct reply r;

	stage_caller(s, slot, GEN, 1);
	stage_request(s, ALICE, "POST", "/v1/delegate", body, &r);
	stage_caller(s, 0, 0, 1);
	if (r.status != status || !strstr(r.text, why))
		fail_msg("%ld %s, and not %ld %s", r.status, r.text, status, why);
	reply_free(&r);
}

static void depth_none(void **state)
{
	root(*state, "");
	asks(*state, 1, "{}", 422, "its purpose has no `delegate:");
	root(*state, ", delegate: {depth: 1, children: 1}");
	asks(*state, 2, "{}", 201, "\"parent\":\"g");
}

static void depth_limit(void **state)
{
	char terms[64];

	snprintf(terms, sizeof(terms), ", delegate: {depth: %u, children: 1}", POLICY_DEPTH_LINKS);
	root(*state, terms);
	for (uint32_t slot = 1; slot <= POLICY_DEPTH_LINKS; slot++)
		asks(*state, slot, "{}", 201, "\"parent\":\"g");
	asks(*state, POLICY_DEPTH_LINKS + 1, "{}", 422, "may not be delegated any further");
	assert_int_equal(stage_calls(*state, WARDEN_LOAD), POLICY_DEPTH_LINKS + 1);
}

/* The last task of what is in a slot is gone. */
static void ends(struct stage *s, uint32_t slot)
{
	unsigned ended = stage_notes(s, NOTE_ENDED);

	stage_lock(s);
	s->slots[slot].tasks = 0;
	stage_unlock(s);
	stage_report(s, REPORT_EMPTY, slot, GEN, 0);
	assert_true(stage_heard(s, NOTE_ENDED, ended + 1));
}

static void children_limit(void **state)
{
	root(*state, ", delegate: {depth: 2, children: 3}");
	for (int i = 0; i < 3; i++)
		asks(*state, 1, "{}", 201, "\"parent\":\"g"); /* slots 2 to 4 */
	asks(*state, 1, "{}", 429, "has delegated 3 grants that live");
	asks(*state, 2, "{}", 201, "\"parent\":\"g"); /* its own share is untouched: slot 5 */
	ends(*state, 3);
	asks(*state, 1, "{}", 201, "\"parent\":\"g");
	asks(*state, 1, "{}", 429, "has delegated 3 grants that live");
}

/* A name of so many letters. */
static void asks_for(struct stage *s, uint32_t slot, unsigned letters, long status, const char *why)
{
	char body[128];

	snprintf(body, sizeof(body), "{\"purpose\": \"%0*d\"}", (int)letters, 0);
	asks(s, slot, body, status, why);
}

static void purpose_limit(void **state)
{
	static const char *const names[] = {"..", ".a", "-a", "a/b", "a b", "\\u00e9"};
	char body[64];

	root(*state, ", delegate: {depth: 3, children: 9}");
	asks_for(*state, 1, 72, 400, "the limit is 71");
	asks_for(*state, 1, POLICY_NAME_MAX + 1, 400, "beginning with a letter, a digit");
	asks_for(*state, 1, POLICY_NAME_MAX, 201,
		 "\"purpose\":\"fix/0"); /* slot 2: with 4 before it, of 71 */
	asks_for(*state, 2, 71 - 4 - POLICY_NAME_MAX, 422, "has more than 71 characters");
	asks_for(*state, 2, 71 - 4 - POLICY_NAME_MAX - 1, 201,
		 "\"purpose\":\"fix/0"); /* slot 3, which is full */
	asks_for(*state, 3, 1, 422, "has more than 71 characters");
	asks(*state, 3, "{}", 201, "\"purpose\":\"fix/0");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(body, sizeof(body), "{\"purpose\": \"%s\"}", names[i]);
		asks(*state, 1, body, 400, "beginning with a letter, a digit");
	}
	asks(*state, 1, "{\"purpose\": \"_a.b-c\"}", 201, "\"purpose\":\"fix/_a.b-c\"");
}

static time_t second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* As many as fit into a second that has just begun; what is asked is of no form, and costs nobody anything.
 */
static bool rate_tried(struct stage *s)
{
	time_t now = second();
	long status[DELEGATE_RATE + 2];
	struct reply r;

	while (second() == now)
		usleep(1000);
	now = second();
	for (unsigned i = 0; i < DELEGATE_RATE + 2; i++) {
		stage_caller(s, i > DELEGATE_RATE ? 2 : 1, GEN, 1);
		stage_request(s, ALICE, "POST", "/v1/delegate", "[]", &r);
		status[i] = r.status;
		reply_free(&r);
	}
	stage_caller(s, 0, 0, 1);
	if (second() != now)
		return false; /* too slow to tell */
	for (unsigned i = 0; i < DELEGATE_RATE; i++)
		assert_int_equal(status[i], 400);
	assert_int_equal(status[DELEGATE_RATE], 429);
	assert_int_equal(status[DELEGATE_RATE + 1], 400); /* another grant's second is its own */
	return true;
}

static void rate_limit(void **state)
{
	bool told = false;

	root(*state, ", delegate: {depth: 1, children: 9}");
	root(*state, ", delegate: {depth: 1, children: 9}");
	for (int i = 0; i < 20 && !told; i++)
		told = rate_tried(*state);
	assert_true(told);
	sleep(1);
	asks(*state, 1, "{}", 201, "\"parent\":\"g"); /* a second later it may again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(depth_none, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(depth_limit, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(children_limit, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(purpose_limit, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(rate_limit, stage_setup, stage_teardown),
	};

	return cmocka_run_group_tests_name("broker/delegate", tests, NULL, NULL);
}
