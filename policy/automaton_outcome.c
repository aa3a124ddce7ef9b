/* SPDX-License-Identifier: Apache-2.0 */
/* What the clauses that a state matches say about each operation. */
#include "policy/automaton.h"

/* The clauses that match at this state as items, with the operations for which each still counts. */
static int matched_collect(struct automaton *a, const uint32_t *set, size_t count, struct list *matched)
{
	for (size_t i = 0; i < count; i++) {
		const struct node *n = node_at(a, ITEM_NODE(set[i]));

		if ((n->kind == NODE_END || n->kind == NODE_TREE) &&
		    item_add(matched, ITEM(n->clause, ITEM_OPS(set[i]))))
			return -ENOMEM;
	}
	return 0;
}

static bool in_play(struct compile *c, const struct list *matched, size_t i, unsigned op)
{
	const uint32_t *m = matched->data;

	for (size_t j = 0; j < matched->count; j++) {
		if (ITEM_OPS(m[j]) >> op & 1 && clause_beats(c, ITEM_NODE(m[j]), ITEM_NODE(m[i])))
			return false;
	}
	return true;
}

/* Of the clauses in play the strictest wins, of those the first as written. */
static void op_decide(struct compile *c, const struct list *matched, unsigned op, struct outcome *outcome)
{
	const uint32_t *m = matched->data;
	const struct clause *best = NULL;

	for (size_t i = 0; i < matched->count && c->work <= COMPILE_WORK; i++) {
		const struct clause *this = &c->clauses[ITEM_NODE(m[i])];

		if (!(ITEM_OPS(m[i]) >> op & 1) || !in_play(c, matched, i, op))
			continue;
		if (!best || this->verdict[op] < best->verdict[op] ||
		    (this->verdict[op] == best->verdict[op] && this->rule[op] < best->rule[op]))
			best = this;
	}
	if (!best)
		return;
	outcome->rule[op] = best->rule[op];
	outcome->allow |= (best->verdict[op] == RULE_ALLOW) << op;
}

/* Where no rule names metadata, a directory on the way to something granted may be seen. */
static void lead_decide(const struct automaton *a, const uint32_t *set, size_t count, struct outcome *outcome)
{
	uint16_t first = 0;

	for (size_t i = 0; i < count; i++) {
		const struct node *n = node_at(a, ITEM_NODE(set[i]));
		uint16_t rule = n->lead ? a->compile->clauses[n->clause].lead : 0;

		if (rule && (!first || rule < first))
			first = rule;
	}
	if (!first || outcome->rule[OP_METADATA])
		return;
	outcome->rule[OP_METADATA] = first;
	outcome->allow |= 1u << OP_METADATA;
}

int set_outcome(struct automaton *a, const uint32_t *set, size_t count, struct outcome *outcome)
{
	_cleanup_list_ struct list matched = {0};

	if (matched_collect(a, set, count, &matched))
		return -ENOMEM;
	*outcome = (struct outcome){0};
	for (unsigned op = 0; op < FILE_OPS; op++)
		op_decide(a->compile, &matched, op, outcome);
	lead_decide(a, set, count, outcome);
	return 0;
}
