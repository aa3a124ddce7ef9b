/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/grant_text.h"
#include "cli/print.h"
#include "common/cleanup.h"

#define DEPTH_MAX 16 /* more than a chain has links: ends a circle that a broken answer could hold */

struct tree {
	const json_t **grants; /* by owner, policy and age */
	size_t count;
	json_t *ids; /* each grant by its id, to tell who heads a tree */
};

static void tree_clear(struct tree *t)
{
	free(t->grants);
	json_decref(t->ids);
}

static void tree_line(const json_t *grant, int depth)
{
	_cleanup_free_ char *life = grant_life(grant), *argv = grant_argv(grant), *line = NULL, *safe = NULL;
	long long tasks = member_number(grant, "tasks");

	if (asprintf(&line, "%s  %s  %s  %lld task%s  %s", member_text(grant, "grant"),
		     member_text(grant, "purpose"), life ? life : "", tasks, tasks == 1 ? "" : "s",
		     argv ? argv : "") < 0)
		line = NULL;
	safe = line ? print_safe_copy(line) : NULL;
	printf("%*s%s\n", 2 * depth, "", safe ? safe : "");
}

static void tree_children(const struct tree *t, size_t at, int depth)
{
	const char *id = member_text(t->grants[at], "grant");

	for (size_t i = 0; i < t->count && depth < DEPTH_MAX; i++) {
		if (strcmp(member_text(t->grants[i], "parent"), id) != 0)
			continue;
		tree_line(t->grants[i], depth);
		tree_children(t, i, depth + 1);
	}
}

static int compare(const json_t *a, const json_t *b, const char *const *members, size_t count)
{
	int order = 0;

	for (size_t i = 0; i < count && !order; i++)
		order = strcmp(member_text(a, members[i]), member_text(b, members[i]));
	return order;
}

static const char *const order[] = {"owner", "policy", "policy_digest", "not_before", "grant"};

#define BY_OWNER  1 /* of the members of `order` */
#define BY_POLICY 3
#define BY_ALL	  5

static int tree_order(const void *a, const void *b)
{
	return compare(*(const json_t *const *)a, *(const json_t *const *)b, order, BY_ALL);
}

static int tree_build(struct tree *t, const json_t *grants)
{
	const json_t *grant;
	size_t i;

	t->ids = json_object();
	t->grants = calloc(json_array_size(grants) + 1, sizeof(*t->grants));
	if (!t->ids || !t->grants)
		return EX_OSERR;
	json_array_foreach (grants, i, grant) {
		t->grants[t->count++] = grant;
		json_object_set_new_nocheck(t->ids, member_text(grant, "grant"), json_true());
	}
	qsort(t->grants, t->count, sizeof(*t->grants), tree_order);
	return 0;
}

static void tree_head(const json_t *grant, const json_t *before)
{
	_cleanup_free_ char *owner = grant_owner(grant);

	if (!before || compare(grant, before, order, BY_OWNER))
		printf("%s\n", owner ? owner : "");
	if (!before || compare(grant, before, order, BY_POLICY))
		printf("  policy %s %.19s\n", member_text(grant, "policy"),
		       member_text(grant, "policy_digest"));
}

static int tree_print(const json_t *grants)
{
	__attribute__((cleanup(tree_clear))) struct tree t = {0};
	const json_t *before = NULL;
	int code = tree_build(&t, grants);

	for (size_t i = 0; i < t.count; i++) {
		if (json_object_get(t.ids, member_text(t.grants[i], "parent")))
			continue;
		tree_head(t.grants[i], before);
		tree_line(t.grants[i], 2);
		tree_children(&t, i, 3);
		before = t.grants[i];
	}
	return code;
}

int cmd_tree(struct cli *cli, int argc, char **argv)
{
	bool all = false;
	const struct cli_option options[] = {
		{"all", NULL, "those that have ended too", .flag = &all},
		{0},
	};
	_cleanup_reply_ struct reply reply = {0};
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first < argc)
		return cli_usage(cli, "no argument expected");
	code = client_call(cli, "GET", all ? "/v1/grants?all=1" : "/v1/grants", NULL, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : tree_print(json_object_get(reply.body, "grants"));
}
