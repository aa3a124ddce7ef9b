/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two policies that nobody has checked, the second of them the parent's, and behind a third border paths, one
 * a line. Each is within itself; of the first in the second, an example of what is wider has to be one, and
 * of what is within no path may be wider.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/within.h"

#define BORDER "\n%%%%\n"

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* The first purpose, NULL when there is none that compiles. */
static struct table *compile(const char *text, size_t len)
{
	static const struct policy_vars vars = {.workdir = "/work", .home = "/home/u", .user = "u"};
	struct policy_errors errors = {0};
	struct policy *policy = NULL;
	struct table *table = NULL;

	if (!policy_parse("fuzz.yaml", text, len, NULL, NULL, &errors, &policy) && policy_purpose(policy, 0))
		policy_compile(policy, policy_purpose(policy, 0), &vars, &errors, &table);
	policy_free(policy);
	policy_errors_free(&errors);
	return table;
}

static void example_check(const struct table *child, const struct table *parent, const struct policy_wider *w)
{
	struct policy_answer c, p;

	require(w->op && *w->object && w->child > w->parent);
	if (w->cut || w->chosen)
		return;
	if (w->kind == WIDER_PATH)
		require(!policy_explain_path(child, w->number, w->object, &c) &&
			!policy_explain_path(parent, w->number, w->object, &p));
	else if (w->kind == WIDER_ADDR)
		require(!policy_explain_addr(child, w->number, &w->addr, w->port, &c) &&
			!policy_explain_addr(parent, w->number, &w->addr, w->port, &p));
	else if (w->kind == WIDER_PRIVILEGE)
		require(!policy_explain_privilege(child, w->number, &c) &&
			!policy_explain_privilege(parent, w->number, &p));
	else
		require(!policy_explain_socket(child, w->number, &c) &&
			!policy_explain_socket(parent, w->number, &p));
	require(c.action == w->child && p.action == w->parent);
}

static void path_check(const struct table *child, const struct table *parent, const char *path)
{
	struct policy_answer c, p;

	for (int op = 0; op < FILE_OPS; op++) {
		if (!policy_explain_path(child, (enum file_op)op, path, &c) &&
		    !policy_explain_path(parent, (enum file_op)op, path, &p))
			require(c.action <= p.action);
	}
}

static void paths_check(const struct table *child, const struct table *parent, const char *text, size_t len)
{
	char *copy = strndup(text, len), *save = NULL;

	for (char *path = copy ? strtok_r(copy, "\n", &save) : NULL; path; path = strtok_r(NULL, "\n", &save))
		path_check(child, parent, path);
	free(copy);
}

static void pair_check(const struct table *child, const struct table *parent, const char *paths, size_t len)
{
	static struct policy_wider w;
	int ret = policy_within(child, child, &w);

	require(!ret || ret == -E2BIG);
	ret = policy_within(child, parent, &w);
	require(!ret || ret == -EACCES || ret == -E2BIG);
	if (ret == -EACCES)
		example_check(child, parent, &w);
	if (!ret)
		paths_check(child, parent, paths, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *end = text + size;
	const char *second = memmem(text, size, BORDER, strlen(BORDER)), *paths;
	struct table *child, *parent;

	if (!second)
		return 0;
	second += strlen(BORDER);
	paths = memmem(second, (size_t)(end - second), BORDER, strlen(BORDER));
	child = compile(text, (size_t)(second - text) - strlen(BORDER) + 1);
	parent = child ? compile(second, (size_t)((paths ? paths + 1 : end) - second)) : NULL;
	if (parent) {
		paths = paths ? paths + strlen(BORDER) : end;
		pair_check(child, parent, paths, (size_t)(end - paths));
		pair_check(parent, child, paths, (size_t)(end - paths));
	}
	table_free(child);
	table_free(parent);
	return 0;
}
