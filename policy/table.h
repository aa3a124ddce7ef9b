/* SPDX-License-Identifier: Apache-2.0 */
/* Merged automaton and addresses to cells. */
#ifndef DEPUTY_TABLE_H
#define DEPUTY_TABLE_H

#include "policy/automaton.h"

struct table_edge {
	struct cell_edge cell; /* of a name: hash and name are still open */
	uint32_t text;         /* of a name: its number in texts */
	bool is_name;
};

struct table_text {
	const char *bytes;
	size_t len;
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

int table_build(struct compile *c, const struct automaton *a, const struct merged *m, const struct net *net,
                struct table *table);

#endif
