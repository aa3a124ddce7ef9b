/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities and user namespaces come out as written, and those that nothing grants are known to all. */
#include "reading.h"

#include <ctype.h>

#define PRIVILEGES(x) HEAD "    privileges: " x "\n"
#define PRIV(cap)     (1ull << (cap))

enum { CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_KILL = 5, CAP_BLOCK_SUSPEND = 36 };

static const struct {
	const char *text;
	uint64_t allow, deny;
	const char *label; /* of the last rule */
} cases[] = {
	{PRIVILEGES("{}"), 0, 0, NULL},
	{PRIVILEGES("{capabilities: chown}"), PRIV(CAP_CHOWN), 0, "t.yaml:7 allow capability chown"},
	{PRIVILEGES("{capabilities: [cap_kill, CAP_DAC_OVERRIDE]}"), PRIV(CAP_KILL) | PRIV(CAP_DAC_OVERRIDE),
	 0, "t.yaml:7 allow capability dac_override"},
	{PRIVILEGES("{capabilities: [block_suspend, block_suspend]}"), PRIV(CAP_BLOCK_SUSPEND), 0,
	 "t.yaml:7 allow capability block_suspend"},
	{PRIVILEGES("{user_namespaces: allow}"), PRIV(PRIV_USERNS), 0, "t.yaml:7 allow user_namespaces"},
	{PRIVILEGES("{user_namespaces: deny, capabilities: chown}"), PRIV(CAP_CHOWN), PRIV(PRIV_USERNS),
	 "t.yaml:7 deny user_namespaces"},
};

static void as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy *policy = good(cases[i].text, NULL);
		const struct rules *rules = &policy->purposes[0].rules;

		assert_int_equal(rules->privileges.allow, cases[i].allow);
		assert_int_equal(rules->privileges.deny, cases[i].deny);
		assert_int_equal(rules->sockets.allow | rules->sockets.deny, 0);
		assert_int_equal(!!rules->bit_count, !!cases[i].label);
		if (cases[i].label)
			assert_string_equal(rules->bits[rules->bit_count - 1].label, cases[i].label);
		policy_free(policy);
	}
}

/* The kernel's mask and the reader's table are one list, kept in two places: bpf/ has no strings. */
static void as_the_kernel(void **state)
{
	char upper[64];

	(void)state;
	for (unsigned cap = 0; cap < PRIV_CAPABILITIES; cap++) {
		const char *name = capability_name(cap);

		assert_int_equal(!capability_why_not(cap), PRIV_GRANTABLE >> cap & 1);
		assert_int_equal(capability_parse(name), cap);
		snprintf(upper, sizeof(upper), "CAP_%s", name);
		for (char *c = upper; *c; c++)
			*c = (char)toupper(*c);
		assert_int_equal(capability_parse(upper), cap);
	}
	assert_int_equal(PRIV_GRANTABLE >> PRIV_CAPABILITIES, 0);
	assert_null(capability_name(PRIV_CAPABILITIES));
	assert_non_null(capability_why_not(PRIV_CAPABILITIES));
	assert_int_equal(capability_parse(""), -1);
	assert_int_equal(capability_parse("cap_"), -1);
}

static enum action ask(const struct table *table, unsigned bit, const char **rule)
{
	struct policy_answer a;

	assert_int_equal(policy_explain_privilege(table, bit, &a), 0);
	*rule = a.rule;
	return a.action;
}

/* A profile's privileges are its purposes' too; deny wins wherever it stands. */
static void decided(void **state)
{
	static const struct shelf shelf[] = {{"a",
					      "apiVersion: deputy/v1\nprofile: a\n"
					      "privileges: {capabilities: kill, user_namespaces: deny}\n"},
					     {0}};
	struct policy *policy =
		good("profiles: [a]\n" PRIVILEGES("{user_namespaces: allow, capabilities: chown}"), shelf);
	struct policy_errors errors = {0};
	struct policy_answer a;
	struct table *table;
	const char *rule;

	(void)state;
	assert_int_equal(policy_compile(policy, "p", &(struct policy_vars){"/", "/", "u"}, &errors, &table),
			 0);
	assert_int_equal(ask(table, CAP_CHOWN, &rule), ACT_ALLOW);
	assert_string_equal(rule, "t.yaml:8 allow capability chown");
	assert_int_equal(ask(table, CAP_KILL, &rule), ACT_ALLOW);
	assert_string_equal(rule, "a.yaml:3 allow capability kill");
	assert_int_equal(ask(table, CAP_DAC_OVERRIDE, &rule), ACT_DENY);
	assert_null(rule);
	assert_int_equal(ask(table, PRIV_USERNS, &rule), ACT_DENY);
	assert_string_equal(rule, "a.yaml:3 deny user_namespaces");
	assert_int_equal(policy_explain_privilege(table, PRIV_CAPABILITIES, &a), -EINVAL);
	assert_int_equal(policy_explain_privilege(table, 64, &a), -EINVAL);
	table_free(table);
	policy_free(policy);
}

/* A table that says more than any policy may is not believed. */
static void never(void **state)
{
	union cell cells[4] = {0};
	struct table table = {.cells = cells, .count = 4};
	const char *rule;

	(void)state;
	cells[0].head = (struct cell_head){.magic = TABLE_MAGIC, .cells = 4};
	cells[3].masks.privileges = ~0ull;
	for (unsigned cap = 0; cap < PRIV_CAPABILITIES; cap++)
		assert_int_equal(ask(&table, cap, &rule), PRIV_GRANTABLE >> cap & 1 ? ACT_ALLOW : ACT_DENY);
	cells[0].head.magic = 0;
	assert_int_equal(ask(&table, CAP_CHOWN, &rule), ACT_DENY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_written),
		cmocka_unit_test(as_the_kernel),
		cmocka_unit_test(decided),
		cmocka_unit_test(never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
