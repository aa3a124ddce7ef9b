/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moore's algorithm: states start in one class where they decide alike, and part when some name leads them
 * to different classes, until none do. A state's signature says in one form where every name leads, so
 * equal ones are equal bytes; those of the last round are the merged automaton. Classes are numbered as
 * they first appear, in every round: when their count stays, their numbers do.
 */
#include <string.h>

#include "policy/automaton.h"

#define MASKS	(1u << TABLE_GLOBS)
#define NOWHERE UINT32_MAX

struct merging {
	struct automaton *a;
	struct list outcomes; /* uint32_t, the number of each state's */
	struct list classes;  /* uint32_t, of each state */
	struct list signature;
	uint32_t direct[MASKS]; /* class that each combination of globs leads to */
	uint32_t needed[MASKS]; /* the same with globs left out that change nothing */
	unsigned globs;		/* mask of those that do */
};

static uint32_t class_of(const struct merging *m, uint32_t state)
{
	return ((const uint32_t *)m->classes.data)[state];
}

static const struct arc *arc_at(const struct merging *m, size_t i)
{
	return (const struct arc *)m->a->arcs.data + i;
}

static void masks_load(struct merging *m, const struct state *s)
{
	for (size_t i = 0; i < 1u << s->glob_count; i++)
		m->direct[i] = NOWHERE;
	m->direct[0] = class_of(m, s->other);
	for (size_t i = 0; i < s->mask_count; i++) {
		const struct arc *arc = arc_at(m, s->masks + i);

		m->direct[arc->label] = class_of(m, arc->to);
	}
	memcpy(m->needed, m->direct, sizeof(m->direct[0]) << s->glob_count);
	m->globs = (1u << s->glob_count) - 1;
}

/* Whether every name goes where it would if this glob were not there. */
static bool glob_needless(const struct merging *m, unsigned masks, unsigned bit)
{
	for (unsigned mask = 0; mask < masks; mask++) {
		uint32_t with = m->needed[mask | bit], without = m->needed[mask & ~bit];

		if (with != NOWHERE && without != NOWHERE && with != without)
			return false;
	}
	return true;
}

static void glob_remove(struct merging *m, unsigned masks, unsigned bit)
{
	for (unsigned mask = 0; mask < masks; mask++) {
		if (!(mask & bit))
			continue;
		if (m->needed[mask & ~bit] == NOWHERE)
			m->needed[mask & ~bit] = m->needed[mask];
		m->needed[mask] = NOWHERE;
	}
	m->globs &= ~bit;
}

static void masks_reduce(struct merging *m, const struct state *s)
{
	unsigned masks = 1u << s->glob_count;

	for (unsigned bit = 1; bit < masks; bit <<= 1) {
		if (glob_needless(m, masks, bit))
			glob_remove(m, masks, bit);
	}
}

/* The mask in terms of the globs that are left. */
static uint32_t mask_pack(unsigned mask, unsigned left)
{
	uint32_t packed = 0, to = 1;

	for (; left; left &= left - 1, to <<= 1)
		packed |= mask & left & -left ? to : 0;
	return packed;
}

static int put_globs(struct merging *m, const struct state *s, uint32_t *count)
{
	const uint32_t *globs = m->a->glob_lists.data;

	for (size_t i = 0; i < s->glob_count; i++) {
		if (!(m->globs >> i & 1))
			continue;
		if (item_add(&m->signature, globs[s->globs + i]))
			return -ENOMEM;
		++*count;
	}
	return 0;
}

static int put_masks(struct merging *m, const struct state *s, uint32_t *count)
{
	for (unsigned mask = 1; mask < 1u << s->glob_count; mask++) {
		if (m->needed[mask] == NOWHERE)
			continue;
		if (item_add(&m->signature, mask_pack(mask, m->globs)) ||
		    item_add(&m->signature, m->needed[mask]))
			return -ENOMEM;
		++*count;
	}
	return 0;
}

static int put_names(struct merging *m, const struct state *s, uint32_t *count)
{
	for (size_t i = 0; i < s->name_count; i++) {
		const struct arc *arc = arc_at(m, s->names + i);

		if (class_of(m, arc->to) == m->direct[arc->mask])
			continue;
		if (item_add(&m->signature, arc->label) || item_add(&m->signature, class_of(m, arc->to)))
			return -ENOMEM;
		++*count;
	}
	return 0;
}

static int signature_write(struct merging *m, uint32_t number)
{
	const struct state *s = (const struct state *)m->a->states.data + number;
	struct merged_state head = {.self = class_of(m, number), .other = class_of(m, s->other)};
	const size_t words = sizeof(head) / sizeof(uint32_t);

	head.outcome = ((const uint32_t *)m->outcomes.data)[number];
	m->signature.count = 0;
	for (size_t i = 0; i < words; i++) {
		if (item_add(&m->signature, 0))
			return -ENOMEM;
	}
	masks_load(m, s);
	masks_reduce(m, s);
	if (put_globs(m, s, &head.glob_count) || put_masks(m, s, &head.mask_count) ||
	    put_names(m, s, &head.name_count))
		return -ENOMEM;
	memcpy(m->signature.data, &head, sizeof(head));
	m->a->compile->work += s->name_count + (s->glob_count << s->glob_count) + 1;
	return 0;
}

/* One round: every state's new class, and the signatures behind them. */
static int round_run(struct merging *m, struct intern *signatures)
{
	_cleanup_list_ struct list next = {0};
	struct list swap;
	uint32_t number;

	for (uint32_t i = 0; i < m->a->states.count; i++) {
		if (signature_write(m, i) ||
		    intern_put(signatures, m->signature.data, m->signature.count * sizeof(uint32_t),
			       &number) ||
		    item_add(&next, number))
			return -ENOMEM;
	}
	swap = m->classes;
	m->classes = next;
	next = swap;
	return work_check(m->a->compile, NULL);
}

static int outcomes_number(struct merging *m, struct intern *outcomes)
{
	const struct state *states = m->a->states.data;
	uint32_t number;

	for (size_t i = 0; i < m->a->states.count; i++) {
		if (intern_put(outcomes, &states[i].outcome, sizeof(states[i].outcome), &number) ||
		    item_add(&m->outcomes, number) || item_add(&m->classes, number))
			return -ENOMEM;
	}
	return 0;
}

static int rounds_run(struct merging *m, struct merged *merged)
{
	size_t before = 0, count = intern_count(&merged->outcomes);
	int ret = 0;

	while (!ret && count != before) {
		before = count;
		intern_free(&merged->states);
		ret = round_run(m, &merged->states);
		count = intern_count(&merged->states);
	}
	return ret;
}

static void merging_free(struct merging *m)
{
	list_free(&m->outcomes);
	list_free(&m->classes);
	list_free(&m->signature);
}

int automaton_merge(struct automaton *a, struct merged *merged)
{
	__attribute__((cleanup(merging_free))) struct merging m = {.a = a};
	struct merged result = {0};
	int ret = outcomes_number(&m, &result.outcomes);

	if (!ret)
		ret = rounds_run(&m, &result);
	if (ret) {
		merged_free(&result);
		return ret;
	}
	result.start = a->states.count > 1 ? class_of(&m, 1) : 0;
	*merged = result;
	return 0;
}

void merged_free(struct merged *m)
{
	intern_free(&m->states);
	intern_free(&m->outcomes);
}
