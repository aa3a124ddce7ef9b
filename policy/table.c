/* SPDX-License-Identifier: Apache-2.0 */
/* The table's layout: heads, states, globs, texts, intervals, ports, edges. State n is at cell 2 * n. */
#include <string.h>

#include "policy/table.h"

int section_put(struct section *s, const void *bytes, size_t len, uint32_t cells, uint32_t *run)
{
	int ret = intern_put(&s->runs, bytes, len, run);

	if (ret || *run < s->starts.count)
		return ret;
	ret = item_add(&s->starts, (uint32_t)s->used);
	s->used += cells;
	return ret;
}

int text_put(struct layout *l, const char *text, size_t len, uint32_t *run)
{
	return section_put(&l->texts, text, len, (uint32_t)(len + 15) / 16, run);
}

static const uint32_t *masks_of(const struct merged_state *s)
{
	return s->more + s->glob_count;
}

static const uint32_t *names_of(const struct merged_state *s)
{
	return masks_of(s) + 2 * s->mask_count;
}

/* ---- what there is to lay out ---- */

static int edge_add(struct layout *l, struct table_edge edge)
{
	struct table_edge *at = list_add(&l->edges, sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = edge;
	return 0;
}

/* Globs that meet and lead to the dead state need no edge: none is found, and that is dead. */
static int masks_collect(struct layout *l, uint32_t state, const struct merged_state *s)
{
	const uint32_t *masks = masks_of(s);
	int ret = 0;

	for (uint32_t i = 0; i < s->mask_count && !ret; i++) {
		struct cell_edge cell = {2 * state, masks[2 * i], 2 * masks[2 * i + 1], 0};

		if (cell.next)
			ret = edge_add(l, (struct table_edge){.cell = cell});
	}
	return ret;
}

static int names_collect(struct layout *l, uint32_t state, const struct merged_state *s)
{
	const uint32_t *names = names_of(s);
	int ret = 0;

	for (uint32_t i = 0; i < s->name_count && !ret; i++) {
		struct table_edge edge = {.cell = {2 * state, 0, 2 * names[2 * i + 1], 0}, .is_name = true};
		size_t len;
		const char *name = intern_get(&l->a->names, names[2 * i], &len);

		ret = text_put(l, name, len, &edge.text);
		edge.cell.name = NAME_REF(0, len);
		if (!ret)
			ret = edge_add(l, edge);
	}
	return ret;
}

static int globs_collect(struct layout *l, const struct merged_state *s)
{
	uint32_t run;
	int ret = section_put(&l->globs, s->more, s->glob_count * sizeof(uint32_t), s->glob_count, &run);

	for (uint32_t i = 0; i < s->glob_count && !ret; i++) {
		struct part glob = glob_part(l->a, s->more[i]);

		ret = text_put(l, glob.text, strlen(glob.text), &run);
		if (!ret)
			ret = text_put(l, glob.suffix, strlen(glob.suffix), &run);
	}
	return ret;
}

static int ports_collect(struct layout *l)
{
	uint32_t run;
	int ret = 0;

	for (uint32_t i = 0; i < intern_count(&l->net->ports) && !ret; i++) {
		size_t len;
		const void *list = intern_get(&l->net->ports, i, &len);

		ret = section_put(&l->ports, list, len, (uint32_t)(len / sizeof(struct cell_port)), &run);
	}
	return ret;
}

static int collect(struct layout *l)
{
	int ret = ports_collect(l);

	for (uint32_t i = 1; i < intern_count(&l->m->states) && !ret; i++) {
		const struct merged_state *s = merged_at(l, i);

		ret = globs_collect(l, s);
		if (!ret)
			ret = masks_collect(l, i, s);
		if (!ret)
			ret = names_collect(l, i, s);
	}
	return ret;
}

/* ---- where it goes ---- */

static int refuse_size(struct compile *c, uint64_t cells)
{
	return compile_refuse(c, NULL, "use fewer rules, or rules for whole directories",
			      "the table needs %llu cells, the limit is %u", (unsigned long long)cells,
			      TABLE_CELLS);
}

static void edges_name(struct layout *l)
{
	struct table_edge *edges = l->edges.data;

	for (size_t i = 0; i < l->edges.count; i++) {
		if (edges[i].is_name)
			edges[i].cell.name =
				NAME_REF(run_cell(&l->texts, edges[i].text), NAME_LEN(edges[i].cell.name));
	}
}

static int place(struct compile *c, struct layout *l)
{
	uint64_t intervals = 2 * (uint64_t)l->net->intervals.count, edges = 0;
	uint64_t globs = 2 * (uint64_t)intern_count(&l->m->states), texts, net, ports;
	int ret;

	globs = globs < 2 ? 2 : globs;
	texts = globs + l->globs.used;
	net = texts + l->texts.used;
	ports = net + intervals;
	l->total = ports + l->ports.used;
	if (l->total + l->edges.count + 1 > TABLE_CELLS)
		return refuse_size(c, l->total + l->edges.count + 1);
	l->globs.base = (uint32_t)globs;
	l->texts.base = (uint32_t)texts;
	l->net_base = (uint32_t)net;
	l->ports.base = (uint32_t)ports;
	l->edge_base = (uint32_t)l->total;
	edges_name(l);
	ret = edges_place(&l->edges, &l->texts.runs, TABLE_CELLS - 1 - l->total, &l->hash, &edges);
	if (ret == -ENOSPC)
		return refuse_size(c, l->total + edges + 1);
	l->total += l->hash.size + 1;
	return ret;
}

static void section_free(struct section *s)
{
	intern_free(&s->runs);
	list_free(&s->starts);
}

static void layout_free(struct layout *l)
{
	section_free(&l->texts);
	section_free(&l->globs);
	section_free(&l->ports);
	list_free(&l->edges);
	free(l->hash.cells);
	free(l->cells);
}

static struct cell_masks masks_of_rules(const struct rules *rules)
{
	return (struct cell_masks){
		.privileges = rules->privileges.allow & ~rules->privileges.deny,
		.sockets = rules->sockets.allow & ~rules->sockets.deny,
	};
}

int table_build(struct compile *c, const struct automaton *a, const struct merged *m, const struct net *net,
		struct table *table)
{
	__attribute__((cleanup(layout_free))) struct layout l = {
		.a = a, .m = m, .net = net, .masks = masks_of_rules(c->rules)};
	int ret = collect(&l);

	if (!ret)
		ret = place(c, &l);
	if (!ret)
		ret = write_cells(&l);
	if (ret)
		return ret;
	table->cells = l.cells;
	table->count = (uint32_t)l.total;
	l.cells = NULL;
	return 0;
}
