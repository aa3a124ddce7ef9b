/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps floating trees from multiplying.
 *
 * Beneath /a/.ssh/x/.aws a rule for all .ssh trees and one for all .aws trees both match for good; k such
 * rules would make 2^k sets. Most of what such a set holds cannot matter any more.
 *
 * Take one operation. T are the clauses matched for good (NODE_TREE) that name it, L those that are live and
 * name it: T and whatever else may yet match. Beneath, T and some part of L match. A clause is "in play" when
 * no matching one beats it, and the strictest in play wins. The set does without t in T when
 *
 * (A) some u in T beats t. Then t is never in play, and what t beats, u beats: "beats" is transitive.
 *
 *     Once that is done, t in T beats no f in L. For t matches all from here on, so f would too; but what
 *     has no NODE_TREE here fails either at this very place or, as parts after its last DEEP begin with a
 *     name or glob (pattern_parse.c), at long enough paths of other names. So f would be in T and gone.
 *
 * (B) or some u in T is at least as strict as t, and every f in L that beats u beats t. When t is in play,
 *     so is u, and t adds nothing to the verdict. As t beats nothing, nothing comes into play without it.
 *
 * So neither the verdict changes nor that the recorded rule is one in play with that verdict, only which of
 * several. T without t is again such a T, so clauses may go one by one: from the last to the first, so that
 * of equals the first stays, in whatever order they came.
 *
 * (Where pattern_within() gives up, "beats" lacks pairs and may lack transitivity. Then (A) may bring what
 * was beaten into play, which can only make a verdict stricter.)
 */
#include "policy/automaton.h"

struct pruning {
	struct automaton *a;
	uint32_t *items;
	size_t count;
	unsigned op;
	struct list trees; /* indexes into items: T */
	struct list live;  /* indexes into items: L, one of each clause */
};

static uint32_t clause_of(const struct pruning *p, size_t item)
{
	return node_at(p->a, ITEM_NODE(p->items[item]))->clause;
}

static unsigned verdict_of_clause(const struct pruning *p, uint32_t clause)
{
	return p->a->compile->clauses[clause].verdict[p->op];
}

static bool is_tree(const struct pruning *p, size_t item)
{
	return node_at(p->a, ITEM_NODE(p->items[item]))->kind == NODE_TREE;
}

static bool names_op(const struct pruning *p, size_t item)
{
	if (is_tree(p, item))
		return ITEM_OPS(p->items[item]) >> p->op & 1;
	return p->a->compile->clauses[clause_of(p, item)].ops >> p->op & 1;
}

static int collect(struct pruning *p)
{
	p->trees.count = 0;
	p->live.count = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (!names_op(p, i))
			continue;
		if (is_tree(p, i) && item_add(&p->trees, (uint32_t)i))
			return -ENOMEM;
		if (i && clause_of(p, i) == clause_of(p, i - 1) && names_op(p, i - 1))
			continue;
		if (item_add(&p->live, (uint32_t)i))
			return -ENOMEM;
	}
	return 0;
}

/* (B): does u answer for t? */
static bool answers_for(const struct pruning *p, uint32_t u, uint32_t t)
{
	struct compile *c = p->a->compile;
	const uint32_t *live = p->live.data;

	if (verdict_of_clause(p, u) > verdict_of_clause(p, t))
		return false;
	for (size_t i = 0; i < p->live.count; i++) {
		uint32_t f = clause_of(p, live[i]);

		if (names_op(p, live[i]) && clause_beats(c, f, u) && !clause_beats(c, f, t))
			return false;
	}
	return true;
}

static bool beats(const struct pruning *p, uint32_t u, uint32_t t)
{
	return clause_beats(p->a->compile, u, t);
}

/* Clears the operation in every tree that another one makes needless by `needless`(other, this). */
static void drop(struct pruning *p, bool (*needless)(const struct pruning *p, uint32_t u, uint32_t t))
{
	const uint32_t *trees = p->trees.data;

	for (size_t t = p->trees.count; t-- > 0;) {
		for (size_t u = 0; u < p->trees.count && names_op(p, trees[t]); u++) {
			if (u != t && names_op(p, trees[u]) &&
			    needless(p, clause_of(p, trees[u]), clause_of(p, trees[t])))
				p->items[trees[t]] &= ~(1u << p->op);
		}
	}
}

/* Leaves out the trees that count for no operation any more. */
static void sweep(struct pruning *p, struct list *set)
{
	set->count = 0;
	for (size_t i = 0; i < p->count; i++) {
		if (!is_tree(p, i) || ITEM_OPS(p->items[i]))
			p->items[set->count++] = p->items[i];
	}
}

static size_t trees_count(const struct pruning *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += is_tree(p, i);
	return n;
}

int set_prune(struct automaton *a, struct list *set)
{
	struct pruning p = {.a = a, .items = set->data, .count = set->count};
	int ret = 0;

	if (trees_count(&p) < 2)
		return 0;
	for (p.op = 0; p.op < FILE_OPS && !ret; p.op++) {
		ret = collect(&p);
		if (ret || p.trees.count < 2)
			continue;
		drop(&p, beats);
		drop(&p, answers_for);
	}
	sweep(&p, set);
	list_free(&p.trees);
	list_free(&p.live);
	return ret;
}
