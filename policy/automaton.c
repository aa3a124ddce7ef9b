/* SPDX-License-Identifier: Apache-2.0 */
/* Subset construction: from each set of nodes, the sets that each kind of name leads to. */
#include <string.h>

#include "policy/automaton.h"

#define MASKS	(1u << TABLE_GLOBS)
#define NOWHERE UINT32_MAX

struct branch { /* a NODE_NAME or NODE_GLOB of the set, by its text, and the item behind it */
	uint32_t text;
	uint32_t item;
};

/* One state being worked on. The lists keep their room from state to state. */
struct expansion {
	struct automaton *a;
	const struct path_rule *at; /* what to report a limit at */
	struct list base;	    /* items that any name leads to */
	struct list names, globs;   /* struct branch, sorted by text */
	struct list set;	    /* under construction */
	struct globs meet;
	uint32_t by_mask[MASKS];
};

static int branch_add(struct list *list, const struct automaton *a, uint32_t item)
{
	struct branch *b = list_add(list, sizeof(*b));

	if (!b)
		return -ENOMEM;
	*b = (struct branch){node_at(a, ITEM_NODE(item))->text, item_next(item)};
	return 0;
}

static int item_split(struct expansion *x, uint32_t item)
{
	switch ((enum node_kind)node_at(x->a, ITEM_NODE(item))->kind) {
	case NODE_NAME:
		return branch_add(&x->names, x->a, item);
	case NODE_GLOB:
		return branch_add(&x->globs, x->a, item);
	case NODE_ANY:
		return item_add(&x->base, item_next(item));
	case NODE_DEEP:
	case NODE_TREE:
		return item_add(&x->base, item);
	case NODE_ENTER:
	case NODE_END:
		break;
	}
	return 0;
}

static int branch_compare(const void *a, const void *b)
{
	const struct branch *x = a, *y = b;

	if (x->text != y->text)
		return x->text < y->text ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static void branches_sort(struct list *list)
{
	if (list->count)
		qsort(list->data, list->count, sizeof(struct branch), branch_compare);
}

static int set_split(struct expansion *x, uint32_t state)
{
	size_t len;
	const uint32_t *set = intern_get(&x->a->sets, state, &len);

	x->base.count = x->names.count = x->globs.count = 0;
	for (size_t i = 0; i < len / sizeof(*set); i++) {
		if (item_split(x, set[i]))
			return -ENOMEM;
	}
	branches_sort(&x->names);
	branches_sort(&x->globs);
	return set_close(x->a, &x->base, 0);
}

static int globs_collect(struct expansion *x)
{
	const struct branch *globs = x->globs.data;
	struct globs *meet = &x->meet;

	meet->count = 0;
	for (size_t i = 0; i < x->globs.count; i++) {
		if (i && globs[i].text == globs[i - 1].text)
			continue;
		if (meet->count == TABLE_GLOBS)
			return compile_refuse(
				x->a->compile, x->at, "use '*' for the whole name, or a directory",
				"at most %u patterns with '*' inside a name can meet at one place",
				TABLE_GLOBS);
		meet->ids[meet->count] = globs[i].text;
		meet->parts[meet->count++] = glob_part(x->a, globs[i].text);
	}
	globs_relate(meet);
	return 0;
}

/* ---- states ---- */

static int state_limits(struct expansion *x)
{
	struct automaton *a = x->a;
	const char *hint = "let fewer patterns with '**' in the middle meet at one place";

	if (a->states.count > COMPILE_STATES)
		return compile_refuse(a->compile, x->at, hint, "these rules need more than %u states",
				      COMPILE_STATES);
	if (a->items > COMPILE_ITEMS)
		return compile_refuse(a->compile, x->at, hint, "these rules need more than %u items",
				      COMPILE_ITEMS);
	if (a->arcs.count > COMPILE_ARCS)
		return compile_refuse(a->compile, x->at, hint, "these rules need more than %u edges",
				      COMPILE_ARCS);
	return work_check(a->compile, x->at);
}

/* The state of the pruned set, made where it is new. */
static int pruned_find(struct expansion *x, uint32_t *number)
{
	struct automaton *a = x->a;
	int ret = set_prune(a, &x->set);

	if (!ret)
		ret = intern_put(&a->sets, x->set.data, x->set.count * sizeof(uint32_t), number);
	if (ret || *number < a->states.count)
		return ret;
	a->items += x->set.count;
	return list_add(&a->states, sizeof(struct state)) ? state_limits(x) : -ENOMEM;
}

static bool has_tree(const struct automaton *a, const struct list *set)
{
	const uint32_t *items = set->data;

	for (size_t i = 0; i < set->count; i++) {
		if (node_at(a, ITEM_NODE(items[i]))->kind == NODE_TREE)
			return true;
	}
	return false;
}

/* Pruning is dear where there are trees, and many states lead to the same set: each is pruned once. */
static int closed_find(struct expansion *x, uint32_t *number)
{
	struct automaton *a = x->a;
	uint32_t closed;
	int ret = intern_put(&a->closed, x->set.data, x->set.count * sizeof(uint32_t), &closed);

	if (ret)
		return ret;
	if (closed < a->pruned.count) {
		*number = ((const uint32_t *)a->pruned.data)[closed];
		return 0;
	}
	a->items += x->set.count;
	ret = pruned_find(x, number);
	return ret ?: item_add(&a->pruned, *number);
}

/* The state that x->set makes, of which `base` items are closed. */
static int state_find(struct expansion *x, size_t base, uint32_t *number)
{
	int ret = set_close(x->a, &x->set, base);

	if (!ret)
		ret = work_check(x->a->compile, x->at);
	if (ret)
		return ret;
	return has_tree(x->a, &x->set) ? closed_find(x, number) : pruned_find(x, number);
}

static int branches_add(struct expansion *x, const struct branch *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (item_add(&x->set, b[i].item))
			return -ENOMEM;
	}
	return 0;
}

