/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/endpoint.h"
#include "cli/policy_file.h"
#include "cli/print.h"

struct explain {
	struct option_list profiles;
	struct policy_vars vars;
	const char *purpose, *op, *connect, *bind, *socket, *path, *capability;
	bool udp, userns;
	struct table *table;
	json_t *answers;
};

static void explain_clear(struct explain *x)
{
	table_free(x->table);
	json_decref(x->answers);
}

static const char *const actions[] = {[ACT_DENY] = "deny", [ACT_HOLD] = "hold", [ACT_ALLOW] = "allow"};

static void explain_print(const struct cli *cli, struct explain *x, const char *op, const char *object,
			  const struct policy_answer *a)
{
	static const enum colour colours[] = {[ACT_DENY] = RED, [ACT_HOLD] = YELLOW, [ACT_ALLOW] = GREEN};

	if (cli->json) {
		json_array_append_new(x->answers,
				      json_pack("{s:s, s:s, s:s, s:s?}", "op", op, "object", object,
						"verdict", actions[a->action], "rule", a->rule));
		return;
	}
	print_colour(stdout, cli->colour, colours[a->action]);
	printf("%-6s", actions[a->action]);
	print_colour(stdout, cli->colour, PLAIN);
	printf("%-9s %s  (", op, object);
	fputs(a->rule ? a->rule : "no rule names it", stdout);
	puts(")");
}

static int explain_path(const struct cli *cli, struct explain *x)
{
	int only = x->op ? file_op_parse(x->op) : 0;

	if (only < 0)
		return cli_usage(cli, "--op %s: no such operation", x->op);
	if (*x->path != '/')
		return cli_usage(cli, "%s: an absolute path is expected", x->path);
	for (int op = only; op < (x->op ? only + 1 : FILE_OPS); op++) {
		struct policy_answer a;
		int err = policy_explain_path(x->table, (enum file_op)op, x->path, &a);

		if (err) {
			cli_error("%s: %s", x->path, strerror(-err));
			return EX_DATAERR;
		}
		explain_print(cli, x, file_op_name((enum file_op)op), x->path, &a);
	}
	return 0;
}

static int explain_addr(const struct cli *cli, struct explain *x)
{
	static const enum net_op ops[2][2] = {{NET_TCP_CONNECT, NET_UDP_SEND}, {NET_TCP_BIND, NET_UDP_BIND}};
	const char *object = x->connect ? x->connect : x->bind;
	enum net_op op = ops[!x->connect][x->udp];
	struct policy_answer a;
	struct cell_addr addr;
	uint16_t port;

	if (endpoint_parse(object, &addr, &port))
		return cli_usage(cli, "%s: 192.0.2.1:443 or [2001:db8::1]:443 is expected", object);
	if (policy_explain_addr(x->table, op, &addr, port, &a))
		return EX_SOFTWARE;
	explain_print(cli, x, net_op_name(op), object, &a);
	return 0;
}

static int explain_privilege(const struct cli *cli, struct explain *x)
{
	int bit = x->userns ? (int)PRIV_USERNS : capability_parse(x->capability);
	struct policy_answer a;

	if (bit < 0)
		return cli_usage(cli, "--capability %s: no such capability", x->capability);
	if (policy_explain_privilege(x->table, (unsigned)bit, &a))
		return EX_SOFTWARE;
	if (x->userns)
		explain_print(cli, x, "create", "user namespace", &a);
	else
		explain_print(cli, x, "capability", capability_name((unsigned)bit), &a);
	return 0;
}

static int explain_socket(const struct cli *cli, struct explain *x)
{
	struct policy_answer a;
	int kind = socket_kind_parse(x->socket);

	if (kind < 0)
		return cli_usage(cli, "--socket %s: no such kind", x->socket);
	if (policy_explain_socket(x->table, (enum socket_kind)kind, &a))
		return EX_SOFTWARE;
	if (a.action == ACT_ALLOW)
		a.rule = "granted by its kind";
	explain_print(cli, x, "socket", x->socket, &a);
	return 0;
}

static int explain_object(const struct cli *cli, struct explain *x)
{
	if (x->path)
		return explain_path(cli, x);
	if (x->socket)
		return explain_socket(cli, x);
	return x->capability || x->userns ? explain_privilege(cli, x) : explain_addr(cli, x);
}

static int explain_compile(struct explain *x, struct policy_file *file)
{
	int err = policy_vars_fill(&x->vars);

	if (!err)
		err = policy_compile(file->policy, x->purpose, &x->vars, &file->errors, &x->table);
	if (err == -ENOENT)
		cli_error("%s: no purpose \"%s\"", file->path, x->purpose);
	else if (err == -EINVAL)
		policy_file_complain(&file->errors);
	else if (err)
		cli_error("%s: %s", file->path, strerror(-err));
	return err ? EX_DATAERR : 0;
}

static int explain_file(const struct cli *cli, struct explain *x, const char *path)
{
	_cleanup_policy_file_ struct policy_file file = {0};
	int err = policy_file_open(path, &x->profiles, &file), code;

	if (err == -EINVAL)
		policy_file_complain(&file.errors);
	else if (err)
		cli_error("%s: %s", path, strerror(-err));
	if (err)
		return err == -EINVAL ? EX_DATAERR : EX_NOINPUT;
	code = explain_compile(x, &file);
	if (!code)
		code = explain_object(cli, x);
	if (!code && cli->json)
		print_json(x->answers);
	return code;
}

int cmd_policy_explain(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(explain_clear))) struct explain x = {.answers = json_array()};
	const struct cli_option options[] = {
		{"purpose", "NAME", "which of its purposes", .text = &x.purpose},
		{"op", "NAME", "only this operation on PATH", .text = &x.op},
		{"connect", "ADDR:PORT", "connecting to an address", .text = &x.connect},
		{"bind", "ADDR:PORT", "binding to an address", .text = &x.bind},
		{"capability", "NAME", "using a capability", .text = &x.capability},
		{"user-namespaces", NULL, "making user namespaces", .flag = &x.userns},
		{"socket", "KIND", "making a socket that is neither TCP, UDP nor unix", .text = &x.socket},
		{"udp", NULL, "by UDP in place of TCP", .flag = &x.udp},
		{"profiles", "DIR", "where profiles are, as NAME.yaml", .list = &x.profiles},
		{"workdir", "DIR", "${workdir}", .text = &x.vars.workdir},
		{"home", "DIR", "${home}", .text = &x.vars.home},
		{"user", "NAME", "${user}", .text = &x.vars.user},
		{0},
	};
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first == argc || !x.purpose)
		return cli_usage(cli, "a file and --purpose are needed");
	x.path = argv[first + 1];
	if (!!x.path + !!x.connect + !!x.bind + !!x.socket + !!x.capability + x.userns != 1 ||
	    argc - first > 2)
		return cli_usage(
			cli,
			"one of PATH, --connect, --bind, --socket, --capability and --user-namespaces is needed");
	return explain_file(cli, &x, argv[first]);
}
