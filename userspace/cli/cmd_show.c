/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/grant_text.h"
#include "cli/print.h"
#include "common/cleanup.h"

static const char *const members[] = {
	"grant",      "state",	 "owner",  "user",	"policy", "policy_digest", "purpose",
	"not_before", "expires", "parent", "on_revoke", "tasks",  "denials",	   "workdir",
};

static void show_member(const json_t *grant, const char *name)
{
	const json_t *value = json_object_get(grant, name);

	printf("%-16s", name);
	if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else if (json_is_string(value))
		print_safe(stdout, json_string_value(value), json_string_length(value));
	else
		putchar('-');
	putchar('\n');
}

/* One line each, the first beside the name. */
static void show_list(const json_t *grant, const char *name)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(grant, name), i, item) {
		printf("%-16s", i ? "" : name);
		if (json_is_string(item))
			print_safe(stdout, json_string_value(item), json_string_length(item));
		putchar('\n');
	}
}

static int show_grant(const json_t *grant)
{
	_cleanup_free_ char *argv = grant_argv(grant);

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		show_member(grant, members[i]);
	printf("%-16s", "command");
	if (argv)
		print_safe(stdout, argv, strlen(argv));
	putchar('\n');
	show_list(grant, "chain");
	show_list(grant, "rules");
	return 0;
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
	bool token = false;
	const struct cli_option options[] = {
		{"token", NULL, "print its token and nothing else", .flag = &token},
		{0},
	};
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *id = NULL, *path = NULL;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1)
		return cli_usage(cli, "the ID of one grant is needed");
	id = client_escape(argv[first]);
	if (!id || asprintf(&path, "/v1/grants/%s", id) < 0)
		return EX_OSERR;
	code = client_call(cli, "GET", path, NULL, &reply);
	if (code)
		return code;
	if (token)
		return puts(member_text(reply.body, "token")) < 0 ? EX_IOERR : 0;
	return cli->json ? print_json(reply.body) : show_grant(reply.body);
}
