/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/log_args.h"
#include "cli/print.h"
#include "common/cleanup.h"
#include "log/receipt.h"
#include "token/date_time.h"

static const struct {
	int err;
	const char *what;
} problems[] = {
	{-ENOKEY, "its checkpoint is not signed by this log's key"},
	{-EKEYREJECTED, "a signature of its checkpoint is wrong"},
	{-EBADMSG, "its proof does not lead from the record to the checkpoint"},
};

static int problem_say(const char *file, int err)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (problems[i].err != err)
			continue;
		cli_error("%s: %s", file, problems[i].what);
		return EX_DATAERR;
	}
	cli_error("%s: %s", file, strerror(-err));
	return EX_OSERR;
}

static int receipt_load(const char *file, struct receipt *receipt)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = file_read(file, RECEIPT_BYTES, &text, &len);

	if (err) {
		cli_error("%s: %s", file, strerror(-err));
		return EX_NOINPUT;
	}
	err = receipt_parse(text, len, receipt);
	if (err)
		cli_error("%s: %s", file, err == -EBADMSG ? "no receipt" : strerror(-err));
	return err == -EBADMSG ? EX_DATAERR : err ? EX_OSERR : 0;
}

static int show_json(const struct receipt *receipt, const struct receipt_report *r)
{
	json_auto_t *record = json_loadb(receipt->line.at, receipt->line.len, 0, NULL);
	json_auto_t *o =
		json_pack("{s:b, s:s, s:I, s:I, s:I, s:o}", "ok", 1, "origin", r->checkpoint.origin, "index",
			  (json_int_t)receipt->index, "size", (json_int_t)r->checkpoint.size, "witnesses",
			  (json_int_t)r->witnesses, "record", record ? json_incref(record) : json_null());

	return o ? print_json(o) : EX_OSERR;
}

static int show(const struct receipt *receipt, const struct receipt_report *r)
{
	char time[DATE_TIME_LEN + 1];

	print_safe(stdout, receipt->line.at, receipt->line.len);
	printf("\nrecord %" PRIu64 " of ", r->seq);
	print_safe(stdout, r->checkpoint.origin, strlen(r->checkpoint.origin));
	printf(", among its first %" PRIu64, r->checkpoint.size);
	if (r->witnesses && !date_time_format((int64_t)r->witness_time, time))
		printf("; cosigned by %zu, at %s first", r->witnesses, time);
	putchar('\n');
	return 0;
}

int cmd_log_verify_receipt(struct cli *cli, int argc, char **argv)
{
	struct log_args args = {0};
	const struct cli_option options[] = {LOG_OPTION_KEY(args), LOG_OPTION_WITNESS(args), {0}};
	_cleanup_receipt_ struct receipt receipt = {0};
	struct receipt_report report;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1 || !args.key)
		return cli_usage(cli, "one receipt, and --key, are needed");
	code = log_args_trust(&args) ?: receipt_load(argv[first], &receipt);
	if (code)
		return code;
	err = receipt_check(&receipt, &args.trust, &report);
	if (err)
		return problem_say(argv[first], err);
	if (report.witnesses < args.trust.witness_count) {
		cli_error("%s: %zu of %zu witnesses have cosigned", argv[first], report.witnesses,
			  args.trust.witness_count);
		return EX_DATAERR;
	}
	return cli->json ? show_json(&receipt, &report) : show(&receipt, &report);
}
