/* SPDX-License-Identifier: Apache-2.0 */
/* Policies for the compiler's tests, built rule by rule without the reader. */
#ifndef DEPUTY_TEST_COMPILE_SAMPLE_H
#define DEPUTY_TEST_COMPILE_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/internal.h"

/* One policy with one purpose, "p". */
struct sample {
	struct policy policy;
	struct purpose purpose;
	struct policy_errors errors;
	struct table *table;
};

static inline void sample_free(struct sample *s)
{
	rules_free(&s->purpose.rules);
	policy_errors_free(&s->errors);
	table_free(s->table);
	memset(s, 0, sizeof(*s));
}

static inline unsigned sample_ops(const char *list)
{
	char copy[128], *save = NULL;
	unsigned ops = 0;

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *op = strtok_r(copy, ",", &save); op; op = strtok_r(NULL, ",", &save)) {
		assert_true(file_op_parse(op) >= 0);
		ops |= 1u << file_op_parse(op);
	}
	return ops;
}

static inline void sample_path_ops(struct sample *s, enum rule_verdict verdict, unsigned ops,
				   const char *pattern)
{
	struct rules *r = &s->purpose.rules;
	struct path_rule *rule;
	char label[64];

	if (!(r->path_count & (r->path_count - 1)))
		r->paths = realloc(r->paths, (2 * r->path_count + 1) * sizeof(*r->paths));
	assert_non_null(r->paths);
	rule = &r->paths[r->path_count++];
	snprintf(label, sizeof(label), "%zu %.32s", r->path_count, pattern);
	*rule = (struct path_rule){.verdict = verdict,
				   .ops = ops,
				   .pattern = strdup(pattern),
				   .label = strdup(label),
				   .line = (unsigned)r->path_count,
				   .column = 7,
				   .file = "sample.yaml"};
}

/* "allow read,write /work/" + "**" */
static inline void sample_path(struct sample *s, const char *text)
{
	char verdict[16], ops[128];
	int used = 0;

	assert_int_equal(sscanf(text, "%15s %127s %n", verdict, ops, &used), 2);
	sample_path_ops(s, strcmp(verdict, "deny") ? RULE_ALLOW : RULE_DENY, sample_ops(ops), text + used);
}

static inline void sample_addr(struct sample *s, enum rule_verdict verdict, unsigned ops,
			       struct cell_addr first, struct cell_addr last, const struct port_range *ports,
			       size_t count)
{
	struct rules *r = &s->purpose.rules;
	struct addr_rule *rule;
	char label[64];

	r->addrs = realloc(r->addrs, (r->addr_count + 1) * sizeof(*r->addrs));
	assert_non_null(r->addrs);
	rule = &r->addrs[r->addr_count++];
	snprintf(label, sizeof(label), "addr %zu", r->addr_count);
	*rule = (struct addr_rule){.verdict = verdict,
				   .ops = ops,
				   .first = first,
				   .last = last,
				   .ports = calloc(count, sizeof(*ports)),
				   .port_count = count,
				   .label = strdup(label)};
	memcpy(rule->ports, ports, count * sizeof(*ports));
}

static inline int sample_try(struct sample *s, const struct policy_vars *vars)
{
	char name[] = "p";
	int ret;

	s->purpose.name = name;
	s->policy.name = name;
	s->policy.purposes = &s->purpose;
	s->policy.purpose_count = 1;
	ret = policy_compile(&s->policy, "p", vars, &s->errors, &s->table);
	s->purpose.name = NULL;
	return ret;
}

static inline void sample_compile(struct sample *s)
{
	int ret = sample_try(s, NULL);

	if (ret && s->errors.count)
		print_error("%s: %s\n", s->errors.list[0].what, s->errors.list[0].hint);
	assert_int_equal(ret, 0);
}

static inline struct policy_answer sample_ask(const struct sample *s, enum file_op op, const char *path)
{
	struct policy_answer answer = {ACT_HOLD, NULL};

	assert_int_equal(policy_explain_path(s->table, op, path, &answer), 0);
	return answer;
}

/* The rule's number as written first in its label, 0 for none. */
static inline unsigned sample_rule(const struct policy_answer *answer)
{
	return answer->rule ? (unsigned)strtoul(answer->rule, NULL, 10) : 0;
}

#endif
