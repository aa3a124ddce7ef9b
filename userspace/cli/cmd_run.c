/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/files.h"
#include "cli/owner_proof.h"
#include "common/cleanup.h"

/* As shells have it. */
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND	127

struct run {
	const char *endpoint; /* who gives the grant: the owner's policy, or an agent's own grant */
	struct ask wants;
	const char *ticket;	 /* to redeem, in place of all that */
	const char *owner_proof; /* NULL: the caller is the owner */
	struct option_list keep;
	int keep_fds[OPTION_LIST_MAX];
	char **argv;	  /* of the command */
	char *path;	  /* of the command, absolute */
	char *path_asked; /* an endpoint of our own making */
	json_t *ask;
};

static void run_clear(struct run *r)
{
	free(r->path);
	free(r->path_asked);
	json_decref(r->ask);
}

static int run_options(struct cli *cli, int argc, char **argv, struct run *r, int *exit)
{
	const struct cli_option options[] = {
		{"policy", "FILE", "the policy, or the name of an installed one", .text = &r->wants.policy},
		{"purpose", "NAME", "which of its purposes", .text = &r->wants.purpose},
		{"ttl", "TIME", "a shorter life than the purpose's: 90s, 10m, 2h", .text = &r->wants.ttl},
		{"workdir", "DIR", "what ${workdir} stands for (the current directory)",
		 .text = &r->wants.workdir},
		{"owner-proof", "HOW",
		 "have the owner agree: ssh[:SHA256:...|:FILE.pub], oidc:FILE, oidc-command:PROGRAM",
		 .text = &r->owner_proof},
		{"keep-fd", "N", "leave descriptor N open to the command", .list = &r->keep},
		{0},
	};
	int first = cli_options(cli, argc, argv, options, true, exit);

	if (first < 0)
		return -1;
	if (!r->wants.policy || !r->wants.purpose)
		*exit = cli_usage(cli, "--policy and --purpose are needed");
	else if (first >= argc)
		*exit = cli_usage(cli, "which command is to run?");
	r->argv = argv + first;
	return *exit ? -1 : 0;
}

static int delegate_options(struct cli *cli, int argc, char **argv, struct run *r, int *exit)
{
	const struct cli_option options[] = {
		{"scope", "FILE", "a policy within this grant's, or the name of an installed one (all of it)",
		 .text = &r->wants.policy},
		{"purpose", "NAME", "which of its purposes, or a part of this grant's",
		 .text = &r->wants.purpose},
		{"ttl", "TIME", "a shorter life than this grant's: 90s, 10m, 2h", .text = &r->wants.ttl},
		{"workdir", "DIR", "what ${workdir} stands for (as in this grant)",
		 .text = &r->wants.workdir},
		{"ticket", "TICKET",
		 "take up a grant that was delegated for this, and nothing else of the above",
		 .text = &r->ticket},
		{"keep-fd", "N", "leave descriptor N open to the command", .list = &r->keep},
		{0},
	};
	int first = cli_options(cli, argc, argv, options, true, exit);

	if (first < 0)
		return -1;
	if (r->ticket && (r->wants.policy || r->wants.purpose || r->wants.ttl || r->wants.workdir))
		*exit = cli_usage(cli, "a ticket has its scope, purpose, ttl and workdir already");
	else if (first >= argc)
		*exit = cli_usage(cli, "which command is to run?");
	r->argv = argv + first;
	return *exit ? -1 : 0;
}

static int run_keep(const struct cli *cli, struct run *r)
{
	for (size_t i = 0; i < r->keep.count; i++) {
		const char *text = r->keep.value[i];
		char *end;
		long fd = strtol(text, &end, 10);

		if (!*text || *end || fd < 0 || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0)
			return cli_usage(cli, "--keep-fd %s: no open descriptor", text);
		r->keep_fds[i] = (int)fd;
	}
	return 0;
}

static int run_find(struct run *r)
{
	int err = program_find(r->argv[0], &r->path);

	if (err)
		cli_error("%s: %s", r->argv[0], err == -ENOENT ? "command not found" : strerror(-err));
	return !err ? 0 : err == -EACCES ? EXIT_CANNOT_RUN : EXIT_NOT_FOUND;
}

/* No privilege may be had by executing a file, and nothing that happens to be open is the command's. */
static int run_confine(struct run *r)
{
	int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;

	if (!err)
		err = fds_keep_only(r->keep_fds, r->keep.count);
	if (err)
		cli_error("cannot confine the command: %s", strerror(-err));
	return err ? EX_OSERR : 0;
}

static int run_exec(struct run *r)
{
	int err;

	execv(r->path, r->argv);
	err = errno;
	if (err == EACCES)
		cli_error("%s: not granted: see `deputy why %d`", r->path, (int)getpid());
	else
		cli_error("%s: %s", r->path, strerror(err));
	return err == ENOENT || err == ENOTDIR ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/*
 * From the daemon's answer on this process is bound by the grant, so all that may need more was done before,
 * and the answer's socket is the last thing closed. Whether the answer was lost or makes no sense, the
 * command is then not run: it must never run untagged.
 */
static int run_tagged(struct cli *cli, struct run *r)
{
	_cleanup_reply_ struct reply reply = {0};
	int code = client_call(cli, "POST", r->endpoint, r->ask, &reply);
	const char *id = json_string_value(json_object_get(reply.body, "grant"));

	if (code)
		return code;
	if (reply.status != 201 || !id || setenv("DEPUTY_GRANT", id, 1)) {
		cli_error("the daemon's answer names no grant");
		return EX_PROTOCOL;
	}
	return run_exec(r);
}

/* What is asked for: a new grant, or one that waits. */
static int run_request(struct run *r, const char *workdir)
{
	_cleanup_free_ char *ticket = r->ticket ? client_escape(r->ticket) : NULL;

	if (!r->ticket)
		return ask_make(&r->wants, workdir, r->argv, &r->ask);
	if (!ticket || asprintf(&r->path_asked, "/v1/tickets/%s", ticket) < 0)
		return EX_OSERR;
	r->endpoint = r->path_asked;
	return 0;
}

static int run_command(struct cli *cli, struct run *r, const char *workdir)
{
	int code = run_keep(cli, r);

	if (!code)
		code = run_find(r);
	if (!code)
		code = run_request(r, workdir);
	if (!code && r->owner_proof)
		code = owner_proof_add(cli, r->owner_proof, r->ask);
	if (!code)
		code = run_confine(r);
	if (!code)
		_exit(run_tagged(cli, r));
	return code;
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(run_clear))) struct run r = {.endpoint = "/v1/grants"};
	int code;

	return run_options(cli, argc, argv, &r, &code) ? code : run_command(cli, &r, ".");
}

int cmd_delegate(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(run_clear))) struct run r = {.endpoint = "/v1/delegate"};
	int code;

	return delegate_options(cli, argc, argv, &r, &code) ? code : run_command(cli, &r, NULL);
}