/* Where a name leads that matches these globs, and names the `count` branches besides. */
static int target_find(struct expansion *x, unsigned mask, const struct branch *names, size_t count,
		       uint32_t *to)
{
	const struct branch *globs = x->globs.data;
	const uint32_t *base = x->base.data;
	unsigned bit = 0;

	x->set.count = 0;
	for (size_t i = 0; i < x->base.count; i++) {
		if (item_add(&x->set, base[i]))
			return -ENOMEM;
	}
	for (size_t i = 0; i < x->globs.count; i++) {
		bit += i && globs[i].text != globs[i - 1].text;
		if (mask >> bit & 1 && item_add(&x->set, globs[i].item))
			return -ENOMEM;
	}
	return branches_add(x, names, count) ?: state_find(x, x->base.count, to);
}

static int arc_add(struct automaton *a, struct arc arc)
{
	struct arc *at = list_add(&a->arcs, sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = arc;
	return 0;
}

static int masks_expand(struct expansion *x, struct state *s)
{
	int ret = 0;

	s->masks = x->a->arcs.count;
	for (unsigned mask = 0; mask < 1u << x->meet.count && !ret; mask++) {
		x->by_mask[mask] = NOWHERE;
		if (!globs_meet(&x->meet, mask))
			continue;
		ret = target_find(x, mask, NULL, 0, &x->by_mask[mask]);
		if (!ret && mask)
			ret = arc_add(x->a, (struct arc){mask, x->by_mask[mask], mask});
	}
	s->mask_count = x->a->arcs.count - s->masks;
	s->other = x->by_mask[0];
	return ret;
}

/* An arc for each name that leads elsewhere than the globs that it matches would. */
static int names_expand(struct expansion *x, struct state *s)
{
	const struct branch *names = x->names.data;
	size_t from = 0, to;
	int ret = 0;

	s->names = x->a->arcs.count;
	for (; from < x->names.count && !ret; from = to) {
		uint32_t name = names[from].text, target = 0;
		size_t len;
		const char *text = intern_get(&x->a->names, name, &len);
		unsigned mask = globs_of_name(&x->meet, text, len);

		for (to = from + 1; to < x->names.count && names[to].text == name;)
			to++;
		ret = target_find(x, mask, names + from, to - from, &target);
		if (!ret && target != x->by_mask[mask])
			ret = arc_add(x->a, (struct arc){name, target, mask});
	}
	s->name_count = x->a->arcs.count - s->names;
	return ret;
}

static int globs_store(struct expansion *x, struct state *s)
{
	s->globs = x->a->glob_lists.count;
	s->glob_count = x->meet.count;
	for (unsigned i = 0; i < x->meet.count; i++) {
		if (item_add(&x->a->glob_lists, x->meet.ids[i]))
			return -ENOMEM;
	}
	return 0;
}

/* The rule to blame if the state passes a limit: the last that has a part in it. */
static void blame_set(struct expansion *x, uint32_t state)
{
	size_t len;
	const uint32_t *set = intern_get(&x->a->sets, state, &len);

	if (len) {
		const struct node *last = node_at(x->a, ITEM_NODE(set[len / sizeof(*set) - 1]));

		x->at = x->a->compile->clauses[last->clause].origin;
	}
}

static int state_expand(struct expansion *x, uint32_t number)
{
	struct state s = {0};
	size_t len;
	const uint32_t *set = intern_get(&x->a->sets, number, &len);
	int ret = set_outcome(x->a, set, len / sizeof(*set), &s.outcome);

	blame_set(x, number);
	if (!ret)
		ret = set_split(x, number);
	if (!ret)
		ret = globs_collect(x);
	if (!ret)
		ret = globs_store(x, &s);
	if (!ret)
		ret = masks_expand(x, &s);
	if (!ret)
		ret = names_expand(x, &s);
	if (!ret)
		((struct state *)x->a->states.data)[number] = s;
	return ret ?: state_limits(x);
}

/* The empty set, then that of all patterns' first nodes. */
static int states_start(struct expansion *x)
{
	uint32_t number;
	int ret = state_find(x, 0, &number);

	for (uint32_t i = 0; i < x->a->nodes.count && !ret; i++) {
		uint32_t clause = node_at(x->a, i)->clause;

		if (!i || clause != node_at(x->a, i - 1)->clause)
			ret = item_add(&x->set, ITEM(i, x->a->compile->clauses[clause].ops));
	}
	return ret ?: state_find(x, 0, &number);
}

static void expansion_free(struct expansion *x)
{
	list_free(&x->base);
	list_free(&x->names);
	list_free(&x->globs);
	list_free(&x->set);
}

int automaton_build(struct automaton *a)
{
	__attribute__((cleanup(expansion_free))) struct expansion x = {.a = a};
	int ret = nodes_build(a);

	if (!ret)
		ret = states_start(&x);
	for (uint32_t i = 0; i < a->states.count && !ret; i++)
		ret = state_expand(&x, i);
	return ret;
}

void automaton_free(struct automaton *a)
{
	list_free(&a->nodes);
	intern_free(&a->names);
	intern_free(&a->globs);
	intern_free(&a->closed);
	list_free(&a->pruned);
	intern_free(&a->sets);
	list_free(&a->states);
	list_free(&a->arcs);
	list_free(&a->glob_lists);
}
