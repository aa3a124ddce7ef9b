/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands on a log take alike. */
#ifndef DEPUTY_CLI_LOG_ARGS_H
#define DEPUTY_CLI_LOG_ARGS_H

#include "cli/cli.h"
#include "log/log_verify.h"

#define LOG_DIR "/var/lib/deputy/log"

struct log_args {
	const char *dir;
	const char *key;
	struct option_list witnesses;
	/* log_args_trust() fills these. */
	struct log_trust trust;
	struct note_key log, witness[OPTION_LIST_MAX];
};

/* Three entries of an option table. */
#define LOG_OPTION_DIR(args) {"log", "DIR", "the log; else " LOG_DIR, .text = &(args).dir}
#define LOG_OPTION_KEY(args) {"key", "KEY|FILE", "the log's public key, NAME+ID+BASE64", .text = &(args).key}
#define LOG_OPTION_WITNESS(args)                                                                             \
	{"witness", "KEY|FILE", "a witness's; repeat for more", .list = &(args).witnesses}

/* Reads the keys. Exit code. */
int log_args_trust(struct log_args *args);
/* Opens the directory. Exit code. */
int log_args_open(const struct log_args *args, int *dir);
/* Says why a log cannot be read. Exit code. */
int log_args_error(const struct log_args *args, int err);

#endif
