/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps floating trees from multiplying.
 *
 * Beneath /a/.ssh/x/.aws a rule for all .ssh trees and one for all .aws trees both match for good; k such
 * rules would make 2^k sets. Most of what such a set holds cannot matter any more.
 *
 * Take one operation. L are the live clauses that name it, T those of them that match all from here on
 * (NODE_TREE). At any place from here on T and some part of L match. A clause is "in play" when no matching
 * one beats it, and the strictest in play wins. The set does without t in L when for some other u in T
 *
 * (A) u beats t. Then t is never in play, and what t beats, u beats: "beats" is transitive.
 *
 * (B) or u is at least as strict as t, and for every f in L
 *     (1) when f beats u, f beats t, and
 *     (2) when t beats f and f is at least as strict as u, u beats f.
 *     Let t match. If it is in play, so is u by (1), and t adds nothing to the verdict. Of what nothing but
 *     t beats, what is as strict as u is not in play either without t, by (2), and the rest adds nothing to
 * u. If t is not in play because of f, then f beats what t beats.
 *
 * So neither the verdict changes nor that the recorded rule is one in play with that verdict, only which of
 * several. L without t is again such an L, so clauses may go one by one.
 *
 * (Where pattern_within() gives up, "beats" lacks pairs and may lack transitivity. Then what was beaten may
 * come into play, which can only make a verdict stricter.)
 */
#include "policy/automaton.h"

/* The items of one clause. All have the same operations: they came from one item, and go together. */
struct group {
	uint32_t clause;
	size_t first, count;
};

struct pruning {
	struct automaton *a;
	uint32_t *items;
	struct list groups; /* struct group */
	struct list trees;  /* indexes into groups */
	struct list above;  /* of one tree u: indexes of groups that beat u */
	struct list open;   /* and of groups as strict as u that u does not beat */
	unsigned op;
	unsigned ops; /* it and those of which all rules say the same */
};

static struct group *group_at(const struct pruning *p, size_t i)
{
	return (struct group *)p->groups.data + i;
}

static bool names_op(const struct pruning *p, const struct group *g)
{
	return ITEM_OPS(p->items[g->first]) >> p->op & 1;
}

static unsigned strictness(const struct pruning *p, const struct group *g)
{
	return p->a->compile->clauses[g->clause].verdict[p->op];
}

static bool beats(const struct pruning *p, const struct group *u, const struct group *t)
{
	return clause_beats(p->a->compile, u->clause, t->clause);
}

static void clear_ops(struct pruning *p, const struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		p->items[g->first + i] &= ~p->ops;
}

/* (A) for every t */
static void drop_beaten(struct pruning *p, const struct group *u)
{
	for (size_t i = p->groups.count; i-- > 0;) {
		const struct group *t = group_at(p, i);

		if (names_op(p, t) && beats(p, u, t))
			clear_ops(p, t);
	}
}

static int surroundings(struct pruning *p, const struct group *u)
{
	p->above.count = p->open.count = 0;
	for (size_t i = 0; i < p->groups.count; i++) {
		const struct group *f = group_at(p, i);

		if (!names_op(p, f))
			continue;
		if (beats(p, f, u) && item_add(&p->above, (uint32_t)i))
			return -ENOMEM;
		if (strictness(p, f) <= strictness(p, u) && !beats(p, u, f) &&
		    item_add(&p->open, (uint32_t)i))
			return -ENOMEM;
	}
	return 0;
}

/* (B) but for strictness. What has been dropped since the surroundings were seen objects no more. */
static bool answers_for(const struct pruning *p, const struct group *t)
{
	const uint32_t *above = p->above.data, *open = p->open.data;

	for (size_t i = 0; i < p->above.count; i++) {
		const struct group *f = group_at(p, above[i]);

		if (names_op(p, f) && !beats(p, f, t))
			return false;
	}
	for (size_t i = 0; i < p->open.count; i++) {
		const struct group *f = group_at(p, open[i]);

		if (names_op(p, f) && beats(p, t, f))
			return false;
	}
	return true;
}

/* (B) for every t */
static int drop_answered(struct pruning *p, const struct group *u)
{
	if (surroundings(p, u))
		return -ENOMEM;
	for (size_t i = p->groups.count; i-- > 0;) {
		const struct group *t = group_at(p, i);

		if (t != u && names_op(p, t) && strictness(p, u) <= strictness(p, t) && answers_for(p, t))
			clear_ops(p, t);
	}
	return 0;
}

/* From the first tree on, so that of equals it is the one to stay. */
static int drop(struct pruning *p)
{
	const uint32_t *trees = p->trees.data;
	int ret = 0;

	for (size_t i = 0; i < p->trees.count; i++) {
		if (names_op(p, group_at(p, trees[i])))
			drop_beaten(p, group_at(p, trees[i]));
	}
	for (size_t i = 0; i < p->trees.count && !ret; i++) {
		if (names_op(p, group_at(p, trees[i])))
			ret = drop_answered(p, group_at(p, trees[i]));
	}
	return ret;
}

static int groups_collect(struct pruning *p, size_t count)
{
	struct group *g = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct node *n = node_at(p->a, ITEM_NODE(p->items[i]));

		if (!g || g->clause != n->clause) {
			g = list_add(&p->groups, sizeof(*g));
			if (!g)
				return -ENOMEM;
			*g = (struct group){.clause = n->clause, .first = i};
		}
		g->count++;
		if (n->kind == NODE_TREE && item_add(&p->trees, (uint32_t)p->groups.count - 1))
			return -ENOMEM;
	}
	return 0;
}

/* Leaves out what counts for no operation any more, but for what it says about directories. */
static void sweep(const struct automaton *a, struct list *set)
{
	uint32_t *items = set->data;
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (ITEM_OPS(items[i]) || node_at(a, ITEM_NODE(items[i]))->lead)
			items[kept++] = items[i];
	}
	set->count = kept;
}

int set_prune(struct automaton *a, struct list *set)
{
	struct pruning p = {.a = a, .items = set->data};
	int ret = groups_collect(&p, set->count);

	for (p.op = 0; p.op < FILE_OPS && !ret && p.trees.count; p.op++) {
		p.ops = a->compile->alike[p.op];
		if (p.ops)
			ret = drop(&p);
	}
	list_free(&p.groups);
	list_free(&p.trees);
	list_free(&p.above);
	list_free(&p.open);
	sweep(a, set);
	return ret;
}
