/* SPDX-License-Identifier: Apache-2.0 */
/* Rules to clauses, and which of two clauses is the more specific. */
#include <errno.h>
#include <string.h>

#include "policy/compile.h"

/* Whoever may do one of these to a file may also know that it is there, how long and whose. */
#define IMPLIES_METADATA                                                                                     \
	(1u << OP_READ | 1u << OP_WRITE | 1u << OP_EXEC | 1u << OP_CREATE | 1u << OP_DELETE | 1u << OP_LIST)

static unsigned effective_ops(const struct path_rule *rule)
{
	if (rule->verdict == RULE_ALLOW && rule->ops & IMPLIES_METADATA)
		return rule->ops | 1u << OP_METADATA;
	return rule->ops;
}

static void clause_join(struct clause *clause, const struct path_rule *rule, uint16_t number)
{
	unsigned ops = effective_ops(rule);

	for (unsigned op = 0; op < FILE_OPS; op++) {
		bool named = clause->ops >> op & 1;

		if (!(ops >> op & 1) || (named && clause->verdict[op] <= rule->verdict))
			continue;
		clause->verdict[op] = rule->verdict;
		clause->rule[op] = number;
	}
	clause->ops |= ops;
	if (rule->verdict == RULE_ALLOW && !clause->lead)
		clause->lead = number;
}

/* Equal patterns have equal bytes: pattern_parse() leaves one form of each. */
static int pattern_number(struct intern *in, const struct pattern *p, uint32_t *number)
{
	char bytes[PATTERN_PARTS * (NAME_BYTES + 3)], *at = bytes;

	for (size_t i = 0; i < p->count; i++) {
		*at++ = (char)p->parts[i].kind;
		at = stpcpy(at, part_text(p->parts[i].text)) + 1;
		at = stpcpy(at, part_text(p->parts[i].suffix)) + 1;
	}
	return intern_put(in, bytes, at - bytes, number);
}

/* Takes the pattern over. */
static int clause_find(struct compile *c, struct intern *in, struct pattern *pattern, uint32_t *number)
{
	int ret = pattern_number(in, pattern, number);

	if (ret || *number < c->count) {
		pattern_free(pattern);
		return ret;
	}
	c->clauses[c->count++] = (struct clause){.pattern = *pattern};
	return 0;
}

static int rule_add(struct compile *c, struct intern *in, const struct policy_vars *vars, size_t i)
{
	const struct path_rule *rule = &c->rules->paths[i];
	struct pattern_error error = {"", ""};
	struct pattern pattern;
	uint32_t number;
	int ret = pattern_parse(rule->pattern, vars, &error, &pattern);

	if (ret == -EINVAL)
		return compile_refuse(c, rule, error.hint, "%s", error.what);
	if (!ret)
		ret = clause_find(c, in, &pattern, &number);
	if (ret)
		return ret;
	if (!c->clauses[number].origin)
		c->clauses[number].origin = rule;
	clause_join(&c->clauses[number], rule, i + 1);
	return 0;
}

static bool ops_alike(const struct compile *c, unsigned a, unsigned b)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct clause *clause = &c->clauses[i];

		if ((clause->ops >> a & 1) != (clause->ops >> b & 1) ||
		    clause->verdict[a] != clause->verdict[b])
			return false;
	}
	return true;
}

static void ops_group(struct compile *c)
{
	unsigned seen = 0;

	for (unsigned op = 0; op < FILE_OPS; op++) {
		for (unsigned other = op; other < FILE_OPS && !(seen >> op & 1); other++)
			c->alike[op] |= ops_alike(c, op, other) << other;
		seen |= c->alike[op];
	}
}

/* Goes on past a mistake, to report all of them at once. */
int clauses_build(struct compile *c, const struct policy_vars *vars)
{
	static const struct policy_vars none;
	_cleanup_intern_ struct intern in = {0};
	int ret = 0;

	c->clauses = calloc(c->rules->path_count + 1, sizeof(*c->clauses));
	if (!c->clauses)
		return -ENOMEM;
	for (size_t i = 0; i < c->rules->path_count && ret != -ENOMEM; i++) {
		int err = rule_add(c, &in, vars ? vars : &none, i);

		ret = err ? err : ret;
	}
	ops_group(c);
	return ret;
}

void clauses_free(struct compile *c)
{
	for (size_t i = 0; i < c->count; i++)
		pattern_free(&c->clauses[i].pattern);
	free(c->clauses);
	free(c->relation.pairs);
}

/* ---- the relation, each pair worked out once ---- */

/* Where the pair is or belongs. Entries are pair << 1 | answer; no pair is 0. */
static uint64_t *pair_find(const struct relation *r, uint64_t pair)
{
	size_t i = (pair * 0x9E3779B97F4A7C15ull) >> 32;

	while (r->pairs[i & r->mask] && r->pairs[i & r->mask] >> 1 != pair)
		i++;
	return &r->pairs[i & r->mask];
}

/* Keeps half free, so that pair_find() is quick. */
static int pairs_grow(struct relation *r)
{
	struct relation wide = {.mask = r->pairs ? 2 * r->mask + 1 : 1023, .count = r->count};

	if (r->pairs && r->count <= r->mask / 2)
		return 0;
	if (wide.mask >= 2 * COMPILE_PAIRS)
		return -ENOSPC;
	wide.pairs = calloc(wide.mask + 1, sizeof(*wide.pairs));
	if (!wide.pairs)
		return -ENOMEM;
	for (size_t i = 0; r->pairs && i <= r->mask; i++) {
		if (r->pairs[i])
			*pair_find(&wide, r->pairs[i] >> 1) = r->pairs[i];
	}
	free(r->pairs);
	*r = wide;
	return 0;
}

static bool strictly_within(struct compile *c, uint32_t a, uint32_t b)
{
	const struct pattern *pa = &c->clauses[a].pattern, *pb = &c->clauses[b].pattern;

	return pattern_within_work(pa, pb, &c->work) && !pattern_within_work(pb, pa, &c->work);
}

bool clause_beats(struct compile *c, uint32_t a, uint32_t b)
{
	uint64_t pair = (uint64_t)(a + 1) << 32 | b, *at;
	bool beats;
	int full;

	c->work++;
	if (a == b || c->work > COMPILE_WORK)
		return false;
	full = pairs_grow(&c->relation);
	at = c->relation.pairs ? pair_find(&c->relation, pair) : NULL;
	if (at && *at)
		return *at & 1;
	beats = strictly_within(c, a, b);
	if (full) /* works without being remembered too */
		return beats;
	*at = pair << 1 | beats;
	c->relation.count++;
	return beats;
}

int work_check(struct compile *c, const struct path_rule *at)
{
	if (c->work <= COMPILE_WORK)
		return 0;
	return compile_refuse(c, at, "use fewer rules that can match the same path or address",
			      "these rules take more than %llu steps to compile", COMPILE_WORK);
}
