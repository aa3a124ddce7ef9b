/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/log_args.h"
#include "cli/print.h"
#include "common/cleanup.h"

#define FINDINGS_MAX 1000u /* shown; the rest is counted */

struct view {
	const struct cli *cli;
	json_t *list;
	size_t count;
};

static void finding_show(void *arg, const struct log_finding *f)
{
	struct view *view = arg;
	char text[512];

	if (view->count++ >= FINDINGS_MAX)
		return;
	log_finding_text(f, text, sizeof(text));
	if (!view->cli->json) {
		print_colour(stdout, view->cli->colour, log_finding_is_warning(f) ? YELLOW : RED);
		printf("%s%s", log_finding_is_warning(f) ? "warning: " : "", text);
		print_colour(stdout, view->cli->colour, PLAIN);
		putchar('\n');
		return;
	}
	json_array_append_new(view->list,
			      json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:s}", "kind",
					log_finding_name(f->kind), "warning", log_finding_is_warning(f),
					"segment", (json_int_t)f->segment, "line", (json_int_t)f->line, "seq",
					(json_int_t)f->seq, "to", (json_int_t)f->to, "text", text));
}

static int report_json(const struct log_report *r, const struct log_args *args, json_t *findings)
{
	json_auto_t *o =
		json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "ok", !r->damage,
			  "signatures_checked", args->key != NULL, "first", (json_int_t)r->first, "next",
			  (json_int_t)r->next, "lines_from", (json_int_t)r->lines_from, "segments",
			  (json_int_t)r->segments, "checkpoints", (json_int_t)r->checkpoints, "covered",
			  (json_int_t)r->covered, "unjudged", (json_int_t)r->unjudged, "witnessed",
			  (json_int_t)r->witnessed, "findings", findings);

	return o ? print_json(o) : EX_OSERR;
}

static void report_print(const struct log_report *r, const struct log_args *args)
{
	printf("records %" PRIu64 " to %" PRIu64 ", lines from %" PRIu64 " on, in %" PRIu64 " segments\n",
	       r->first, r->next - 1, r->lines_from, r->segments);
	printf("%" PRIu64 " checkpoints hold, the last of them for %" PRIu64 " records%s\n", r->checkpoints,
	       r->covered, args->key ? "" : "; their signatures were not checked: --key is not given");
	if (r->unjudged)
		printf("%" PRIu64 " checkpoints are of a part that nothing tells of any more\n", r->unjudged);
	if (r->witnessed)
		printf("a witness has cosigned %" PRIu64 " records\n", r->witnessed);
	if (!r->covered)
		puts("no checkpoint covers a record: whoever can write the log could have made all of it");
	else if (r->first + r->covered < r->next)
		printf("records %" PRIu64 " to %" PRIu64 " have no checkpoint yet\n", r->first + r->covered,
		       r->next - 1);
	puts(r->damage ? "the log is not what was written"
		       : "nothing is altered, removed, moved or inserted");
}

int cmd_log_verify(struct cli *cli, int argc, char **argv)
{
	struct log_args args = {0};
	const struct cli_option options[] = {
		LOG_OPTION_DIR(args), LOG_OPTION_KEY(args), LOG_OPTION_WITNESS(args), {0}};
	json_auto_t *findings = json_array();
	struct view view = {.cli = cli, .list = findings};
	struct log_report report;
	_cleanup_close_ int dir = -1;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first != argc)
		return cli_usage(cli, "unexpected argument: %s", argv[first]);
	code = log_args_trust(&args) ?: log_args_open(&args, &dir);
	if (code)
		return code;
	err = log_verify(dir, &args.trust, finding_show, &view, &report);
	if (err)
		return log_args_error(&args, err);
	if (view.count > FINDINGS_MAX && !cli->json)
		printf("and %zu more\n", view.count - FINDINGS_MAX);
	code = cli->json ? report_json(&report, &args, findings) : (report_print(&report, &args), 0);
	return code ?: report.damage ? EX_DATAERR : 0;
}
