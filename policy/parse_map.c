/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define KEYS_MAX 32u /* of a mapping with fixed keys: more than any of them has */

static const char *const kinds[] = {
	[NODE_SCALAR] = "a single value",
	[NODE_LIST] = "a list",
	[NODE_MAP] = "a mapping",
};

/* Words of the design that a later version will enforce. Leaving one out unseen would grant more than was
 * written. */
static const struct {
	const char *word;
	const char *hint;
} later[] = {
	{"hold", "write 'allow' or 'deny': no call is paused for a human to answer"},
	{"host", "write 'cidr:' with the addresses: a name's addresses are not known to the kernel"},
	{"label", "leave it out"},
	{"labels", "leave it out"},
	{"unless", "write a rule of its own: a narrower rule wins over a wider one"},
	{"approvers", "leave it out: no call is paused for a human to answer"},
	{"all_of", "write 'any_of:'"},
};

static bool later_word(struct reader *r, const struct node *node)
{
	for (size_t i = 0; i < COUNT(later); i++) {
		if (strcmp(later[i].word, node->text) == 0) {
			mistake(r, node, later[i].hint, "'%s' is not enforced by this version", node->text);
			return true;
		}
	}
	return false;
}

static void unknown(struct reader *r, const struct node *node, const char *what, const char *where,
		    const char *const *words, size_t count)
{
	char hint[256];

	if (later_word(r, node))
		return;
	suggest(node->text, words, count, hint, sizeof(hint));
	mistake(r, node, hint, "unknown %s '%s'%s%s", what, node->text, where ? " in " : "",
		where ? where : "");
}

void mistake_word(struct reader *r, const struct node *node, const char *what, const char *const *words,
		  size_t count)
{
	unknown(r, node, what, NULL, words, count);
}

static bool is_kind(struct reader *r, const struct node *node, enum node_kind kind, const char *what)
{
	if (node->kind == kind)
		return true;
	mistake(r, node, NULL, "%s must be %s, not %s", what, kinds[kind], kinds[node->kind]);
	return false;
}

void map_check_keys(struct reader *r, const struct node *map, size_t max, const char *what)
{
	size_t i = 0;

	for (const struct node *k = map->child; k; k = k->next->next, i++) {
		const struct node *first = map->child;

		if (i == max) {
			mistake(r, k, NULL, "more than %zu %s", max, what);
			return; /* those past it are not even compared: the time would be quadratic */
		}
		while (first != k && strcmp(first->text, k->text) != 0)
			first = first->next->next;
		if (first != k)
			mistake(r, k, NULL, "'%s' is given twice, first in line %u", k->text, first->line);
	}
}

static void key_unknown(struct reader *r, const struct node *key, const struct shape *shape)
{
	const char *words[KEYS_MAX];

	for (size_t i = 0; i < shape->count; i++)
		words[i] = shape->keys[i].name;
	unknown(r, key, "key", shape->what, words, shape->count);
}

static const struct key *key_find(const struct shape *shape, const char *name)
{
	for (size_t i = 0; i < shape->count; i++)
		if (strcmp(shape->keys[i].name, name) == 0)
			return &shape->keys[i];
	return NULL;
}

static const struct node **slot(void *form, const struct key *key)
{
	return (const struct node **)((char *)form + key->at);
}

static void keys_missing(struct reader *r, const struct node *map, const struct shape *shape, void *form)
{
	for (size_t i = 0; i < shape->count; i++) {
		const struct key *key = &shape->keys[i];
		char hint[256];

		if (!key->need || *slot(form, key))
			continue;
		snprintf(hint, sizeof(hint), "such as '%s'", key->need);
		mistake(r, map, hint, "%s needs '%s'", shape->what, key->name);
	}
}

void map_take(struct reader *r, const struct node *map, const struct shape *shape, void *form)
{
	size_t before = mistakes(r);

	if (!is_kind(r, map, NODE_MAP, shape->what))
		return;
	map_check_keys(r, map, KEYS_MAX, "keys");
	for (const struct node *k = map->child; k; k = k->next->next) {
		const struct key *key = key_find(shape, k->text);

		if (key)
			*slot(form, key) = k->next;
		else
			key_unknown(r, k, shape);
	}
	/* An unknown key is as a rule the missing one, misspelt. */
	if (mistakes(r) == before)
		keys_missing(r, map, shape, form);
}

const char *scalar(struct reader *r, const struct node *node, const char *what)
{
	return is_kind(r, node, NODE_SCALAR, what) ? node->text : NULL;
}

int scalars_each(struct reader *r, const struct node *node, const char *what, node_fn fn, void *arg)
{
	int err = 0;

	if (node->kind == NODE_SCALAR)
		return fn(r, node, arg);
	if (!is_kind(r, node, NODE_LIST, what))
		return 0;
	if (!node->count)
		mistake(r, node, NULL, "%s: the list is empty", what);
	for (const struct node *n = node->child; n && !err; n = n->next)
		if (is_kind(r, n, NODE_SCALAR, what))
			err = fn(r, n, arg);
	return err;
}

int items_each(struct reader *r, const struct node *node, const char *what, node_fn fn, void *arg)
{
	int err = 0;

	if (!is_kind(r, node, NODE_LIST, what))
		return 0;
	for (const struct node *n = node->child; n && !err; n = n->next)
		err = fn(r, n, arg);
	return err;
}
