/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML into nodes, over libyaml's events: its own documents no longer tell an explicit tag from none. What
 * makes a text mean something other than it shows (anchors, aliases, tags, a second document) is refused
 * here, once.
 */
#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "policy/parse.h"

struct builder {
	struct reader *r;
	struct node *root;
	struct node *open[POLICY_DEPTH_MAX]; /* lists and mappings that have not ended, outermost first */
	struct node *last[POLICY_DEPTH_MAX]; /* the last child of each */
	unsigned depth;
	unsigned documents;
	bool ended;
};

void tree_free(struct node *root)
{
	while (root) {
		struct node *next = root->next;

		tree_free(root->child); /* no deeper than POLICY_DEPTH_MAX */
		free(root->text);
		free(root);
		root = next;
	}
}

static struct node place(const yaml_mark_t *m)
{
	return (struct node){.line = (unsigned)m->line + 1, .column = (unsigned)m->column + 1};
}

static int attach(struct builder *b, struct node *n)
{
	struct node *parent = b->depth ? b->open[b->depth - 1] : NULL;

	if (!parent) {
		b->root = n;
		return 0;
	}
	if (parent->kind == NODE_MAP && parent->count % 2 == 0 && n->kind != NODE_SCALAR) {
		mistake(b->r, n, NULL, "a key must be a single word");
		tree_free(n);
		return -EINVAL;
	}
	if (parent->count++)
		b->last[b->depth - 1]->next = n;
	else
		parent->child = n;
	b->last[b->depth - 1] = n;
	return 0;
}

static int add(struct builder *b, enum node_kind kind, const yaml_mark_t *mark, const char *text)
{
	struct node *n = calloc(1, sizeof(*n));

	if (n && text)
		n->text = strdup(text);
	if (!n || (text && !n->text)) {
		free(n);
		return -ENOMEM;
	}
	n->kind = kind;
	n->line = (unsigned)mark->line + 1;
	n->column = (unsigned)mark->column + 1;
	return attach(b, n);
}

static void refuse_props(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor,
			 const yaml_char_t *tag)
{
	struct node at = place(&e->start_mark);

	if (anchor)
		mistake(b->r, &at, "write the value out where it is needed",
			"anchors are not part of the language");
	if (tag)
		mistake(b->r, &at, "leave the tag out", "tags are not part of the language");
}

static int on_nothing(struct builder *b, const yaml_event_t *e)
{
	(void)b;
	(void)e;
	return 0;
}

static int on_end(struct builder *b, const yaml_event_t *e)
{
	(void)e;
	b->ended = true;
	return 0;
}

static int on_document(struct builder *b, const yaml_event_t *e)
{
	struct node at = place(&e->start_mark);

	if (b->documents++ == 0)
		return 0;
	mistake(b->r, &at, "one file holds one policy", "a second document begins here");
	return -EINVAL;
}

static int on_alias(struct builder *b, const yaml_event_t *e)
{
	struct node at = place(&e->start_mark);

	mistake(b->r, &at, "write the value out", "aliases are not part of the language");
	return add(b, NODE_SCALAR, &e->start_mark, "");
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	const char *fault = text_fault(text, e->data.scalar.length);
	struct node at = place(&e->start_mark);

	refuse_props(b, e, e->data.scalar.anchor, e->data.scalar.tag);
	if (fault)
		mistake(b->r, &at, NULL, "the value holds %s", fault);
	return add(b, NODE_SCALAR, &e->start_mark, text);
}

static int begin(struct builder *b, enum node_kind kind, const yaml_event_t *e)
{
	struct node at = place(&e->start_mark);
	struct node *parent = b->depth ? b->open[b->depth - 1] : NULL;
	int err;

	if (b->depth == POLICY_DEPTH_MAX) {
		mistake(b->r, &at, NULL, "nested deeper than %u levels", POLICY_DEPTH_MAX);
		return -EINVAL;
	}
	err = add(b, kind, &e->start_mark, NULL);
	if (err)
		return err;
	b->open[b->depth] = parent ? b->last[b->depth - 1] : b->root;
	b->depth++;
	return 0;
}

static int on_list(struct builder *b, const yaml_event_t *e)
{
	refuse_props(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
	return begin(b, NODE_LIST, e);
}

static int on_map(struct builder *b, const yaml_event_t *e)
{
	refuse_props(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	return begin(b, NODE_MAP, e);
}

static int on_close(struct builder *b, const yaml_event_t *e)
{
	(void)e;
	b->depth--;
	return 0;
}

static int (*const handlers[])(struct builder *b, const yaml_event_t *e) = {
	[YAML_NO_EVENT] = on_nothing,		[YAML_STREAM_START_EVENT] = on_nothing,
	[YAML_STREAM_END_EVENT] = on_end,	[YAML_DOCUMENT_START_EVENT] = on_document,
	[YAML_DOCUMENT_END_EVENT] = on_nothing, [YAML_ALIAS_EVENT] = on_alias,
	[YAML_SCALAR_EVENT] = on_scalar,	[YAML_SEQUENCE_START_EVENT] = on_list,
	[YAML_SEQUENCE_END_EVENT] = on_close,	[YAML_MAPPING_START_EVENT] = on_map,
	[YAML_MAPPING_END_EVENT] = on_close,
};

static int yaml_mistake(struct reader *r, const yaml_parser_t *parser)
{
	struct node at = place(&parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	mistake(r, &at, parser->context, "not YAML: %s", parser->problem ? parser->problem : "unreadable");
	return -EINVAL;
}

static int step(struct builder *b, yaml_parser_t *parser)
{
	yaml_event_t e;
	int err;

	if (!yaml_parser_parse(parser, &e))
		return yaml_mistake(b->r, parser);
	err = handlers[e.type](b, &e);
	yaml_event_delete(&e);
	return err;
}

static int build(struct builder *b, const char *text, size_t len)
{
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	/* Or it would guess UTF-16 from the first bytes. */
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!b->ended && !err)
		err = step(b, &parser);
	yaml_parser_delete(&parser);
	return err;
}

int tree_read(struct reader *r, const char *text, size_t len, struct node **root)
{
	struct builder b = {.r = r};
	size_t before = mistakes(r);
	struct node top = {.line = 1, .column = 1};
	int err;

	if (len > POLICY_TEXT_MAX) {
		mistake(r, &top, NULL, "larger than %u bytes", POLICY_TEXT_MAX);
		return -EINVAL;
	}
	err = text_check(r, text, len);
	if (!err && len)
		err = build(&b, text, len);
	if (!err && !b.root)
		mistake(r, &top, "begin with 'apiVersion: " API_VERSION "'", "the file is empty");
	if (!err && mistakes(r) != before)
		err = -EINVAL;
	if (err) {
		tree_free(b.root);
		return err;
	}
	*root = b.root;
	return 0;
}
