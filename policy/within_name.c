/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names enough to reach whatever one component can reach from a pair of states.
 *
 * A state tells names apart in two ways: by its edges that bear one, and by which of its globs
 * (prefix*suffix) match. So the names that edges of either state bear are tried one by one. For the rest only
 * the globs of both count. Take all prefixes and all suffixes of those globs, the empty ones included. Of a
 * name let P be the longest of the prefixes that it begins with, and Q the longest of the suffixes that it
 * ends in. The prefixes that it begins with are those that P begins with, likewise the suffixes; so
 *
 * - names longer than P and Q together match just the globs whose prefix P begins with and whose suffix Q
 * ends in, for none of those is longer than the name. One such name that no edge bears stands for all. It is
 *   sought among P.f.Q: where f may have 3 bytes there are more of those than a table can have edges, and
 * where it may not, all are looked at; when there is none then there is none to prove anything of.
 * - of the other names there is one for each length, in which P and Q touch or overlap. Each is tried.
 *
 * All are tried by decide_step() itself, so that a name too many does no harm: it is a name, and what it
 * leads to is reached.
 */
#include <string.h>

#include "policy/within_internal.h"

#define TEXTS (2 * TABLE_GLOBS + 1)

struct text {
	const char *at;
	uint32_t len;
};

struct texts { /* distinct, the first is empty */
	struct text list[TEXTS];
	unsigned count;
};

struct naming {
	struct within *w;
	struct pair at;
	name_fn fn;
	void *arg;
	uint32_t tables; /* and globs, that a name is held against */
	struct texts prefixes, suffixes;
};

/* ---- edges by state ---- */

void named_free(struct side *side)
{
	free(side->named.first);
	free(side->named.edges);
}

static bool edge_is_sound(const struct table *t, const struct cell_edge *e)
{
	return !(e->from & 1) && e->from < t->cells[0].head.edge_base;
}

/* Counting sort: first[] holds ends until the edges are put, last first. */
static void edges_sort(const struct table *t, struct named *n, uint32_t states)
{
	const struct cell_head *head = &t->cells[0].head;

	for (uint32_t i = 1; i <= states; i++)
		n->first[i] += n->first[i - 1];
	for (uint32_t i = head->edge_base + head->edge_mask + 1; i-- > head->edge_base;) {
		const struct cell_edge *e = &t->cells[i].edge;

		if (e->from && e->name)
			n->edges[--n->first[e->from / 2]] = i;
	}
}

int named_build(struct side *side)
{
	const struct table *t = side->table;
	const struct cell_head *head = &t->cells[0].head;
	uint32_t states = head->edge_base / 2 + 1, count = 0;

	side->named.first = calloc((size_t)states + 1, sizeof(uint32_t));
	if (!side->named.first)
		return -ENOMEM;
	for (uint32_t i = head->edge_base; i <= head->edge_base + head->edge_mask; i++) {
		const struct cell_edge *e = &t->cells[i].edge;

		if (e->from && !edge_is_sound(t, e))
			return -EINVAL;
		side->named.first[e->from / 2] += e->from && e->name;
		count += e->from && e->name;
	}
	side->named.edges = calloc((size_t)count + 1, sizeof(uint32_t));
	if (!side->named.edges)
		return -ENOMEM;
	edges_sort(t, &side->named, states);
	return 0;
}

static int text_at(const struct table *t, uint32_t ref, struct text *text)
{
	uint32_t len = NAME_LEN(ref);

	if (ref && (uint64_t)NAME_CELL(ref) + (len + 15) / 16 > t->count)
		return -EINVAL;
	*text = ref ? (struct text){(const char *)(t->cells + NAME_CELL(ref)), len} : (struct text){"", 0};
	return 0;
}

/* ---- one name ---- */

