/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns to nodes, and sets of them. */
#include <string.h>

#include "policy/automaton.h"

static int node_add(struct automaton *a, struct node node)
{
	struct node *at = list_add(&a->nodes, sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = node;
	return 0;
}

static int text_number(struct automaton *a, const struct part *part, uint32_t *number)
{
	char text[NAME_BYTES + 2], *end;

	if (part->kind == PART_NAME)
		return intern_put(&a->names, part_text(part->text), strlen(part_text(part->text)), number);
	if (part->kind != PART_GLOB)
		return 0;
	end = stpcpy(text, part_text(part->text)) + 1;
	end = stpcpy(end, part_text(part->suffix)) + 1;
	return intern_put(&a->globs, text, end - text, number);
}

struct part glob_part(const struct automaton *a, uint32_t id)
{
	size_t len;
	char *text = (char *)intern_get(&a->globs, id, &len);

	return (struct part){PART_GLOB, text, text + strlen(text) + 1};
}

/* The tree tells of its own root whatever names metadata there; only without that does it lead to itself. */
static bool needs_enter(const struct clause *clause, bool last)
{
	return clause->lead && !(last && clause->ops >> OP_METADATA & 1);
}

static int deep_add(struct automaton *a, uint32_t clause, bool last, bool lead)
{
	int ret = 0;

	if (lead && needs_enter(&a->compile->clauses[clause], last))
		ret = node_add(a, (struct node){clause, 0, NODE_ENTER, true});
	return ret ?: node_add(a, (struct node){clause, 0, last ? NODE_TREE : NODE_DEEP, false});
}

static int clause_nodes(struct automaton *a, uint32_t clause)
{
	static const uint8_t kinds[] = {
		[PART_NAME] = NODE_NAME, [PART_GLOB] = NODE_GLOB, [PART_ANY] = NODE_ANY};
	const struct pattern *p = &a->compile->clauses[clause].pattern;
	bool lead = a->compile->clauses[clause].lead;
	int ret = 0;

	for (size_t i = 0; i < p->count && !ret; i++) {
		struct node node = {.clause = clause, .lead = lead};

		if (p->parts[i].kind == PART_DEEP) {
			ret = deep_add(a, clause, i + 1 == p->count, lead);
		} else {
			node.kind = kinds[p->parts[i].kind];
			ret = text_number(a, &p->parts[i], &node.text);
			ret = ret ?: node_add(a, node);
		}
		lead = lead && p->parts[i].kind == PART_NAME;
	}
	if (ret || (p->count && p->parts[p->count - 1].kind == PART_DEEP))
		return ret;
	return node_add(a, (struct node){clause, 0, NODE_END, false});
}

int nodes_build(struct automaton *a)
{
	int ret = 0;

	for (size_t i = 0; i < a->compile->count && !ret; i++)
		ret = clause_nodes(a, (uint32_t)i);
	return ret;
}

/* ---- sets ---- */

static int item_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* `items` is sorted up to `sorted`, and mostly little follows. */
static void items_sort(uint32_t *items, size_t sorted, size_t count)
{
	if (count - sorted > 16) {
		qsort(items, count, sizeof(*items), item_compare);
		return;
	}
	for (size_t i = sorted ? sorted : 1; i < count; i++) {
		uint32_t item = items[i];
		size_t to = i;

		for (; to && items[to - 1] > item; to--)
			items[to] = items[to - 1];
		items[to] = item;
	}
}

/* What may come without a component: behind an ENTER its DEEP, behind a DEEP the next part. */
static int items_skip(const struct automaton *a, struct list *set, size_t from)
{
	for (size_t i = from; i < set->count; i++) {
		uint32_t item = ((uint32_t *)set->data)[i];
		unsigned kind = node_at(a, ITEM_NODE(item))->kind;

		if ((kind == NODE_DEEP || kind == NODE_ENTER) && item_add(set, item_next(item)))
			return -ENOMEM;
	}
	return 0;
}

/*
 * From a DEEP on every rest of a path may be taken up by it, so that nothing before it in the same pattern
 * can lead any further. Keeps its ENTER, which says something about this very place.
 */
static void items_reduce(const struct automaton *a, struct list *set)
{
	size_t kept = set->count, deep_of = SIZE_MAX;
	uint32_t *items = set->data;

	for (size_t i = set->count; i-- > 0;) {
		const struct node *n = node_at(a, ITEM_NODE(items[i]));

		if (deep_of == n->clause && n->kind != NODE_ENTER)
			continue;
		if (kept < set->count && items[kept] == items[i])
			continue;
		if (n->kind == NODE_DEEP || n->kind == NODE_TREE)
			deep_of = n->clause;
		items[--kept] = items[i];
	}
	set->count -= kept;
	memmove(items, items + kept, set->count * sizeof(*items));
}

int set_close(struct automaton *a, struct list *set, size_t closed)
{
	if (items_skip(a, set, closed))
		return -ENOMEM;
	a->compile->work += set->count + 1;
	if (set->count > closed) {
		items_sort(set->data, closed, set->count);
		items_reduce(a, set);
	}
	return 0;
}
