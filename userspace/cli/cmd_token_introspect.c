/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/token_text.h"
#include "common/cleanup.h"

static int introspect_answer(const json_t *answer)
{
	print_json(answer);
	if (json_is_true(json_object_get(answer, "active")))
		return 0;
	cli_error("the token is not active");
	return EX_NOPERM;
}

int cmd_token_introspect(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *text = NULL, *value = NULL, *form = NULL;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1)
		return cli_usage(cli, "one token or chain, a file of it, or - for standard input, is needed");
	err = token_text(argv[first], &text);
	if (err) {
		cli_error("the token: %s", strerror(-err));
		return EX_NOINPUT;
	}
	value = client_escape(text);
	if (!value || asprintf(&form, "token=%s", value) < 0)
		return EX_OSERR;
	code = client_form(cli, "/v1/introspect", form, NULL, &reply) ?: client_problem(&reply);
	return code ?: introspect_answer(reply.body);
}
