/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text nobody has checked, through reading, compiling and deciding. The input is a policy; what follows a
 * line
 * "%%%%" in it is the text of every profile it asks for. Mistakes must point into the text, and whatever is
 * read must be within the limits that the rest relies on.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

#define BORDER "\n%%%%\n"

struct text {
	const char *at;
	size_t len;
};

static char *profile(const char *name, size_t *len, void *arg)
{
	const struct text *t = arg;
	char *copy = t->at ? malloc(t->len + 1) : NULL;

	(void)name;
	if (!copy)
		return NULL;
	memcpy(copy, t->at, t->len);
	*len = t->len;
	return copy;
}

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void errors_check(const struct policy_errors *errors)
{
	char buf[sizeof(struct policy_error) + 64];

	require(errors->count <= POLICY_ERRORS_MAX);
	for (size_t i = 0; i < errors->count; i++) {
		require(errors->list[i].line > 0 && errors->list[i].column > 0 && errors->list[i].what[0]);
		require(policy_error_format(&errors->list[i], buf, sizeof(buf)) == 0);
	}
}

static void rules_check(const struct rules *rules)
{
	for (size_t i = 0; i < rules->path_count; i++) {
		require(rules->paths[i].ops && rules->paths[i].ops < 1u << FILE_OPS);
		require(rules->paths[i].pattern && rules->paths[i].label && rules->paths[i].file);
	}
	for (size_t i = 0; i < rules->addr_count; i++) {
		const struct addr_rule *a = &rules->addrs[i];

		require(a->ops && a->ops < 1u << NET_OPS && a->label);
		require(a->first.hi < a->last.hi || (a->first.hi == a->last.hi && a->first.lo <= a->last.lo));
		require(a->port_count && a->port_count <= POLICY_PORTS_MAX);
		for (size_t k = 0; k < a->port_count; k++)
			require(a->ports[k].lo <= a->ports[k].hi);
	}
}

static void explain(const struct table *table)
{
	static const char *const paths[] = {"/", "/work/a", "/usr/bin/git", "/home/u/.ssh/id", "/a/b/c/d/e"};
	struct cell_addr addr = {.lo = 0xffff0a000001ull};
	struct policy_answer a;

	for (int op = 0; op < FILE_OPS; op++)
		for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
			require(policy_explain_path(table, (enum file_op)op, paths[i], &a) == 0);
	for (int op = 0; op < NET_OPS; op++)
		require(policy_explain_addr(table, (enum net_op)op, &addr, 443, &a) == 0);
}

static void purpose_check(const struct policy *policy, const char *name)
{
	static const struct policy_vars vars = {.workdir = "/work", .home = "/home/u", .user = "u"};
	struct policy_errors errors = {0};
	struct policy_grant grant = {0};
	struct table *table = NULL;

	require(policy_terms(policy, name, &grant) == 0);
	require(grant.ttl_ns && grant.ttl_ns <= POLICY_TTL_MAX * 1000000000ull);
	if (policy_compile(policy, name, &vars, &errors, &table) == 0) {
		explain(table);
		table_free(table);
	}
	errors_check(&errors);
	policy_errors_free(&errors);
}

static void policy_check(const struct policy *policy)
{
	size_t rules = 0;

	require(policy_name(policy) && policy->purpose_count <= POLICY_PURPOSES_MAX);
	for (size_t i = 0; i < policy->purpose_count; i++) {
		rules_check(&policy->purposes[i].rules);
		rules += policy->purposes[i].rules.path_count + policy->purposes[i].rules.addr_count;
	}
	require(rules <= POLICY_RULES_MAX);
	for (size_t i = 0; policy_purpose(policy, i); i++)
		purpose_check(policy, policy_purpose(policy, i));
	policy_owned_by(policy, "uid:1000");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *border = memmem(text, size, BORDER, strlen(BORDER));
	struct text rest = {0};
	struct policy_errors errors = {0};
	struct policy *policy = NULL;
	size_t len = size;
	int err;

	if (border) {
		rest.at = border + strlen(BORDER);
		rest.len = (size_t)(text + size - rest.at);
		len = (size_t)(border + 1 - text);
	}
	err = policy_parse("fuzz.yaml", text, len, profile, &rest, &errors, &policy);
	require(err ? !policy && errors.count : policy && !errors.count);
	errors_check(&errors);
	if (policy)
		policy_check(policy);
	policy_free(policy);
	policy_errors_free(&errors);
	return 0;
}
