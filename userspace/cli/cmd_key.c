/* SPDX-License-Identifier: Apache-2.0 */
/* The host's signing keys: which there are, and another one from now on. */
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"

static int keys_print(const struct cli *cli, const json_t *set)
{
	static const char *const titles[] = {"STATE", "KEY"};
	struct table_text *t = table_text_new(2, titles);
	const json_t *jwk;
	size_t i;

	json_array_foreach (json_object_get(set, "keys"), i, jwk) {
		const char *const cells[] = {member_text(jwk, "deputy_state"), member_text(jwk, "kid")};

		if (!t || table_text_row(t, cells))
			return EX_OSERR;
	}
	table_text_print(t, cli->colour);
	return 0;
}

static int keys_ask(struct cli *cli, int argc, char **argv, const char *method, const char *path)
{
	const struct cli_option none[] = {{0}};
	_cleanup_reply_ struct reply reply = {0};
	int code, first = cli_options(cli, argc, argv, none, false, &code);

	if (first < 0)
		return code;
	if (first != argc)
		return cli_usage(cli, "unexpected argument: %s", argv[first]);
	code = client_call(cli, method, path, NULL, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : keys_print(cli, reply.body);
}

int cmd_key_ls(struct cli *cli, int argc, char **argv)
{
	return keys_ask(cli, argc, argv, "GET", "/v1/keys");
}

int cmd_key_rotate(struct cli *cli, int argc, char **argv)
{
	return keys_ask(cli, argc, argv, "POST", "/v1/keys/rotate");
}
