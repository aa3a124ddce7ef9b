/* SPDX-License-Identifier: Apache-2.0 */
/* Merged automaton and addresses to cells. */
#ifndef DEPUTY_TABLE_H
#define DEPUTY_TABLE_H

#include "policy/automaton.h"

struct table_edge {
	struct cell_edge cell; /* of a name: hash and name are still open */
	uint32_t text;	       /* of a name: its number in texts */
	bool is_name;
};

/* The edge hash: a power of two of cells, and the seed with which the edges fit it. */
struct edge_hash {
	union cell *cells;
	uint32_t size;
	uint32_t seed;
};

/*
 * Fills *hash, its cells to be freed by the caller. Takes the smallest that keeps every edge within
 * TABLE_PROBES of its home. -ENOSPC with *size of the smallest not tried when more than `room` is needed.
 */
int edges_place(const struct list *edges, const struct intern *texts, uint64_t room, struct edge_hash *hash,
		uint64_t *size);

/* Byte strings that each take a run of cells, laid one after another. */
struct section {
	struct intern runs;
	struct list starts; /* uint32_t: of each run, from `base` */
	uint32_t base;
	uint64_t used;
};

struct layout {
	const struct automaton *a;
	const struct merged *m;
	const struct net *net;
	struct section texts;
	struct section globs; /* a run is the list of numbers in a->globs */
	struct section ports; /* a run is a list of struct cell_port */
	struct list edges;    /* struct table_edge */
	struct edge_hash hash;
	struct cell_masks masks;
	uint32_t net_base, edge_base;
	uint64_t total;
	union cell *cells;
};

/* The run of these bytes, laid out as `cells` cells when it is new. */
int section_put(struct section *s, const void *bytes, size_t len, uint32_t cells, uint32_t *run);
int text_put(struct layout *l, const char *text, size_t len, uint32_t *run);

static inline uint32_t run_cell(const struct section *s, uint32_t run)
{
	return s->base + ((const uint32_t *)s->starts.data)[run];
}

static inline const struct merged_state *merged_at(const struct layout *l, uint32_t i)
{
	size_t len;

	return intern_get(&l->m->states, i, &len);
}

/* Fills l->cells; everything has its place. */
int write_cells(struct layout *l);

int table_build(struct compile *c, const struct automaton *a, const struct merged *m, const struct net *net,
		struct table *table);

#endif
