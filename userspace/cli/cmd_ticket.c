/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"

static int ticket_print(const json_t *grant)
{
	const char *id = member_text(grant, "grant");

	if (strcmp(member_text(grant, "ticket"), "open") != 0) {
		cli_error("the daemon's answer has no ticket");
		return EX_PROTOCOL;
	}
	print_safe(stdout, id, strlen(id));
	putchar('\n');
	return 0;
}

int cmd_ticket(struct cli *cli, int argc, char **argv)
{
	struct ask wants = {0};
	const struct cli_option options[] = {
		{"scope", "FILE", "a policy within this grant's, or the name of an installed one (all of it)",
		 .text = &wants.policy},
		{"purpose", "NAME", "which of its purposes, or a part of this grant's",
		 .text = &wants.purpose},
		{"ttl", "TIME", "a shorter life than this grant's, from now on: 90s, 10m, 2h",
		 .text = &wants.ttl},
		{"workdir", "DIR", "what ${workdir} stands for (as in this grant)", .text = &wants.workdir},
		{0},
	};
	_cleanup_reply_ struct reply reply = {0};
	json_auto_t *body = NULL;
	int code, first = cli_options(cli, argc, argv, options, true, &code);

	if (first < 0)
		return code;
	code = ask_make(&wants, NULL, argv + first, &body);
	if (!code && json_object_set_new(body, "ticket", json_true()))
		code = EX_OSERR;
	if (!code)
		code = client_call(cli, "POST", "/v1/delegate", body, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : ticket_print(reply.body);
}