static bool is_name(const char *name, size_t len)
{
	return len && len <= NAME_BYTES && !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

/* What a name costs: the look-up, and each chunk of it with each of `tables`. */
static int name_work(struct naming *n, size_t len)
{
	return work_add(n->w, n->tables * (len / 16 + 4));
}

static int name_try(struct naming *n, const char *name, size_t len)
{
	const struct pair *at = &n->at;
	struct pair to;

	if (!is_name(name, len))
		return 0;
	if (name_work(n, len))
		return -E2BIG;
	to.child = decide_step(n->w->child.table, at->child, name_at(name), (__u32)len);
	if (!to.child)
		return 0;
	to.parent = decide_step(n->w->parent.table, at->parent, name_at(name), (__u32)len);
	return n->fn(n->arg, name, len, &to);
}

static int edges_try(struct naming *n, const struct side *side, uint32_t state)
{
	const uint32_t *first = side->named.first + state / 2;
	int ret = 0;

	if (state >= side->table->cells[0].head.edge_base)
		return -EINVAL;
	for (uint32_t i = first[0]; state && i < first[1] && !ret; i++) {
		struct text text;

		ret = text_at(side->table, side->table->cells[side->named.edges[i]].edge.name, &text);
		if (!ret)
			ret = name_try(n, text.at, text.len);
	}
	return ret;
}

/* ---- the globs' texts ---- */

static void text_add(struct texts *texts, const struct text *text)
{
	for (unsigned i = 0; i < texts->count; i++) {
		if (texts->list[i].len == text->len && !memcmp(texts->list[i].at, text->at, text->len))
			return;
	}
	texts->list[texts->count++] = *text;
}

static int globs_collect(struct naming *n, const struct table *t, uint32_t state)
{
	const struct cell_state *s = &t->cells[state].state;

	for (uint32_t i = 0; state && i < s->nglobs && i < TABLE_GLOBS; i++) {
		const union cell *c = table_cell(t, s->globs + i);
		struct text prefix, suffix;

		if (!c || text_at(t, c->glob.prefix, &prefix) || text_at(t, c->glob.suffix, &suffix))
			return -EINVAL;
		text_add(&n->prefixes, &prefix);
		text_add(&n->suffixes, &suffix);
		n->tables++;
	}
	return 0;
}

static uint32_t longest_prefix(const struct texts *texts, const char *name, uint32_t len)
{
	uint32_t best = 0;

	for (unsigned i = 0; i < texts->count; i++) {
		const struct text *t = &texts->list[i];

		if (t->len > best && t->len <= len && !memcmp(name, t->at, t->len))
			best = t->len;
	}
	return best;
}

static uint32_t longest_suffix(const struct texts *texts, const char *name, uint32_t len)
{
	uint32_t best = 0;

	for (unsigned i = 0; i < texts->count; i++) {
		const struct text *t = &texts->list[i];

		if (t->len > best && t->len <= len && !memcmp(name + len - t->len, t->at, t->len))
			best = t->len;
	}
	return best;
}

/* ---- names of one prefix and one suffix ---- */

/* Those in which the two touch or overlap. */
static int short_try(struct naming *n, const struct text *p, const struct text *q)
{
	uint32_t most = p->len < q->len ? p->len : q->len;
	char name[2 * NAME_BYTES];
	int ret = work_add(n->w, most + 1);

	memcpy(name, p->at, p->len);
	for (uint32_t both = 0; both <= most && !ret; both++) {
		if (memcmp(p->at + p->len - both, q->at, both))
			continue;
		memcpy(name + p->len, q->at + both, q->len - both);
		ret = name_try(n, name, p->len + q->len - both);
	}
	return ret;
}

/* Whether an edge of one of the states bears the name. */
static bool is_borne(const struct naming *n, const char *name, uint32_t len)
{
	return step_by_name(n->w->child.table, n->at.child, name_at(name), len) > 0 ||
	       (n->at.parent && step_by_name(n->w->parent.table, n->at.parent, name_at(name), len) > 0);
}

static bool stands_for(const struct naming *n, const char *name, uint32_t len, const struct text *p,
		       const struct text *q)
{
	return is_name(name, len) && longest_prefix(&n->prefixes, name, len) == p->len &&
	       longest_suffix(&n->suffixes, name, len) == q->len && !is_borne(n, name, len);
}

#define BYTES 254u /* that a name may hold: neither NUL nor '/' */

/* The i-th of them; those that are good to read come first. */
static char byte_at(uint32_t i)
{
	static const char first[] = "xyzabcdefghijklmnopqrstuvw0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	const uint32_t count = sizeof(first) - 1;

	if (i < count)
		return first[i];
	for (uint32_t c = 1, rest = i - count;; c++) {
		if (c != '/' && !(c < 128 && strchr(first, (int)c)) && !rest--)
			return (char)c;
	}
}

/* The i-th filling of `size` bytes, 3 at most. Its ends, which may make the prefix or suffix a longer one,
 * change first. */
static void fill(char *at, uint32_t size, uint32_t i)
{
	at[0] = byte_at(i % BYTES);
	if (size > 1)
		at[size - 1] = byte_at(i / BYTES % BYTES);
	if (size > 2)
		at[1] = byte_at(i / BYTES / BYTES);
}

static int long_try(struct naming *n, const struct text *p, const struct text *q)
{
	char name[2 * NAME_BYTES + 3];
	uint32_t fillings = BYTES;

	memcpy(name, p->at, p->len);
	for (uint32_t size = 1; size <= 3 && p->len + size + q->len <= NAME_BYTES; size++) {
		uint32_t len = p->len + size + q->len;

		memcpy(name + p->len + size, q->at, q->len);
		for (uint32_t i = 0; i < fillings; i++) {
			if (name_work(n, len))
				return -E2BIG;
			fill(name + p->len, size, i);
			if (stands_for(n, name, len, p, q))
				return name_try(n, name, len);
		}
		fillings *= BYTES;
	}
	return 0;
}

static int classes_try(struct naming *n)
{
	int ret = 0;

	for (unsigned i = 0; i < n->prefixes.count; i++) {
		for (unsigned j = 0; j < n->suffixes.count && !ret; j++) {
			ret = short_try(n, &n->prefixes.list[i], &n->suffixes.list[j]);
			if (!ret)
				ret = long_try(n, &n->prefixes.list[i], &n->suffixes.list[j]);
		}
	}
	return ret;
}

int names_each(struct within *w, const struct pair *at, name_fn fn, void *arg)
{
	struct naming n = {.w = w, .at = *at, .fn = fn, .arg = arg, .tables = 2};
	int ret;

	n.prefixes = n.suffixes = (struct texts){{{"", 0}}, 1};
	ret = edges_try(&n, &w->child, at->child);
	if (!ret)
		ret = edges_try(&n, &w->parent, at->parent);
	if (!ret)
		ret = globs_collect(&n, w->child.table, at->child);
	if (!ret)
		ret = globs_collect(&n, w->parent.table, at->parent);
	return ret ?: classes_try(&n);
}
