/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "common/cleanup.h"

static int revoke_print(const json_t *grant, const char *asked)
{
	const char *id = member_text(grant, "grant");

	fputs("revoked ", stdout);
	print_safe(stdout, *id ? id : asked, strlen(*id ? id : asked));
	putchar('\n');
	return 0;
}

int cmd_revoke(struct cli *cli, int argc, char **argv)
{
	const char *mode = NULL;
	const struct cli_option options[] = {
		{"mode", "kill|deny", "end the tasks, or only refuse them everything", .text = &mode},
		{0},
	};
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *id = NULL, *path = NULL;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1)
		return cli_usage(cli, "the ID of one grant is needed");
	if (mode && strcmp(mode, "kill") != 0 && strcmp(mode, "deny") != 0)
		return cli_usage(cli, "--mode is kill or deny");
	id = client_escape(argv[first]);
	if (!id || asprintf(&path, "/v1/grants/%s%s%s", id, mode ? "?mode=" : "", mode ? mode : "") < 0)
		return EX_OSERR;
	code = client_call(cli, "DELETE", path, NULL, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : revoke_print(reply.body, argv[first]);
}
