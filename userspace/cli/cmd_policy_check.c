/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/policy_file.h"
#include "cli/print.h"

/* Values that stand for any: whether a purpose compiles does not depend on them. */
static const struct policy_vars any_vars = {"/workdir", "/home/user", "user"};

static void check_purposes(struct policy_file *file)
{
	const char *purpose;

	for (size_t i = 0; !file->errors.count && (purpose = policy_purpose(file->policy, i)); i++) {
		struct table *table;

		if (!policy_compile(file->policy, purpose, &any_vars, &file->errors, &table))
			table_free(table);
	}
}

static json_t *errors_json(const struct policy_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->count; i++) {
		const struct policy_error *e = &errors->list[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:s, s:s}", "file", e->file, "line",
						      (int)e->line, "column", (int)e->column, "what", e->what,
						      "hint", e->hint));
	}
	return list;
}

static int check_file(const struct cli *cli, const char *path, const struct option_list *profiles,
		      json_t *list)
{
	_cleanup_policy_file_ struct policy_file file = {0};
	int err = policy_file_open(path, profiles, &file);

	if (!err)
		check_purposes(&file);
	else if (err != -EINVAL)
		cli_error("%s: %s", path, strerror(-err));
	if (cli->json)
		json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "file", path, "ok",
						      !err && !file.errors.count, "mistakes",
						      errors_json(&file.errors)));
	else
		policy_file_complain(&file.errors);
	if (err && err != -EINVAL)
		return EX_NOINPUT;
	if (err || file.errors.count)
		return EX_DATAERR;
	if (!cli->json)
		printf("%s: policy %s is sound\n", path, policy_name(file.policy));
	return 0;
}

int cmd_policy_check(struct cli *cli, int argc, char **argv)
{
	struct option_list profiles = {0};
	const struct cli_option options[] = {
		{"profiles", "DIR", "where profiles are, as NAME.yaml", .list = &profiles},
		{0},
	};
	json_auto_t *list = json_array(), *answer = json_pack("{s:O}", "files", list);
	int code, worst = 0, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first == argc)
		return cli_usage(cli, "which files?");
	for (int i = first; i < argc; i++) {
		code = check_file(cli, argv[i], &profiles, list);
		worst = code > worst ? code : worst;
	}
	if (cli->json)
		print_json(answer);
	return worst;
}
