/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/grants/ID/vc: checked by the published key and the grant's own answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stage.h"
#include "token/base64url.h"
#include "token/vc.h"

static void get(struct stage *s, uid_t uid, const char *id, const char *tail, struct reply *r)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/grants/%s%s", id, tail);
	stage_request(s, uid, "GET", path, NULL, r);
}

static void key_of(struct stage *s, struct public_key *key)
{
	unsigned char bytes[KEY_PUBLIC_BYTES];
	struct reply r;
	const char *x;
	size_t n;

	stage_request(s, ALICE, "GET", "/v1/keys", NULL, &r);
	x = json_string_value(json_object_get(json_array_get(json_object_get(r.json, "keys"), 0), "x"));
	assert_non_null(x);
	assert_int_equal(base64url_decode(x, strlen(x), bytes, sizeof(bytes), &n), 0);
	assert_int_equal(n, sizeof(bytes));
	key_from_public(bytes, key);
	reply_free(&r);
}

/* A member of the one link, or of an object in it. */
static const char *link_text(const struct reply *vc, const char *name, const char *member)
{
	const json_t *links = json_object_get(json_object_get(vc->json, "credentialSubject"), "links");
	const json_t *value = json_object_get(json_array_get(links, 0), name);

	return json_string_value(member ? json_object_get(value, member) : value);
}

static void issued(void **state)
{
	struct stage *s = *state;
	struct reply vc, grant;
	struct public_key key;
	char id[ID_BYTES], agent[64];

	key_of(s, &key);
	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", id);
	get(s, ALICE, id, "", &grant);
	get(s, ALICE, id, "/vc", &vc);
	assert_int_equal(vc.status, 200);
	assert_int_equal(vc_verify(vc.json, &key, time(NULL)), 0);
	assert_int_equal(vc_verify(vc.json, &key, time(NULL) + 601), -EKEYEXPIRED);
	assert_string_equal(reply_text(&vc, "validFrom"), reply_text(&grant, "not_before"));
	assert_string_equal(reply_text(&vc, "validUntil"), reply_text(&grant, "expires"));
	snprintf(agent, sizeof(agent), "agent:%s", id);
	assert_string_equal(link_text(&vc, "id", NULL), agent);
	assert_string_equal(link_text(&vc, "token", NULL), reply_text(&grant, "token") + 1); /* '~' */
	assert_string_equal(link_text(&vc, "purpose", NULL), "fix-issue");
	assert_string_equal(link_text(&vc, "policy", "name"), "coder");
	assert_string_equal(link_text(&vc, "policy", "digest"), reply_text(&grant, "policy_digest"));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(vc.json, "credentialSubject"), "owner")),
		"uid:1234567");
	reply_free(&vc);
	reply_free(&grant);
}

/* To whom the grant is shown: a stranger's answer is that of a grant that does not exist. */
static void shown_to(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], prefix[8];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	get(s, BOB, id, "/vc", &r);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	get(s, BOB, "gnosuchgrant", "/vc", &r);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	get(s, 0, id, "/vc", &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	snprintf(prefix, sizeof(prefix), "%.5s", id);
	get(s, ALICE, prefix, "/vc", &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	get(s, ALICE, "gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/vc", &r);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	get(s, ALICE, id, "/vc?x=1", &r);
	assert_int_equal(r.status, 400);
	reply_free(&r);
	stage_caller(s, 1, 7, 1); /* the tag that the grant gave */
	get(s, ALICE, id, "/vc", &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	stage_caller(s, 2, 7, 1);
	get(s, ALICE, id, "/vc", &r);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	stage_caller(s, 0, 0, 1);
}

static void not_when_revoked(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], path[64];
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\"", id);
	snprintf(path, sizeof(path), "/v1/grants/%s", id);
	stage_request(s, ALICE, "DELETE", path, NULL, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	get(s, ALICE, id, "/vc", &r);
	assert_int_equal(r.status, 409);
	assert_non_null(strstr(reply_message(&r), "revoked"));
	reply_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(issued, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(shown_to, stage_setup, stage_teardown),
		cmocka_unit_test_setup_teardown(not_when_revoked, stage_setup, stage_teardown),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
