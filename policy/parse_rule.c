/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over paths: the files, exec and ipc sections. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define AT(field) offsetof(struct rule_form, field)

static const struct key file_keys[] = {
	{"allow", AT(allow), NULL},
	{"deny", AT(deny), NULL},
	{"path", AT(path), "path: /usr/**"},
};
static const struct key exec_keys[] = {
	{"allow", AT(allow), NULL},
	{"deny", AT(deny), NULL},
};
static const struct key ipc_keys[] = {
	{"allow", AT(allow), NULL},
	{"deny", AT(deny), NULL},
	{"unix", AT(path), "unix: /run/postgresql/.s.PGSQL.5432"},
};

/* What a file rule may name; connecting to a socket is for the ipc section. */
static const char *const file_words[] = {"read", "write", "exec", "create", "delete", "list", "metadata"};
static const char *const ipc_words[] = {"connect"};

const struct path_section file_section = {
	.shape = SHAPE("a file rule", file_keys),
	.object = "path",
	.words = file_words,
	.word_count = COUNT(file_words),
};
const struct path_section exec_section = {
	.shape = SHAPE("an exec rule", exec_keys),
	.object = "path",
	.ops = 1u << OP_EXEC,
};
const struct path_section ipc_section = {
	.shape = SHAPE("an ipc rule", ipc_keys),
	.object = "unix",
	.words = ipc_words,
	.word_count = COUNT(ipc_words),
};

/* One rule on its way to as many path_rules as it has patterns. */
struct draft {
	const struct path_section *section;
	struct rules *rules;
	enum rule_verdict verdict;
	unsigned ops;
};

const char *verdict_name(enum rule_verdict verdict)
{
	return verdict == RULE_ALLOW ? "allow" : "deny";
}

const struct node *rule_take(struct reader *r, const struct node *map, const struct shape *shape,
			     struct rule_form *form, enum rule_verdict *verdict)
{
	size_t before = mistakes(r);

	map_take(r, map, shape, form);
	if (form->allow && form->deny) {
		mistake(r, map, "write two rules", "%s either allows or denies", shape->what);
		return NULL;
	}
	/* An unknown key is as a rule the missing one, misspelt. */
	if (!form->allow && !form->deny && mistakes(r) == before)
		mistake(r, map, "such as 'allow: ...'", "%s needs 'allow' or 'deny'", shape->what);
	*verdict = form->allow ? RULE_ALLOW : RULE_DENY;
	return form->allow ? form->allow : form->deny;
}

int rule_room(struct reader *r, const struct node *node)
{
	if (r->room) {
		r->room--;
		return 0;
	}
	mistake(r, node, NULL, "more than %u rules", POLICY_RULES_MAX);
	return -EINVAL;
}

void *list_grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return reallocarray(list, count ? 2 * count : 1, size);
}

char *ops_format(unsigned ops, const char *(*name)(unsigned op))
{
	char buf[128] = "";
	size_t used = 0;

	for (unsigned op = 0; ops >> op; op++)
		if (ops >> op & 1)
			used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%s", used ? "," : "",
						 name(op));
	return strdup(buf);
}

static const char *file_name(unsigned op)
{
	return file_op_name(op);
}

static int path_add(struct reader *r, const struct node *node, const struct draft *d)
{
	_cleanup_free_ char *ops = ops_format(d->ops, file_name), *pattern = strdup(node->text),
			    *label = NULL;
	struct rules *rules = d->rules;
	struct path_rule *paths = list_grow(rules->paths, rules->path_count, sizeof(*paths));

	if (paths)
		rules->paths = paths;
	if (!paths || !ops || !pattern)
		return -ENOMEM;
	if (asprintf(&label, "%s:%u %s %s %s %s", r->file, node->line, verdict_name(d->verdict), ops,
		     d->section->object, pattern) < 0) {
		label = NULL;
		return -ENOMEM;
	}
	paths[rules->path_count++] = (struct path_rule){
		.verdict = d->verdict,
		.ops = d->ops,
		.pattern = pattern,
		.label = label,
		.line = node->line,
		.column = node->column,
		.file = r->file,
	};
	pattern = label = NULL; /* the rule's own now */
	return 0;
}

static int path_read(struct reader *r, const struct node *node, void *arg)
{
	struct pattern_error why = {0};
	struct pattern pattern;
	int err = pattern_parse(node->text, NULL, &why, &pattern);

	if (err == -EINVAL) {
		mistake(r, node, why.hint, "%s", why.what);
		return 0;
	}
	if (err)
		return err;
	pattern_free(&pattern);
	err = rule_room(r, node);
	return err ? err : path_add(r, node, arg);
}

static int op_read(struct reader *r, const struct node *node, void *arg)
{
	struct draft *d = arg;

	for (size_t i = 0; i < d->section->word_count; i++) {
		if (strcmp(d->section->words[i], node->text) == 0) {
			d->ops |= 1u << file_op_parse(node->text);
			return 0;
		}
	}
	mistake_word(r, node, "operation", d->section->words, d->section->word_count);
	return 0;
}

int path_rule_read(struct reader *r, const struct node *map, void *arg)
{
	const struct path_target *to = arg;
	struct draft d = {.section = to->section, .rules = to->rules, .ops = to->section->ops};
	struct rule_form form = {0};
	const struct node *said = rule_take(r, map, &to->section->shape, &form, &d.verdict);

	if (d.ops) /* said by the section itself: allow and deny name the paths */
		form.path = said;
	else if (said)
		scalars_each(r, said, "an operation", op_read, &d); /* first: the labels name them */
	return form.path ? scalars_each(r, form.path, "a path", path_read, &d) : 0;
}
