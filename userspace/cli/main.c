/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "common/version.h"

static const struct command commands[] = {
	{"run", "--policy FILE --purpose NAME -- COMMAND...",
	 "Tag this process with a grant, then run a command.", cmd_run},
	{"delegate", "[--scope FILE] [--purpose NAME] [--ttl TIME] | [--ticket TICKET] -- CMD [ARG...]",
	 "From within a grant: run a command under a narrower one.", cmd_delegate},
	{"ticket", "[--scope FILE] [--purpose NAME] [--ttl TIME] [-- CMD [ARG...]]",
	 "From within a grant: make a narrower one for `deputy delegate --ticket`.", cmd_ticket},
	{"ls", "", "List grants.", cmd_ls},
	{"tree", "", "Show grants by owner, policy and parent.", cmd_tree},
	{"show", "ID", "Show one grant with its chain and rules.", cmd_show},
	{"renew", "[--ttl TIME] [ID]", "Have a grant last longer, its policy evaluated again.", cmd_renew},
	{"revoke", "[ID]", "Revoke a grant and all beneath it, or all that have something in common.",
	 cmd_revoke},
	{"why", "[PID|EVENT]", "Say what was refused, by which rule, and what would allow it.", cmd_why},
	{"trace", "", "Print events.", cmd_trace},
	{"policy check", "FILE...", "Find the mistakes in policies.", cmd_policy_check},
	{"policy explain", "FILE --purpose NAME [PATH]", "Say what a policy decides and why.",
	 cmd_policy_explain},
	{"policy within", "CHILD PARENT --purpose NAME", "Prove that a policy allows no more than another.",
	 cmd_policy_within},
	{"key ls", "", "List the host's signing keys.", cmd_key_ls},
	{"key rotate", "", "Have the next key sign from now on.", cmd_key_rotate},
	{"token exchange", "[--audience NAME] [--scope LIST] [-- CMD ...]",
	 "Exchange a grant for a token that others take.", cmd_token_exchange},
	{"token introspect", "TOKEN|CHAIN|FILE|-",
	 "Ask the daemon whether a token is good, and what it says.", cmd_token_introspect},
	{"token proof", "--key FILE --method METHOD --url URL [TOKEN|FILE|-]",
	 "Make a DPoP proof for a request with a token.", cmd_token_proof},
	{"token export", "--vc [GRANT]", "Print a grant's chain as a Verifiable Credential.",
	 cmd_token_export},
	{"token verify", "TOKEN|CHAIN|FILE|-", "Check a token, or a chain link by link.", cmd_token_verify},
	{"log verify", "[--log DIR] [--key KEY]",
	 "Find what was altered, removed, moved or inserted in a log.", cmd_log_verify},
	{"log prove", "SEQ | --since FILE", "Make a receipt of a record, or prove that the log goes on.",
	 cmd_log_prove},
	{"log verify-receipt", "FILE --key KEY", "Check a receipt, with nothing but the log's key.",
	 cmd_log_verify_receipt},
	{"log checkpoint-check", "FILE --key KEY", "Check a checkpoint, with --log against the log too.",
	 cmd_log_checkpoint_check},
	{"doctor", "", "Prove by trying what this host can enforce.", cmd_doctor},
	{"doctor-probe", "MODE DIR PORT...", NULL, cmd_doctor_probe},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(const struct cli *cli)
{
	(void)cli;
	puts("usage: deputy [--socket PATH] [--json] COMMAND ...\n");
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].what)
			printf("  %-22s%s\n", commands[i].name, commands[i].what);
	puts("\nEach command has --help. Exit codes are those of sysexits.h.");
	return 0;
}

static int version(const struct cli *cli)
{
	printf(cli->json ? "{\"version\": \"%s\"}\n" : "deputy %s\n", DEPUTY_VERSION);
	return 0;
}

/* Number of words of `name` that argv begins with: all of them, or 0. */
static int name_match(const char *name, int argc, char **argv)
{
	const char *space = strchr(name, ' ');
	size_t first = space ? (size_t)(space - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static int command_run(struct cli *cli, int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		int words = name_match(commands[i].name, argc, argv);

		if (!words)
			continue;
		cli->command = &commands[i];
		return commands[i].run(cli, argc - words + 1, argv + words - 1);
	}
	return cli_usage(cli, "no command \"%s%s%s\"", argv[0], argc > 1 && argv[1][0] != '-' ? " " : "",
			 argc > 1 && argv[1][0] != '-' ? argv[1] : "");
}

/* The program's own options, before the command. Returns their number, -1 when one is wrong. */
static int global_options(struct cli *cli, int argc, char **argv, int (**instead)(const struct cli *))
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0)
			cli->json = true;
		else if (strcmp(argv[i], "--help") == 0)
			*instead = help;
		else if (strcmp(argv[i], "--version") == 0)
			*instead = version;
		else if (strncmp(argv[i], "--socket=", 9) == 0)
			cli->socket = argv[i] + 9;
		else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
			cli->socket = argv[++i];
		else
			return -1;
	}
	return i;
}

int main(int argc, char **argv)
{
	const char *path = getenv("DEPUTY_SOCKET"), *term = getenv("TERM");
	struct cli cli = {.socket = path && *path ? path : CLI_SOCKET};
	int (*instead)(const struct cli *) = NULL;
	int first = global_options(&cli, argc, argv, &instead), code;

	cli.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
	if (first < 0)
		return cli_usage(&cli, "these options are not understood");
	if (instead)
		return instead(&cli);
	if (first == argc)
		return cli_usage(&cli, "which command?");
	code = command_run(&cli, argc - first, argv + first);
	if (fflush(stdout) && !code) {
		perror("deputy: standard output");
		return EX_IOERR;
	}
	return code;
}
