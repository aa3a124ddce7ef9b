/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a grant, as its owner sees it over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

#define ALICE 1234567u /* a user without a name */

static const struct broker_options options = {
        .version = "test", .user_policies = true, .max_ttl_ns = 3600 * 1000000000ull};

static const char policy[] = "apiVersion: deputy/v1\\n"
                             "name: coder\\n"
                             "owner: {any_of: [uid:1234567, uid:root]}\\n"
                             "purposes:\\n"
                             "  fix-issue:\\n"
                             "    ttl: 15m\\n"
                             "    files:\\n"
                             "      - {allow: [read, write], path: \\\"${workdir}/**\\\"}\\n"
                             "      - {deny: [read], path: \\\"**/.env\\\"}\\n";

static char *grant_body(const char *extra)
{
	char *body;

	assert_true(
	        asprintf(&body,
	                 "{\"policy\": {\"name\": \"coder.yaml\", \"text\": \"%s\"}, \"workdir\": \"/w\"%s}",
	                 policy, extra) > 0);
	return body;
}

static void mint(struct stage *s, uid_t uid, const char *extra, struct reply *r)
{
	char *body = grant_body(extra);

	stage_request(s, uid, "POST", "/v1/grants", body, r);
	free(body);
}

static const char *text_of(const struct reply *r, const char *name)
{
	const char *t = json_string_value(json_object_get(r->json, name));

	return t ? t : "";
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	stage_open(s, &options);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	int status = stage_close(*state);

	free(*state);
	return status;
}

static void mint_happy(void **state)
{
	struct stage *s = *state;
	struct reply r;

	mint(s, ALICE, ", \"argv\": [\"pi\", \"-p\"], \"ttl\": \"10m\"", &r);
	fprintf(stderr, "%ld %s\n", r.status, r.text);
	assert_int_equal(r.status, 201);
	assert_string_equal(text_of(&r, "owner"), "uid:1234567");
	reply_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(mint_happy, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
