/* SPDX-License-Identifier: Apache-2.0 */
/* Inside within*.c. */
#ifndef DEPUTY_WITHIN_INTERNAL_H
#define DEPUTY_WITHIN_INTERNAL_H

#include <errno.h>

#include "policy/automaton.h"
#include "policy/decide_env.h"
#include "policy/within.h"

/* The edges of a table that bear names, in order of their states. */
struct named {
	uint32_t *first; /* of state s: edges[first[s / 2]] up to edges[first[s / 2 + 1]] */
	uint32_t *edges; /* cells */
};

struct side {
	const struct table *table;
	struct named named;
};

struct within {
	struct side child, parent;
	uint64_t work;
	struct policy_wider *wider;
};

/* A state of the child and one of the parent that some path leads to; 0 is dead. */
struct pair {
	uint32_t child, parent;
};

static inline bool head_is_sound(const struct table *t)
{
	const struct cell_head *head = t->count >= 3 ? &t->cells[0].head : NULL;

	return head && t->count <= TABLE_CELLS && head->magic == TABLE_MAGIC && head->cells == t->count &&
	       !(head->edge_mask & (head->edge_mask + 1)) &&
	       (uint64_t)head->edge_base + head->edge_mask + 2 == t->count;
}

static inline int work_add(struct within *w, uint64_t work)
{
	w->work += work;
	return w->work > WITHIN_WORK ? -E2BIG : 0;
}

static inline const char *rule_label(const struct table *t, uint32_t rule)
{
	return rule && rule <= t->rule_count ? t->rules[rule - 1] : NULL;
}

/* What both say of one operation. Always -EACCES. */
static inline int wider_set(struct within *w, enum wider_kind kind, unsigned number, const char *op,
			    struct verdict child, struct verdict parent)
{
	w->wider->kind = kind;
	w->wider->number = number;
	w->wider->op = op;
	w->wider->rule = rule_label(w->child.table, child.rule);
	w->wider->parent_rule = rule_label(w->parent.table, parent.rule);
	w->wider->child = child.action;
	w->wider->parent = parent.action;
	return -EACCES;
}

/* Each 0, -EACCES with *w->wider, or as policy_within(). */
int paths_within(struct within *w);
int net_within(struct within *w);

/* ---- names (within_name.c) ---- */
int named_build(struct side *side);
void named_free(struct side *side);

/* A name of `len` bytes leads on to a pair whose child is not dead. Non-zero ends the enumeration. */
typedef int (*name_fn)(void *arg, const char *name, size_t len, const struct pair *to);

/*
 * Calls `fn` for names enough: every pair that any one name leads to from `at` is reached by one of them.
 * Names come in the same order each time. 0, what `fn` returned, -E2BIG or -EINVAL.
 */
int names_each(struct within *w, const struct pair *at, name_fn fn, void *arg);

#endif
