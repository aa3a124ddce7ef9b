/* SPDX-License-Identifier: Apache-2.0 */
/* How far an agent may hand its grant on. */
#include <stddef.h>
#include <string.h>

#include "policy/parse.h"

struct delegate_form {
	const struct node *depth, *children;
};

static const struct key keys[] = {
	{"depth", offsetof(struct delegate_form, depth), "depth: 1"},
	{"children", offsetof(struct delegate_form, children), "children: 8"},
};
static const struct shape shape = SHAPE("delegate", keys);

static void count_read(struct reader *r, const struct node *node, const char *key, unsigned max,
		       unsigned *count)
{
	const char *text = node ? scalar(r, node, key) : NULL;
	uint64_t n;

	if (!text)
		return;
	if (number_parse(text, strlen(text), max, &n) && n)
		*count = (unsigned)n;
	else
		mistake(r, node, NULL, "%s must be a whole number from 1 to %u, not '%s'", key, max, text);
}

void delegate_read(struct reader *r, const struct node *map, struct policy_grant *terms)
{
	struct delegate_form form = {0};

	map_take(r, map, &shape, &form);
	count_read(r, form.depth, "depth", POLICY_DEPTH_LINKS, &terms->depth);
	count_read(r, form.children, "children", POLICY_CHILDREN_MAX, &terms->children);
}
