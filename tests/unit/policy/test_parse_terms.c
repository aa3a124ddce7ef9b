/* SPDX-License-Identifier: Apache-2.0 */
/* Names, owners and terms of good policies. */
#include "reading.h"

#define NS_PER_S 1000000000ull

static void names(void **state)
{
	struct policy *policy = good("apiVersion: deputy/v1\nname: A_b.c-9\nowner: {any_of: uid:*}\n"
				     "purposes: {one: {ttl: 1s}, _2: {ttl: 1s}}\n",
				     NULL);

	(void)state;
	assert_string_equal(policy_name(policy), "A_b.c-9");
	assert_string_equal(policy_purpose(policy, 0), "one");
	assert_string_equal(policy_purpose(policy, 1), "_2");
	assert_null(policy_purpose(policy, 2));
	assert_null(policy_purpose(policy, SIZE_MAX));
	policy_free(policy);
	policy_free(NULL);
}

/* The same policy in other clothes: comments, quotes, CRLF, blocks, a directive and document marks. */
static void layouts(void **state)
{
	static const char *const texts[] = {
		"%YAML 1.1\n--- # begins\napiVersion: deputy/v1\nname: 't'\nowner: {any_of: [\"uid:*\"]}\n"
		"purposes: {p: {ttl: 1m}}\n...\n",
		"apiVersion: deputy/v1\r\nname: t\r\nowner:\r\n  any_of:\r\n  - uid:*\r\npurposes:\r\n  p:\r\n    ttl: 1m\r\n",
		"{apiVersion: deputy/v1, name: t, owner: {any_of: [uid:*]}, purposes: {p: {ttl: 1m}}}",
		"purposes: {p: {ttl: 1m}}\nowner: {any_of: [uid:*]}\nname: t\napiVersion: deputy/v1\n",
		HEAD "    files: []\n    network: []\n    exec: []\n    ipc: []\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct policy *policy = good(texts[i], NULL);

		assert_string_equal(policy_name(policy), "t");
		assert_string_equal(policy_purpose(policy, 0), "p");
		policy_free(policy);
	}
}

static const struct {
	const char *owners;
	const char *who;
	bool owned;
} owners[] = {
	{"uid:1000", "uid:1000", true},
	{"uid:1000", "uid:100", false},
	{"uid:1000", "uid:10000", false},
	{"uid:alice", "uid:alice", true},
	{"uid:alice", "uid:alic", false},
	{"uid:alice", "uid:bob", false},
	{"uid:0, uid:alice", "uid:alice", true},
	{"uid:*", "uid:1000", true},
	{"uid:*", "uid:bob", true},
	{"uid:*", "oidc:bob@example.com", false},
	{"uid:alice", "uid:*", false},
	{"uid:*", "uid:*", false},
	{"uid:*", "uid:", false},
	{"uid:*", "", false},
	{"oidc:alice@example.com", "uid:alice@example.com", false},
	{"oidc:alice@example.com", "oidc:alice@example.com", true},
	{"oidc:alice@example.com", "oidc:Alice@example.com", false},
	{"oidc:alice@example.com", "oidc:alice@example.co", false},
	{"'oidc:https://login.example#alice'", "oidc:https://login.example#alice", true},
	{"'oidc:https://login.example#alice'", "oidc:https://login.example#bob", false},
	{"oidc:*", "uid:1000", false},
	{"oidc:*", "oidc:alice@example.com", false},
	{"oidc:*", "oidc:", false},
	{"'ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b='", "uid:1000", false},
	{"'ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b='", "ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b=", true},
	{"'ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b='", "ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/B=", false},
	{"'ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b='", "ssh:SHA256:", false},
	{"uid:*", "ssh:SHA256:uNiVztksCsDhcc0u9e8BrrJ0y+A/b=", false},
	{"uid:4294967294", "uid:4294967294", true},
	{"'uid:DOM+a.b-c_d@e$'", "uid:DOM+a.b-c_d@e$", true},
};

static void owned_by(void **state)
{
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(owners); i++) {
		struct policy *policy;

		snprintf(text, sizeof(text),
			 "apiVersion: deputy/v1\nname: t\nowner: {any_of: [%s]}\npurposes: {p: {ttl: 1m}}\n",
			 owners[i].owners);
		policy = good(text, NULL);
		assert_int_equal(policy_owned_by(policy, owners[i].who), owners[i].owned);
		policy_free(policy);
	}
}

static const struct {
	const char *text;
	uint64_t seconds;
	bool kill;
	unsigned audit;
	bool open_roads;
} terms[] = {
	{"ttl: 1s", 1, true, 0, false},
	{"ttl: 15m", 900, true, 0, false},
	{"ttl: 24h", POLICY_TTL_MAX, true, 0, false},
	{"ttl: 1440m", POLICY_TTL_MAX, true, 0, false},
	{"ttl: 86400s", POLICY_TTL_MAX, true, 0, false},
	{"ttl: 1s, on_revoke: kill", 1, true, 0, false},
	{"ttl: 1s, on_revoke: deny", 1, false, 0, false},
	{"ttl: 1s, audit: denials", 1, true, 0, false},
	{"ttl: 1s, audit: changes", 1, true, SLOT_AUDIT_CHANGE, false},
	{"ttl: 1s, audit: all", 1, true, SLOT_AUDIT_ALL, false},
	{"ttl: 1s, open_roads: refuse", 1, true, 0, false},
	{"ttl: 1s, open_roads: accept", 1, true, 0, true},
};

static void grants(void **state)
{
	struct policy_grant untouched = {.ttl_ns = 7};
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		struct policy_grant grant = {0};
		struct policy *policy;

		snprintf(
			text, sizeof(text),
			"apiVersion: deputy/v1\nname: t\nowner: {any_of: [uid:*]}\npurposes: {o: {ttl: 9m}, p: {%s}}\n",
			terms[i].text);
		policy = good(text, NULL);
		assert_int_equal(policy_terms(policy, "p", &grant), 0);
		assert_int_equal(grant.ttl_ns, terms[i].seconds * NS_PER_S);
		assert_int_equal(grant.kill, terms[i].kill);
		assert_int_equal(grant.audit, terms[i].audit);
		assert_int_equal(grant.open_roads, terms[i].open_roads);
		assert_int_equal(policy_terms(policy, "q", &untouched), -ENOENT);
		assert_int_equal(untouched.ttl_ns, 7);
		policy_free(policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(layouts),
		cmocka_unit_test(owned_by),
		cmocka_unit_test(grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
