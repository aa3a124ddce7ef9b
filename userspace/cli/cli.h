/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deputy program: a table of commands, each with a table of options. A command returns an exit code of
 * sysexits.h and has said on stderr what went wrong.
 */
#ifndef DEPUTY_CLI_H
#define DEPUTY_CLI_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_SOCKET "/run/deputy/deputy.sock"

/* What every command is told. */
struct cli {
	const char *socket;
	bool json;
	bool colour; /* stdout is a terminal that takes it */
	const struct command *command;
};

struct command {
	const char *name; /* of one or two words: "ls", "policy check" */
	const char *args; /* as the usage line shows them */
	const char *what; /* one line; NULL: for our own use, not shown */
	/* argv[0] is the command's last word. */
	int (*run)(struct cli *cli, int argc, char **argv);
};

#define OPTION_LIST_MAX 64u

struct option_list {
	size_t count;
	const char *value[OPTION_LIST_MAX];
};

/* One long option. Exactly one of flag, text, list is set: where the value goes. */
struct cli_option {
	const char *name;
	const char *arg; /* what the value is called in the usage; NULL for a flag */
	const char *what;
	bool *flag;
	const char **text;
	struct option_list *list;
};

/*
 * Takes the options out of argv, those that every command has (--json, --socket, --help) included, and moves
 * the rest behind them. `stop` ends at the first argument that is no option, as for a command to run.
 * Returns the index of the first argument, or -1 when the command is over: *exit is then its exit code.
 */
int cli_options(struct cli *cli, int argc, char **argv, const struct cli_option *options, bool stop,
		int *exit);

/* Prints a usage mistake and where help is to be had. Returns EX_USAGE. */
int cli_usage(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "deputy: ..." on stderr. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

int cmd_run(struct cli *cli, int argc, char **argv);
int cmd_delegate(struct cli *cli, int argc, char **argv);
int cmd_ticket(struct cli *cli, int argc, char **argv);
int cmd_ls(struct cli *cli, int argc, char **argv);
int cmd_tree(struct cli *cli, int argc, char **argv);
int cmd_show(struct cli *cli, int argc, char **argv);
int cmd_renew(struct cli *cli, int argc, char **argv);
int cmd_revoke(struct cli *cli, int argc, char **argv);
int cmd_why(struct cli *cli, int argc, char **argv);
int cmd_trace(struct cli *cli, int argc, char **argv);
int cmd_policy_check(struct cli *cli, int argc, char **argv);
int cmd_policy_explain(struct cli *cli, int argc, char **argv);
int cmd_policy_within(struct cli *cli, int argc, char **argv);
int cmd_key_ls(struct cli *cli, int argc, char **argv);
int cmd_key_rotate(struct cli *cli, int argc, char **argv);
int cmd_token_exchange(struct cli *cli, int argc, char **argv);
int cmd_token_introspect(struct cli *cli, int argc, char **argv);
int cmd_token_proof(struct cli *cli, int argc, char **argv);
int cmd_token_export(struct cli *cli, int argc, char **argv);
int cmd_token_verify(struct cli *cli, int argc, char **argv);
int cmd_log_verify(struct cli *cli, int argc, char **argv);
int cmd_log_prove(struct cli *cli, int argc, char **argv);
int cmd_log_verify_receipt(struct cli *cli, int argc, char **argv);
int cmd_log_checkpoint_check(struct cli *cli, int argc, char **argv);
int cmd_doctor(struct cli *cli, int argc, char **argv);
int cmd_doctor_probe(struct cli *cli, int argc, char **argv);

#endif
