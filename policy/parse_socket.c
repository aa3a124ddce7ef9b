/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over kinds of sockets, in the network section: {allow: socket, kind: [icmp]}. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define AT(field) offsetof(struct rule_form, field)

static const struct key keys[] = {
	{"allow", AT(allow), NULL},
	{"deny", AT(deny), NULL},
	{"kind", AT(kind), "kind: icmp"},
};
static const struct shape shape = SHAPE("a rule about sockets", keys);

static const char *const word = "socket";

bool is_socket_rule(const struct node *map)
{
	for (const struct node *k = map->kind == NODE_MAP ? map->child : NULL; k; k = k->next->next)
		if (strcmp(k->text, "kind") == 0 ||
		    (k->next->kind == NODE_SCALAR && strcmp(k->next->text, word) == 0))
			return true;
	return false;
}

static int word_read(struct reader *r, const struct node *node, void *arg)
{
	(void)arg;
	if (strcmp(node->text, word) != 0)
		mistake(r, node,
			"a rule with 'kind' is about making sockets: write 'socket'; addresses have rules "
			"of their own",
			"'%s' is not an operation on a kind of socket", node->text);
	return 0;
}

struct kinds {
	struct rules *rules;
	enum rule_verdict verdict;
};

static int kind_read(struct reader *r, const struct node *node, void *arg)
{
	const struct kinds *kinds = arg;
	struct mask_bit bit = {.mask = MASK_SOCKETS, .verdict = kinds->verdict};
	char said[64];
	int kind = socket_kind_parse(node->text);
	const char *why = socket_never(node->text), *words[SOCKET_KINDS];

	if (kind >= 0) {
		bit.bit = (unsigned)kind;
		snprintf(said, sizeof(said), "socket %s", node->text);
		return mask_add(r, node, kinds->rules, &bit, said);
	}
	for (unsigned i = 0; i < SOCKET_KINDS; i++)
		words[i] = socket_kind_name(i);
	if (why)
		mistake(r, node, why, "sockets of kind '%s' cannot be granted", node->text);
	else
		mistake_word(r, node, "kind of socket", words, COUNT(words));
	return 0;
}

int socket_rule_read(struct reader *r, const struct node *map, struct rules *rules)
{
	struct kinds kinds = {.rules = rules};
	struct rule_form form = {0};
	const struct node *said = rule_take(r, map, &shape, &form, &kinds.verdict);

	if (said)
		scalars_each(r, said, "an operation", word_read, NULL);
	if (!form.kind)
		return 0;
	return scalars_each(r, form.kind, "a kind of socket", kind_read, &kinds);
}
