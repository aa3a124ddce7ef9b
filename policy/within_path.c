/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: a walk over the pairs of states, one of each table, that one and the same path leads to. At each
 * pair the child's verdicts may be no more than the parent's. The walk is breadth first, so that the example
 * of what is wider is the shortest there is.
 */
#include <string.h>

#include "policy/within_internal.h"

struct walk {
	struct within *w;
	struct intern pairs; /* struct pair */
	struct list from;    /* uint32_t: of each pair, the number of the one that led to it */
	uint32_t now;
};

static struct pair pair_at(const struct walk *walk, uint32_t number)
{
	size_t len;

	return *(const struct pair *)intern_get(&walk->pairs, number, &len);
}

static int pair_add(void *arg, const char *name, size_t len, const struct pair *to)
{
	struct walk *walk = arg;
	uint32_t number;

	(void)name;
	(void)len;
	if (intern_put(&walk->pairs, to, sizeof(*to), &number))
		return -ENOMEM;
	if (number < walk->from.count)
		return 0;
	if (number >= WITHIN_PAIRS)
		return -E2BIG;
	return item_add(&walk->from, walk->now);
}

/* ---- the way to a pair, found again by the names in the order in which they were found before ---- */

struct last_name {
	struct pair to;
	char name[NAME_BYTES];
	size_t len;
};

static int name_note(void *arg, const char *name, size_t len, const struct pair *to)
{
	struct last_name *last = arg;

	if (to->child != last->to.child || to->parent != last->to.parent)
		return 0;
	memcpy(last->name, name, len);
	last->len = len;
	return 1;
}

/* Puts "/name" before what is in object from *start on; false when it has no room. */
static bool object_prepend(struct policy_wider *wider, size_t *start, const char *name, size_t len)
{
	if (*start < len + 1)
		return false;
	*start -= len;
	memcpy(wider->object + *start, name, len);
	wider->object[--*start] = '/';
	return true;
}

/*
 * Writes the path that led to the pair. The pairs along it were all gone through on the way here, so that
 * doing it again takes no more work than has been done.
 */
static int path_write(struct walk *walk, uint32_t number)
{
	struct policy_wider *wider = walk->w->wider;
	size_t start = WITHIN_OBJECT - 1;

	walk->w->work = 0;
	wider->object[start] = '\0';
	for (; number && !wider->cut; number = ((const uint32_t *)walk->from.data)[number]) {
		struct pair before = pair_at(walk, ((const uint32_t *)walk->from.data)[number]);
		struct last_name last = {.to = pair_at(walk, number)};
		int ret = names_each(walk->w, &before, name_note, &last);

		if (ret != 1)
			return ret < 0 ? ret : -EINVAL;
		wider->cut = !object_prepend(wider, &start, last.name, last.len);
	}
	if (start == WITHIN_OBJECT - 1)
		wider->object[--start] = '/';
	memmove(wider->object, wider->object + start, WITHIN_OBJECT - start);
	return 0;
}

/* ---- the walk ---- */

static int pair_check(struct walk *walk, const struct pair *pair)
{
	for (unsigned op = 0; op < FILE_OPS; op++) {
		struct verdict child = decide_file(walk->w->child.table, pair->child, op);
		struct verdict parent = decide_file(walk->w->parent.table, pair->parent, op);

		if (child.action <= parent.action)
			continue;
		wider_set(walk->w, WIDER_PATH, op, file_op_name((enum file_op)op), child, parent);
		return path_write(walk, walk->now) ?: -EACCES;
	}
	return 0;
}

static int walk_run(struct walk *walk)
{
	struct pair start = {decide_start(walk->w->child.table), decide_start(walk->w->parent.table)};
	int ret = start.child ? pair_add(walk, NULL, 0, &start) : 0;

	for (; walk->now < walk->from.count && !ret; walk->now++) {
		struct pair pair = pair_at(walk, walk->now);

		ret = pair_check(walk, &pair);
		if (!ret)
			ret = names_each(walk->w, &pair, pair_add, walk);
	}
	return ret;
}

int paths_within(struct within *w)
{
	struct walk walk = {.w = w};
	int ret = named_build(&w->child);

	if (!ret)
		ret = named_build(&w->parent);
	if (!ret)
		ret = walk_run(&walk);
	intern_free(&walk.pairs);
	list_free(&walk.from);
	return ret;
}
