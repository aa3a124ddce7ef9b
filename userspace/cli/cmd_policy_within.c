/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/policy_file.h"
#include "cli/print.h"
#include "policy/within.h"

struct sides {
	struct option_list profiles;
	struct policy_vars vars;
	const char *purpose[2]; /* of the child, of the parent */
	const char *file[2];
	struct table *table[2];
	struct policy_wider wider;
};

static void sides_clear(struct sides *s)
{
	table_free(s->table[0]);
	table_free(s->table[1]);
}

static const char *const actions[] = {[ACT_DENY] = "deny", [ACT_HOLD] = "hold", [ACT_ALLOW] = "allow"};

static int side_compile(struct sides *s, int i)
{
	_cleanup_policy_file_ struct policy_file file = {0};
	int err = policy_file_open(s->file[i], &s->profiles, &file);
	bool missing = err && err != -EINVAL;

	if (!err)
		err = policy_compile(file.policy, s->purpose[i], &s->vars, &file.errors, &s->table[i]);
	if (!err)
		return 0;
	if (err == -EINVAL)
		policy_file_complain(&file.errors);
	else if (err == -ENOENT && !missing)
		cli_error("%s: no purpose \"%s\"", s->file[i], s->purpose[i]);
	else
		cli_error("%s: %s", s->file[i], strerror(-err));
	return missing ? EX_NOINPUT : EX_DATAERR;
}

/* Names in an example may be made of any bytes that the policies hold. */
static void wider_print(const struct sides *s, const char *object)
{
	const struct policy_wider *w = &s->wider;

	printf("%s allows more than %s: %s %s%s\n", s->file[0], s->file[1], w->op, w->cut ? "..." : "",
	       object);
	printf("  child   %-6s(%s)\n", actions[w->child], w->rule ? w->rule : "no rule is known");
	printf("  parent  %-6s(%s)\n", actions[w->parent],
	       w->parent_rule ? w->parent_rule : "no rule names it");
}

static int result_print(const struct cli *cli, const struct sides *s, int err)
{
	const struct policy_wider *w = &s->wider;
	char *object = print_safe_copy(err ? w->object : "");

	if (!object)
		return EX_OSERR;
	if (cli->json && !err)
		printf("{\"within\": true}\n");
	else if (cli->json) {
		json_auto_t *answer =
			json_pack("{s:b, s:s, s:s, s:s, s:s?, s:s, s:s?}", "within", 0, "op", w->op, "object",
				  object, "child", actions[w->child], "rule", w->rule, "parent",
				  actions[w->parent], "parent_rule", w->parent_rule);

		print_json(answer);
	} else if (err)
		wider_print(s, object);
	else
		printf("%s is within %s\n", s->file[0], s->file[1]);
	free(object);
	return err ? EX_NOPERM : 0;
}

static int sides_compare(const struct cli *cli, struct sides *s)
{
	int err = policy_vars_fill(&s->vars), code;

	if (err) {
		cli_error("%s", strerror(-err));
		return EX_DATAERR;
	}
	code = side_compile(s, 0);
	if (!code)
		code = side_compile(s, 1);
	if (code)
		return code;
	err = policy_within(s->table[0], s->table[1], &s->wider);
	if (!err || err == -EACCES)
		return result_print(cli, s, err);
	cli_error("%s", err == -E2BIG ? "too many rules meet to compare these policies" : strerror(-err));
	return EX_DATAERR;
}

int cmd_policy_within(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(sides_clear))) struct sides s = {0};
	const struct cli_option options[] = {
		{"purpose", "NAME", "which of the child's purposes", .text = &s.purpose[0]},
		{"parent-purpose", "NAME", "which of the parent's, where it is another",
		 .text = &s.purpose[1]},
		{"profiles", "DIR", "where profiles are, as NAME.yaml", .list = &s.profiles},
		{"workdir", "DIR", "${workdir}", .text = &s.vars.workdir},
		{"home", "DIR", "${home}", .text = &s.vars.home},
		{"user", "NAME", "${user}", .text = &s.vars.user},
		{0},
	};
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 2 || !s.purpose[0])
		return cli_usage(cli, "two files and --purpose are needed");
	if (!s.purpose[1])
		s.purpose[1] = s.purpose[0];
	s.file[0] = argv[first];
	s.file[1] = argv[first + 1];
	return sides_compare(cli, &s);
}
