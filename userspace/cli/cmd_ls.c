/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/grant_text.h"
#include "cli/print.h"
#include "common/cleanup.h"

static const char *const titles[] = {"GRANT",	"LIFE",	 "USER",    "POLICY",
				     "PURPOSE", "TASKS", "DENIALS", "COMMAND"};

#define COLUMNS (sizeof(titles) / sizeof(titles[0]))

static int ls_row(struct table_text *table, const json_t *grant)
{
	_cleanup_free_ char *life = grant_life(grant), *argv = grant_argv(grant);
	char tasks[24], denials[24];
	const char *const cells[COLUMNS] = {
		member_text(grant, "grant"),
		life,
		member_text(grant, "user"),
		member_text(grant, "policy"),
		member_text(grant, "purpose"),
		tasks,
		denials,
		argv,
	};

	snprintf(tasks, sizeof(tasks), "%lld", member_number(grant, "tasks"));
	snprintf(denials, sizeof(denials), "%lld", member_number(grant, "denials"));
	return table_text_row(table, cells);
}

static int ls_print(const struct cli *cli, const json_t *grants)
{
	struct table_text *table = table_text_new(COLUMNS, titles);
	const json_t *grant;
	size_t i;

	if (!table)
		return EX_OSERR;
	json_array_foreach (grants, i, grant)
		if (ls_row(table, grant))
			return EX_OSERR;
	table_text_print(table, cli->colour);
	return 0;
}

int cmd_ls(struct cli *cli, int argc, char **argv)
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
	return cli->json ? print_json(reply.body) : ls_print(cli, json_object_get(reply.body, "grants"));
}
