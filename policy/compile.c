/* SPDX-License-Identifier: Apache-2.0 */
/* One purpose of a policy, from rules to a table. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/table.h"

int compile_refuse(struct compile *c, const struct path_rule *at, const char *hint, const char *what, ...)
{
	char text[sizeof(((struct policy_error *)0)->what)];
	va_list args;

	if (!at && c->rules->path_count)
		at = &c->rules->paths[0];
	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	errors_add(c->errors, at ? at->file : c->file, at ? at->line : 1, at ? at->column : 1, hint, "%s",
		   text);
	return -EINVAL;
}

static const struct purpose *purpose_find(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->purpose_count; i++) {
		if (!strcmp(policy->purposes[i].name, name))
			return &policy->purposes[i];
	}
	return NULL;
}

static int label_add(struct table *table, const char *label)
{
	char *copy = strdup(label);

	if (!copy)
		return -ENOMEM;
	table->rules[table->rule_count++] = copy;
	return 0;
}

static size_t rules_count(const struct rules *rules)
{
	return rules->path_count + rules->addr_count + rules->bit_count;
}

/* Of a bit's rules one that denies it, or else the first. */
static void bit_note(struct table *table, const struct mask_bit *bit)
{
	uint32_t *rules = bit->mask == MASK_PRIVILEGES ? table->privileges : table->sockets;
	uint32_t *rule = &rules[bit->bit & 63];

	if (!*rule || bit->verdict == RULE_DENY)
		*rule = table->rule_count;
}

static int labels_copy(const struct rules *rules, struct table *table)
{
	int ret = 0;

	table->rules = calloc(rules_count(rules) + 1, sizeof(*table->rules));
	if (!table->rules)
		return -ENOMEM;
	for (size_t i = 0; i < rules->path_count && !ret; i++)
		ret = label_add(table, rules->paths[i].label);
	for (size_t i = 0; i < rules->addr_count && !ret; i++)
		ret = label_add(table, rules->addrs[i].label);
	for (size_t i = 0; i < rules->bit_count && !ret; i++) {
		ret = label_add(table, rules->bits[i].label);
		bit_note(table, &rules->bits[i]);
	}
	return ret;
}

/* The automaton is not needed once it is merged but for its texts: its sets and states are the most of it. */
static int paths_build(struct automaton *a, struct merged *m)
{
	int ret = automaton_build(a);

	if (!ret)
		ret = automaton_merge(a, m);
	intern_free(&a->closed);
	intern_free(&a->sets);
	list_free(&a->states);
	list_free(&a->arcs);
	return ret;
}

static int rules_compile(struct compile *c, const struct policy_vars *vars, struct table *table)
{
	__attribute__((cleanup(automaton_free))) struct automaton a = {.compile = c};
	__attribute__((cleanup(merged_free))) struct merged m = {0};
	__attribute__((cleanup(net_free))) struct net net = {0};
	int ret;

	if (rules_count(c->rules) > TABLE_RULES)
		return compile_refuse(c, NULL, "use fewer rules, or rules for whole directories",
				      "%zu rules, the limit is %u", rules_count(c->rules), TABLE_RULES);
	ret = clauses_build(c, vars);
	if (!ret)
		ret = paths_build(&a, &m);
	if (!ret)
		ret = net_build(c, (uint32_t)c->rules->path_count + 1, &net);
	if (!ret)
		ret = table_build(c, &a, &m, &net, table);
	return ret ?: labels_copy(c->rules, table);
}

int policy_compile(const struct policy *policy, const char *purpose, const struct policy_vars *vars,
		   struct policy_errors *errors, struct table **table)
{
	const struct purpose *p = purpose_find(policy, purpose);
	__attribute__((cleanup(clauses_free))) struct compile c = {.errors = errors};
	struct table *result;
	int ret;

	if (!p)
		return -ENOENT;
	c.rules = &p->rules;
	c.file = policy->file_count ? policy->files[0] : policy->name;
	result = calloc(1, sizeof(*result));
	if (!result)
		return -ENOMEM;
	ret = rules_compile(&c, vars, result);
	if (ret)
		table_free(result);
	else
		*table = result;
	return ret;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->rule_count; i++)
		free(table->rules[i]);
	free(table->rules);
	free(table->cells);
	free(table);
}
