/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edge hash: open addressing in Robin Hood order. An edge further from its home displaces one that is
 * nearer to its own, which keeps the longest run short at loads where plain probing has runs of dozens.
 */
#include "policy/table.h"

#include "policy/decide_env.h"

#define SEEDS 8u /* tried at each size */

struct placing {
	const struct list *edges;
	const struct intern *texts;
	uint32_t *hashes; /* of each text, with this seed */
	struct edge_hash *hash;
};

static void texts_hash(struct placing *p)
{
	for (uint32_t i = 0; i < intern_count(p->texts); i++) {
		size_t len;
		const char *text = intern_get(p->texts, i, &len);

		p->hashes[i] = name_hash(name_at(text), (__u32)len, p->hash->seed);
	}
}

static bool same_key(const struct cell_edge *a, const struct cell_edge *b)
{
	return a->from == b->from && a->hash == b->hash && !a->name == !b->name;
}

/* -EAGAIN: too long a run, or two edges that edge_find() could not tell apart. */
static int edge_put(struct edge_hash *h, struct cell_edge edge)
{
	uint32_t mask = h->size - 1, at = edge_home(edge.from, edge.hash) & mask;

	for (uint32_t far = 0; far < TABLE_PROBES; far++, at = (at + 1) & mask) {
		struct cell_edge *cell = &h->cells[at].edge, held = *cell;
		uint32_t held_far = (at - edge_home(held.from, held.hash)) & mask;

		if (held.from && same_key(&held, &edge))
			return -EAGAIN;
		if (held.from && held_far >= far)
			continue;
		*cell = edge;
		if (!held.from)
			return 0;
		edge = held;
		far = held_far;
	}
	return -EAGAIN;
}

static int edges_try(struct placing *p)
{
	const struct table_edge *edges = p->edges->data;
	int ret = 0;

	memset(p->hash->cells, 0, p->hash->size * sizeof(*p->hash->cells));
	for (size_t i = 0; i < p->edges->count && !ret; i++) {
		struct cell_edge cell = edges[i].cell;

		if (edges[i].is_name)
			cell.hash = p->hashes[edges[i].text];
		ret = edge_put(p->hash, cell);
	}
	return ret;
}

static int seeds_try(struct placing *p)
{
	int ret = -EAGAIN;

	free(p->hash->cells);
	p->hash->cells = calloc(p->hash->size, sizeof(*p->hash->cells));
	if (!p->hash->cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < SEEDS && ret == -EAGAIN; i++) {
		p->hash->seed++;
		texts_hash(p);
		ret = edges_try(p);
	}
	return ret;
}

int edges_place(const struct list *edges, const struct intern *texts, uint64_t room, struct edge_hash *hash,
		uint64_t *size)
{
	struct edge_hash result = {.size = 1};
	struct placing p = {edges, texts, calloc(intern_count(texts) + 1, sizeof(uint32_t)), &result};
	int ret = p.hashes ? -EAGAIN : -ENOMEM;

	while (result.size < edges->count + edges->count / 4)
		result.size *= 2;
	for (; ret == -EAGAIN && result.size <= room; result.size *= ret == -EAGAIN ? 2 : 1)
		ret = seeds_try(&p);
	free(p.hashes);
	if (!ret) {
		*hash = result;
		return 0;
	}
	*size = result.size;
	free(result.cells);
	return ret == -EAGAIN ? -ENOSPC : ret;
}
