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
	const char *grant = NULL, *verdict = NULL, *tail = NULL, *pid = NULL;
	bool follow = false;
	const struct cli_option options[] = {
	        {"follow", NULL, "go on with what happens", .flag = &follow},
	        {"grant", "ID", "of one grant", .text = &grant},
	        {"pid", "N", "of one process", .text = &pid},
	        {"verdict", "WORD", "deny, hold or allow", .text = &verdict},
	        {"tail", "N", "only the last N so far", .text = &tail},
	        {0},
	};
	_cleanup_free_ char *path = NULL;
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first < argc)
		return cli_usage(cli, "no argument expected");
	path = query_path("/v1/events", (const struct query[]){{"follow", follow ? "1" : NULL},
	                                                       {"grant", grant},
	                                                       {"pid", pid},
	                                                       {"verdict", verdict},
	                                                       {"tail", tail},
	                                                       {0}});
	return path ? client_stream(cli, path, trace_line, cli) : EX_OSERR;
}
