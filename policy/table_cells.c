/* SPDX-License-Identifier: Apache-2.0 */
/* The cells, once everything has its place. */
#include <string.h>

#include "policy/table.h"

static void write_heads(struct layout *l)
{
	l->cells[0].head =
		(struct cell_head){TABLE_MAGIC, (uint32_t)l->total, l->edge_base, l->hash.size - 1};
	l->cells[1].head2 = (struct cell_head2){l->hash.seed, 2 * l->m->start, l->net_base,
						(uint32_t)l->net->intervals.count};
}

static int write_state(struct layout *l, uint32_t i)
{
	const struct merged_state *s = merged_at(l, i);
	const struct outcome *outcome;
	uint32_t run;
	size_t len;
	int ret = section_put(&l->globs, s->more, s->glob_count * sizeof(uint32_t), s->glob_count, &run);

	if (ret)
		return ret;
	outcome = intern_get(&l->m->outcomes, s->outcome, &len);
	l->cells[2 * i].state = (struct cell_state){.other = 2 * s->other,
						    .globs = s->glob_count ? run_cell(&l->globs, run) : 0,
						    .nglobs = (__u16)s->glob_count,
						    .allow = (__u8)outcome->allow,
						    .named = s->name_count || s->glob_count};
	memcpy(l->cells[2 * i + 1].rules.rule, outcome->rule, sizeof(outcome->rule));
	return 0;
}

static int text_ref(struct layout *l, const char *text, uint32_t *ref)
{
	size_t len = strlen(text);
	uint32_t run;
	int ret = text_put(l, text, len, &run);

	*ref = ret || !len ? 0 : NAME_REF(run_cell(&l->texts, run), len);
	return ret;
}

static int write_globs(struct layout *l)
{
	int ret = 0;

	for (uint32_t run = 0; run < intern_count(&l->globs.runs) && !ret; run++) {
		union cell *cell = l->cells + run_cell(&l->globs, run);
		size_t len;
		const uint32_t *ids = intern_get(&l->globs.runs, run, &len);

		for (size_t i = 0; i < len / sizeof(*ids) && !ret; i++, cell++) {
			struct part glob = glob_part(l->a, ids[i]);

			ret = text_ref(l, glob.text, &cell->glob.prefix);
			ret = ret ?: text_ref(l, glob.suffix, &cell->glob.suffix);
		}
	}
	return ret;
}

/* Runs whose bytes are their cells, the last one filled up with zeros. */
static void write_runs(struct layout *l, const struct section *s)
{
	for (uint32_t run = 0; run < intern_count(&s->runs); run++) {
		size_t len;
		const void *bytes = intern_get(&s->runs, run, &len);

		memcpy(l->cells + run_cell(s, run), bytes, len);
	}
}

static void write_net(struct layout *l)
{
	const struct net_interval *intervals = l->net->intervals.data;
	union cell *cell = l->cells + l->net_base;

	for (size_t i = 0; i < l->net->intervals.count; i++, cell += 2) {
		size_t len;

		intern_get(&l->net->ports, intervals[i].ports, &len);
		cell[0].addr = intervals[i].start;
		cell[1].ports.count = (uint32_t)(len / sizeof(struct cell_port));
		cell[1].ports.base = len ? run_cell(&l->ports, intervals[i].ports) : 0;
	}
}

int write_cells(struct layout *l)
{
	int ret = 0;

	l->cells = calloc(l->total, sizeof(*l->cells));
	if (!l->cells)
		return -ENOMEM;
	write_heads(l);
	for (uint32_t i = 1; i < intern_count(&l->m->states) && !ret; i++)
		ret = write_state(l, i);
	if (!ret)
		ret = write_globs(l);
	write_runs(l, &l->texts);
	write_runs(l, &l->ports);
	write_net(l);
	l->cells[l->total - 1].masks = l->masks;
	memcpy(l->cells + l->edge_base, l->hash.cells, l->hash.size * sizeof(*l->cells));
	return ret;
}
