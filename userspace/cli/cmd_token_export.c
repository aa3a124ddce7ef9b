/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "common/cleanup.h"

/* An agent sees its own grant alone, and need not name it. The caller frees *id. Exit code. */
static int only_grant(const struct cli *cli, char **id)
{
	_cleanup_reply_ struct reply reply = {0};
	const json_t *list;
	int code = client_call(cli, "GET", "/v1/grants", NULL, &reply);

	if (code)
		return code;
	list = json_object_get(reply.body, "grants");
	if (json_array_size(list) != 1)
		return cli_usage(cli, "you see %zu live grants: name one", json_array_size(list));
	*id = strdup(member_text(json_array_get(list, 0), "grant"));
	return *id ? 0 : EX_OSERR;
}

static int export_vc(const struct cli *cli, const char *id)
{
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *name = client_escape(id), *path = NULL;
	int code;

	if (!name || asprintf(&path, "/v1/grants/%s/vc", name) < 0)
		return EX_OSERR;
	code = client_call(cli, "GET", path, NULL, &reply);
	return code ? code : print_json(reply.body);
}

int cmd_token_export(struct cli *cli, int argc, char **argv)
{
	bool vc = false;
	const struct cli_option options[] = {
		{"vc", NULL, "as a W3C Verifiable Credential of its chain", .flag = &vc},
		{0},
	};
	_cleanup_free_ char *own = NULL;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first > 1)
		return cli_usage(cli, "one grant at most");
	if (!vc)
		return cli_usage(cli, "--vc is needed: it is the one form there is");
	if (argc - first == 1)
		return export_vc(cli, argv[first]);
	code = only_grant(cli, &own);
	return code ? code : export_vc(cli, own);
}
