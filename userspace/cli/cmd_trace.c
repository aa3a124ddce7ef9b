/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/event_text.h"
#include "cli/query.h"
#include "common/cleanup.h"

/* Lines pass through as they are when JSON is asked for: nothing is lost that this version does not know. */
static int trace_line(const char *line, size_t len, void *arg)
{
	const struct cli *cli = arg;
	json_auto_t *event = cli->json ? NULL : json_loadb(line, len, 0, NULL);

	if (!len)
		return 0;
	if (json_is_object(event))
		event_text(stdout, event, cli->colour);
	else
		puts(line);
	return fflush(stdout) ? -1 : 0; /* whoever reads on through a pipe waits for each line */
}

int cmd_trace(struct cli *cli, int argc, char **argv)
{
	struct query query[] = {{"grant", NULL}, {"pid", NULL},	   {"verdict", NULL},
				{"tail", NULL},	 {"follow", NULL}, {0}};
	bool follow = false;
	const struct cli_option options[] = {
		{"grant", "ID", "of one grant", .text = &query[0].value},
		{"pid", "N", "of one process", .text = &query[1].value},
		{"verdict", "WORD", "deny, hold or allow", .text = &query[2].value},
		{"tail", "N", "only the last N so far", .text = &query[3].value},
		{"follow", NULL, "go on with what happens", .flag = &follow},
		{0},
	};
	_cleanup_free_ char *path = NULL;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first < argc)
		return cli_usage(cli, "no argument expected");
	query[4].value = follow ? "1" : NULL;
	path = query_path("/v1/events", query);
	return path ? client_stream(cli, path, trace_line, cli) : EX_OSERR;
}
