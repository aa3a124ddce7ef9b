/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the compiler: rules -> clauses (compile_clause.c) -> automaton (automaton*.c) -> table (table*.c),
 * with the addresses going their own way (net.c).
 */
#ifndef DEPUTY_COMPILE_H
#define DEPUTY_COMPILE_H

#include <stdlib.h>

#include "policy/pattern.h"

/* No policy, however hostile, may hold the compiler up: each of these has an error of its own. */
#define COMPILE_STATES (1u << 18)
#define COMPILE_ITEMS  (1u << 24)   /* 4 bytes each, over all states */
#define COMPILE_ARCS   (1u << 23)   /* 12 bytes each, over all states */
#define COMPILE_WORK   (1ull << 28) /* elementary steps */
#define COMPILE_PAIRS  (1u << 22)   /* of clauses that are remembered, 8 bytes each */

/* ---- lists that double ---- */
struct list {
	void *data;
	size_t count, room;
};

/* The element appended, zeroed, or NULL: out of memory. Moves the others. */
void *list_add(struct list *list, size_t size);
void list_free(struct list *list);

/* NULL when there is none. */
static inline void *list_last(const struct list *list, size_t size)
{
	return list->count ? (char *)list->data + size * (list->count - 1) : NULL;
}

#define _cleanup_list_ __attribute__((cleanup(list_free)))

/* ---- byte strings to numbers: 0, 1, ... in order of first appearance ---- */
struct intern {
	struct list entries; /* struct intern_entry */
	uint8_t *bytes;
	size_t used, room;
	uint32_t *slots; /* number + 1 of an entry; 0 = free */
	size_t mask;
};

int intern_put(struct intern *in, const void *bytes, size_t len, uint32_t *id);
/* Aligned for any type, until the next intern_put(). */
const void *intern_get(const struct intern *in, uint32_t id, size_t *len);
size_t intern_count(const struct intern *in);
void intern_free(struct intern *in);

#define _cleanup_intern_ __attribute__((cleanup(intern_free)))

/* ---- clauses: the rules of one pattern as one. They tie, so the strictest verdict holds ---- */
struct clause {
	struct pattern pattern;
	const struct path_rule *origin; /* the first, to report errors at */
	uint8_t ops;			/* bit per file_op: some rule names it */
	uint8_t verdict[FILE_OPS];	/* enum rule_verdict */
	uint16_t rule[FILE_OPS];	/* the first with that verdict */
	uint16_t lead;			/* the first that allows anything, 0 = none */
};

struct relation { /* what clause_beats() found out */
	uint64_t *pairs;
	size_t count, mask;
};

struct compile {
	const struct rules *rules;
	struct policy_errors *errors;
	const char *file; /* for errors about no rule in particular */
	struct clause *clauses;
	size_t count;
	uint8_t alike[FILE_OPS]; /* at the first of operations that all clauses treat alike: those; else 0 */
	struct relation relation;
	uint64_t work;
};

int clauses_build(struct compile *c, const struct policy_vars *vars);
void clauses_free(struct compile *c);

/*
 * Whether clause a is more specific than b: it matches a strict subset of b's paths. A strict partial
 * order. Once the work is used up it says no: the next work_check() fails.
 */
bool clause_beats(struct compile *c, uint32_t a, uint32_t b);
/* -EINVAL, with the error reported, when the work is used up. */
int work_check(struct compile *c, const struct path_rule *at);

/* Reports at the rule, or at the policy for none. Always -EINVAL. */
int compile_refuse(struct compile *c, const struct path_rule *at, const char *hint, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- addresses ---- */
struct net {
	struct list intervals; /* struct net_interval, the first at :: */
	struct intern ports;   /* distinct lists of struct cell_port; number 0 is the empty one */
};

struct net_interval {
	struct cell_addr start;
	uint32_t ports; /* number in `ports` */
};

/* No interval at all when no rule names an address. Rules count on from `first`. */
int net_build(struct compile *c, uint32_t first, struct net *net);
void net_free(struct net *net);

#endif
