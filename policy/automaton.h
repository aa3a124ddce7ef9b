/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clauses to a deterministic automaton over components.
 *
 * A node is a place in a clause's pattern: a part that the next component may match, or its end. A state
 * is the set of nodes that the components so far may have led to (subset construction).
 */
#ifndef DEPUTY_AUTOMATON_H
#define DEPUTY_AUTOMATON_H

#include <errno.h>

#include "policy/compile.h"

enum node_kind {
	NODE_NAME,
	NODE_GLOB,
	NODE_ANY,
	NODE_DEEP,
	NODE_ENTER, /* before a DEEP: the directory itself, not what is beneath */
	NODE_END,
	NODE_TREE, /* a last DEEP: matched, and so is all beneath */
};

struct node { /* what follows a node is the next one, but nothing follows NODE_END and NODE_TREE */
	uint32_t clause;
	uint32_t text; /* NODE_NAME, NODE_GLOB: a number in names or globs */
	uint8_t kind;
	bool lead; /* only names before: here is a directory that leads to what the clause grants */
};

/*
 * A set's element: a node, and the operations for which its clause still counts (automaton_prune.c). A set is
 * sorted, so all nodes of one clause are together.
 */
#define ITEM(node, ops) ((uint32_t)(node) << 8 | (ops))
#define ITEM_NODE(item) ((item) >> 8)
#define ITEM_OPS(item)	((item) & 255u)

_Static_assert((PATTERN_PARTS + 2) * (TABLE_RULES + 1) < 1u << 24, "nodes fit an item");

struct outcome { /* what a state says about each operation */
	uint16_t rule[FILE_OPS];
	uint16_t allow; /* bit per file_op */
};

_Static_assert(sizeof(struct outcome) == (FILE_OPS + 1) * 2, "no padding: outcomes are compared as bytes");

struct arc {
	uint32_t label; /* a name's number, or a mask of the state's globs */
	uint32_t to;
	uint32_t mask; /* of the state's globs that match the name */
};

struct state {
	struct outcome outcome;
	uint32_t other; /* where names without an arc lead that no glob matches */
	size_t globs, glob_count;
	size_t masks, mask_count; /* arcs of the satisfiable combinations of globs */
	size_t names, name_count; /* arcs of names */
};

struct automaton {
	struct compile *compile;
	struct list nodes;	/* struct node */
	struct intern names;	/* text of NODE_NAME */
	struct intern globs;	/* text of NODE_GLOB: prefix NUL suffix NUL */
	struct intern closed;	/* sets before pruning */
	struct list pruned;	/* uint32_t, the state of each */
	struct intern sets;	/* a state's number is its set's; 0 is the empty set */
	struct list states;	/* struct state */
	struct list arcs;	/* struct arc */
	struct list glob_lists; /* uint32_t */
	size_t items;		/* in all sets */
};

int nodes_build(struct automaton *a);
/* The part that glob number `id` is; its text belongs to the automaton. */
struct part glob_part(const struct automaton *a, uint32_t id);

static inline const struct node *node_at(const struct automaton *a, uint32_t node)
{
	return (const struct node *)a->nodes.data + node;
}

/* What follows the item once its part has matched. */
static inline uint32_t item_next(uint32_t item)
{
	return ITEM(ITEM_NODE(item) + 1, ITEM_OPS(item));
}

static inline int item_add(struct list *set, uint32_t item)
{
	uint32_t *at = list_add(set, sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = item;
	return 0;
}

/* State 0 is dead, 1 is "/", unless that is dead too. */
int automaton_build(struct automaton *a);
void automaton_free(struct automaton *a);

/*
 * Makes a set of the items, the first `closed` of which are one: sorted, with what may come without a
 * component, without what leads nowhere new.
 */
int set_close(struct automaton *a, struct list *set, size_t closed);
/* Takes from items the operations for which they cannot matter any more. */
int set_prune(struct automaton *a, struct list *set);
int set_outcome(struct automaton *a, const uint32_t *set, size_t count, struct outcome *outcome);

/* ---- globs that meet at one state (automaton_glob.c) ---- */
struct globs {
	struct part parts[TABLE_GLOBS];
	uint32_t ids[TABLE_GLOBS]; /* numbers in automaton.globs */
	unsigned count;
	unsigned conflicts[TABLE_GLOBS]; /* a mask: globs that no name of this one matches */
	unsigned above[TABLE_GLOBS];	 /* globs that every name of this one matches */
};

/* Fills in conflicts and above. */
void globs_relate(struct globs *g);
/* Whether a name may match these globs and no others. A few where none does only cost room. */
bool globs_meet(const struct globs *g, unsigned mask);
unsigned globs_of_name(const struct globs *g, const char *name, size_t len);

/* ---- the smallest automaton that says the same (automaton_merge.c) ---- */
struct merged {
	struct intern states; /* state 0 is dead. Each: uint32_t, in this order: */
	struct intern outcomes;
	uint32_t start;
};

struct merged_state {
	uint32_t self; /* its own number */
	uint32_t other;
	uint32_t outcome;
	uint32_t glob_count, mask_count, name_count;
	/* globs, then for each mask and then for each name: label, to */
	uint32_t more[];
};

int automaton_merge(struct automaton *a, struct merged *m);
void merged_free(struct merged *m);

#endif
