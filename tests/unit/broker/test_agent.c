/* SPDX-License-Identifier: Apache-2.0 */
/* libdeputy for agents, against the whole broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/deputy.h"
#include "stage.h"

#define GEN 7 /* of the stage's slots, which count from 1 */

static char said[DEPUTY_MESSAGE_BYTES], grant[DEPUTY_GRANT_BYTES];

static int delegate(struct stage *s, uint32_t slot, const struct deputy_narrower *n)
{
	int err;

	*said = *grant = '\0';
	stage_caller(s, slot, slot ? GEN : 0, 1);
	err = deputy_delegate(s->socket, n, grant, said, sizeof(said));
	stage_caller(s, 0, 0, 1);
	return err;
}

static void agent(struct stage *s)
{
	char id[ID_BYTES];

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", id);
}

static void narrowed(void **state)
{
	const char *const argv[] = {"make", "\xff", NULL};
	const struct deputy_narrower part = {.purpose = "review", .ttl = "1m", .workdir = "/w", .argv = argv};
	struct stage *s = *state;
	json_t *o, *shown;
	char *text;

	agent(s);
	assert_int_equal(delegate(s, 1, &part), 0);
	assert_int_equal(stage_calls(s, WARDEN_TAG), 2);
	stage_caller(s, 2, GEN, 1);
	assert_int_equal(deputy_grant_get(s->socket, &text, said, sizeof(said)), 0);
	stage_caller(s, 0, 0, 1);
	o = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "grant")), grant);
	assert_string_equal(json_string_value(json_object_get(o, "purpose")), "fix-issue/review");
	shown = json_pack("[s, s]", "make", "?");
	assert_true(json_equal(json_object_get(o, "argv"), shown));
	json_decref(shown);
	json_decref(o);
	free(text);
	assert_int_equal(delegate(s, 2, &(struct deputy_narrower){0}), 0); /* all of it, for somebody else */
}

static void refused(void **state)
{
	static const char wide[] =
		"{apiVersion: deputy/v1, name: w, owner: {any_of: ['uid:*']}, purposes: {p: "
		"{ttl: 1m, files: [{allow: [read], path: /etc/**}]}}}";
	static const struct {
		struct deputy_narrower n;
		int err;
		const char *says;
	} cases[] = {
		{{.policy = wide, .policy_name = "w.yaml"}, -EACCES, "wider than grant"},
		{{.policy = "purposes: 1", .policy_name = "bad.yaml"}, -EINVAL, "mistake"},
		{{.policy = "absent.yaml"}, -EINVAL, "no policy \"absent.yaml\" is installed"},
		{{.ttl = "11m"}, -EACCES, "too long"},
		{{.ttl = "\xff"}, -EINVAL, "not UTF-8"},
		{{.policy = "\xff"}, -EINVAL, "not UTF-8"},
		{{.ttl = "1m"}, 0, ""},
	};
	struct stage *s = *state;

	agent(s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = delegate(s, 1, &cases[i].n);

		if (err != cases[i].err || !strstr(said, cases[i].says))
			fail_msg("%zu: %d %s", i, err, said);
	}
	assert_int_equal(delegate(s, 0, &cases[6].n), -EPERM);
	assert_non_null(strstr(said, "under no grant"));
	assert_int_equal(delegate(s, 1, NULL), -EINVAL);
	stage_fail(s, WARDEN_TAG, -EBUSY);
	assert_int_equal(delegate(s, 1, &cases[6].n), -EBUSY);
	stage_fail(s, WARDEN_TAG, 0);
	assert_int_equal(delegate(s, 1, &cases[6].n), 0);
	assert_int_equal(delegate(s, 1, &cases[6].n), -EAGAIN); /* stage_policy: two children */
}

static void nobody(void **state)
{
	struct stage *s = *state;
	char *text, cut[8];

	assert_int_equal(deputy_grant_get(s->socket, &text, said, sizeof(said)), -ENOENT);
	assert_int_equal(deputy_grant_get("/nonexistent/socket", &text, cut, sizeof(cut)), -ENOENT);
	assert_string_equal(cut, "No such");
	assert_int_equal(deputy_grant_get("/nonexistent/socket", &text, NULL, 0), -ENOENT);
}

/* The largest request there is, and one byte more, which is not even sent. */
static void too_long(void **state)
{
	struct stage *s = *state;
	struct deputy_narrower n = {.policy_name = "long.yaml"};
	char *text = malloc((2u << 20) + 1);

	agent(s);
	memset(text, '#', 2u << 20);
	text[2u << 20] = '\0';
	n.policy = text;
	assert_int_equal(delegate(s, 1, &n), -E2BIG);
	text[(2u << 20) - 100] = '\0';
	assert_int_equal(delegate(s, 1, &n), -E2BIG); /* the daemon's, of a policy */
	assert_non_null(strstr(said, "the limit is"));
	free(text);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {STAGED(narrowed), STAGED(refused), STAGED(nobody),
					   STAGED(too_long)};

	return cmocka_run_group_tests_name("broker/agent", tests, NULL, NULL);
}
