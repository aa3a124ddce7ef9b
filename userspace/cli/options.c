/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cli/cli.h"

#define OPTIONS_MAX 16
#define COMMON	    4 /* entries of `common`, its end included */

void cli_error(const char *format, ...)
{
	va_list args;

	fputs("deputy: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
	const char *name = cli->command ? cli->command->name : "";
	va_list args;

	fprintf(stderr, "deputy%s%s: ", *name ? " " : "", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry: deputy%s%s --help\n", *name ? " " : "", name);
	return EX_USAGE;
}

static void help_options(const struct cli_option *o)
{
	for (; o->name; o++) {
		int used = printf("  --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");

		printf("%*s%s\n", used < 24 ? 24 - used : 1, "", o->what);
	}
}

static void help(const struct cli *cli, const struct cli_option *own, const struct cli_option *common)
{
	printf("usage: deputy %s [options] %s\n%s\n\n", cli->command->name, cli->command->args,
	       cli->command->what);
	help_options(own);
	help_options(common);
}

static int option_take(const struct cli *cli, const struct cli_option *o, const char *value)
{
	if (o->flag) {
		*o->flag = true;
	} else if (o->text) {
		*o->text = value;
	} else {
		if (o->list->count == OPTION_LIST_MAX)
			return cli_usage(cli, "--%s: more than %u of them", o->name, OPTION_LIST_MAX);
		o->list->value[o->list->count++] = value;
	}
	return 0;
}

/* getopt's table out of ours: val is the index into all[], from 1. */
static void option_table(const struct cli_option *own, const struct cli_option *common,
			 const struct cli_option *all[OPTIONS_MAX], struct option table[OPTIONS_MAX + 1])
{
	int n = 0;

	for (; own->name; own++)
		all[n++] = own;
	for (; common->name; common++)
		all[n++] = common;
	for (int i = 0; i < n; i++)
		table[i] = (struct option){all[i]->name, all[i]->arg ? required_argument : no_argument, NULL,
					   i + 1};
	table[n] = (struct option){0};
}

int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *options, bool stop,
		int *exit)
{
	bool wants_help = false;
	const struct cli_option common[COMMON] = {
		{"json", NULL, "answer in JSON", .flag = &cli->json},
		{"socket", "PATH", "the daemon's socket (also DEPUTY_SOCKET)", .text = &cli->socket},
		{"help", NULL, "this text", .flag = &wants_help},
	};
	const struct cli_option *all[OPTIONS_MAX];
	struct option table[OPTIONS_MAX + 1];
	int c;

	option_table(options, common, all, table);
	optind = 0; /* start afresh: the program's own options were parsed before */
	opterr = 0;
	*exit = 0;
	while ((c = getopt_long(argc, argv, stop ? "+:" : ":", table, NULL)) != -1) {
		if (c == ':')
			*exit = cli_usage(cli, "%s needs a value", argv[optind - 1]);
		else if (c == '?')
			*exit = cli_usage(cli, "no option %s", argv[optind - 1]);
		else
			*exit = option_take(cli, all[c - 1], optarg);
		if (*exit)
			return -1;
	}
	if (!wants_help)
		return optind;
	help(cli, options, common);
	return -1;
}
