/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a table is well formed: every index in range, every edge found where decide.h looks for it. */
#ifndef DEPUTY_TEST_COMPILE_CHECK_H
#define DEPUTY_TEST_COMPILE_CHECK_H

#include "policy/decide_env.h"
#include "test_compile_sample.h"

static inline void check_text(const struct table *t, uint32_t ref)
{
	uint32_t cells = (NAME_LEN(ref) + 15) / 16;

	if (!ref)
		return;
	assert_true(NAME_LEN(ref) > 0 && NAME_CELL(ref) >= 2 && NAME_CELL(ref) + cells <= t->count);
	for (uint32_t i = NAME_LEN(ref); i < 16 * cells; i++)
		assert_int_equal(t->cells[NAME_CELL(ref) + i / 16].b[i % 16], 0);
}

static inline void check_state(const struct table *t, uint32_t at)
{
	const struct cell_state *s = &t->cells[at].state;

	assert_true(at + 1 < t->count && !(at & 1));
	assert_true(s->nglobs <= TABLE_GLOBS && s->globs + s->nglobs <= t->count);
	assert_true(!s->hold && s->named <= 1);
	for (uint32_t i = 0; i < s->nglobs; i++) {
		check_text(t, t->cells[s->globs + i].glob.prefix);
		check_text(t, t->cells[s->globs + i].glob.suffix);
	}
	for (int op = 0; op < FILE_OPS; op++) {
		uint16_t rule = t->cells[at + 1].rules.rule[op];

		assert_true(rule <= t->rule_count && (rule || !(s->allow >> op & 1)));
	}
}

static inline void check_edge(const struct table *t, uint32_t at, const uint8_t *seen)
{
	const struct cell_edge *e = &t->cells[at].edge;

	assert_true(e->from < t->count && seen[e->from]);
	assert_int_equal(edge_find(t, e->from, e->hash, !!e->name), at);
	if (e->name) {
		char text[272];

		check_text(t, e->name);
		memcpy(text, t->cells[NAME_CELL(e->name)].b, NAME_LEN(e->name));
		assert_int_equal(e->hash,
				 name_hash(name_at(text), NAME_LEN(e->name), t->cells[1].head2.seed));
	} else {
		assert_true(e->hash && e->hash < 1u << t->cells[e->from].state.nglobs && e->next);
	}
}

static inline void visit_state(const struct table *t, uint32_t at, uint8_t *seen, uint32_t *queue,
			       uint32_t *count)
{
	assert_true(at < t->count);
	if (!at || seen[at])
		return;
	check_state(t, at);
	seen[at] = 1;
	queue[(*count)++] = at;
}

static inline int edge_by_from(const void *a, const void *b)
{
	const struct cell_edge *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* The edges in order of their states; *count of them. To be freed. */
static inline struct cell_edge *edges_sorted(const struct table *t, uint32_t *count)
{
	const struct cell_head *h = &t->cells[0].head;
	struct cell_edge *list = calloc(h->edge_mask + 1, sizeof(*list));

	*count = 0;
	for (uint32_t i = 0; i <= h->edge_mask; i++) {
		if (t->cells[h->edge_base + i].edge.from)
			list[(*count)++] = t->cells[h->edge_base + i].edge;
	}
	qsort(list, *count, sizeof(*list), edge_by_from);
	return list;
}

/* Walks from the start; returns how many states it meets. */
static inline uint32_t check_paths(const struct table *t)
{
	const struct cell_head *h = &t->cells[0].head;
	uint32_t *queue = calloc(t->count, sizeof(*queue)), count = 0, edges;
	uint8_t *seen = calloc(t->count, 1);
	struct cell_edge *list = edges_sorted(t, &edges);

	visit_state(t, t->cells[1].head2.start, seen, queue, &count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t lo = 0, hi = edges;

		visit_state(t, t->cells[queue[i]].state.other, seen, queue, &count);
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (list[mid].from < queue[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < edges && list[lo].from == queue[i]; lo++)
			visit_state(t, list[lo].next, seen, queue, &count);
	}
	for (uint32_t i = 0; i <= h->edge_mask; i++) {
		if (t->cells[h->edge_base + i].edge.from)
			check_edge(t, h->edge_base + i, seen);
	}
	free(list);
	free(seen);
	free(queue);
	return count;
}

static inline void check_ports(const struct table *t, const struct cell_ports *p)
{
	assert_true(p->count <= 65536 && p->base + p->count <= t->count);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct cell_port *port = &t->cells[p->base + i].port;

		assert_true(i ? port->lo > port[-1].lo : !port->lo);
		assert_true(!i || port->allow != port[-1].allow || memcmp(port->rule, port[-1].rule, 8));
		for (int op = 0; op < NET_OPS; op++)
			assert_true(port->rule[op] <= t->rule_count &&
				    (port->rule[op] || !(port->allow >> op & 1)));
	}
}

static inline void check_net(const struct table *t)
{
	const struct cell_head2 *h = &t->cells[1].head2;

	assert_true(h->net_base + 2 * h->net_count <= t->count);
	for (uint32_t i = 0; i < h->net_count; i++) {
		const union cell *c = &t->cells[h->net_base + 2 * i];

		if (!i)
			assert_true(!c->addr.hi && !c->addr.lo);
		else
			assert_true(c[-2].addr.hi < c->addr.hi ||
				    (c[-2].addr.hi == c->addr.hi && c[-2].addr.lo < c->addr.lo));
		assert_true(!i || c[-1].ports.base != c[1].ports.base ||
			    c[-1].ports.count != c[1].ports.count);
		check_ports(t, &c[1].ports);
	}
}

/* Number of live states. */
static inline uint32_t check_table(const struct table *t)
{
	const struct cell_head *h = &t->cells[0].head;

	assert_true(t->count >= 3 && t->count <= TABLE_CELLS);
	assert_int_equal(h->magic, TABLE_MAGIC);
	assert_int_equal(h->cells, t->count);
	assert_int_equal(h->edge_mask & (h->edge_mask + 1), 0);
	assert_int_equal((uint64_t)h->edge_base + h->edge_mask + 2, t->count);
	check_net(t);
	return check_paths(t);
}

#endif
