/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/print.h"

static void doctor_clear(struct doctor *d)
{
	doctor_daemon_stop(&d->daemon);
	doctor_site_clear(&d->site);
	json_decref(d->open_roads);
	free(d->program);
}

/* ---- the verdict ---- */

static bool is_refusal(int err)
{
	return err == EACCES || err == EPERM;
}

static const char *row_problem(const struct doctor_row *row, const struct doctor_scope *scope)
{
	if (!scope->guard && row->got[SIDE_ALLOWED])
		return "what is allowed was refused";
	if (!is_refusal(row->got[SIDE_DENIED]))
		return "not refused";
	if (!scope->guard && row->control)
		return "the host refuses it by itself";
	return row->seen ? NULL : "no event";
}

static const char *errno_text(int err)
{
	return err == DOCTOR_UNTRIED ? "untried" : err ? strerrorname_np(err) : "done";
}

/* A line of the report. */
struct result {
	const char *scope, *allowed, *refused, *problem;
	bool event;
};

static struct result result_of(const struct doctor *d, size_t i)
{
	const struct doctor_scope *scope = &doctor_scopes[i];
	const struct doctor_row *row = &d->rows[i];

	if (i == doctor_scope_count)
		return (struct result){"revoked, denied", "done", errno_text(d->revoked),
				       is_refusal(d->revoked) ? NULL : "not refused", false};
	if (i > doctor_scope_count)
		return (struct result){"revoked, killed", "done",
				       d->killed == 128 + SIGKILL ? "SIGKILL" : "untried",
				       d->killed == 128 + SIGKILL ? NULL : "not killed", false};
	return (struct result){scope->name, scope->guard ? NULL : errno_text(row->got[SIDE_ALLOWED]),
			       errno_text(row->got[SIDE_DENIED]), row_problem(row, scope), row->seen};
}

#define RESULTS (doctor_scope_count + 2) /* and the two ways of revoking */

static int results_print(const struct doctor *d)
{
	static const char *const titles[] = {"SCOPE", "ALLOWED", "REFUSED", "EVENT", "RESULT"};
	struct table_text *table = table_text_new(5, titles);

	for (size_t i = 0; table && i < RESULTS; i++) {
		struct result r = result_of(d, i);
		const char *const cells[] = {r.scope, r.allowed ? r.allowed : "-", r.refused,
					     r.event ? "seen" : "-", r.problem ? r.problem : "enforced"};

		if (table_text_row(table, cells))
			return EX_OSERR;
	}
	if (!table)
		return EX_OSERR;
	table_text_print(table, d->cli->colour);
	return 0;
}

static json_t *results_json(const struct doctor *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < RESULTS; i++) {
		struct result r = result_of(d, i);

		json_array_append_new(list, json_pack("{s:s, s:s?, s:s, s:b, s:b, s:s?}", "scope", r.scope,
						      "allowed", r.allowed, "refused", r.refused, "event",
						      r.event, "enforced", !r.problem, "problem", r.problem));
	}
	return list;
}

static bool all_enforced(const struct doctor *d)
{
	for (size_t i = 0; i < RESULTS; i++)
		if (result_of(d, i).problem)
			return false;
	return !json_array_size(d->open_roads);
}

static void roads_print(const struct doctor *d)
{
	const json_t *road;
	size_t i;

	json_array_foreach (d->open_roads, i, road)
		printf("Open on this kernel: %s\n", json_string_value(road));
}

static int doctor_report(struct doctor *d)
{
	bool tried = !*d->reason, sound = tried && all_enforced(d);
	json_auto_t *answer = NULL;

	if (d->cli->json) {
		answer = json_pack("{s:b, s:s?, s:o, s:O?}", "enforced", sound, "reason",
				   tried ? NULL : d->reason, "scopes", tried ? results_json(d) : json_array(),
				   "open_roads", d->open_roads);
		print_json(answer);
	} else if (tried) {
		results_print(d);
		roads_print(d);
		puts(sound ? "Every scope is enforced." : "This host does not enforce everything.");
	} else {
		cli_error("nothing is enforced here: %s", d->reason);
	}
	return sound ? 0 : EX_UNAVAILABLE;
}

/* ---- the course of it ---- */

static int doctor_daemon(struct doctor *d, struct cli *cli, bool own)
{
	int err = own ? doctor_daemon_start(&d->daemon, d->site.dir) : 0;

	if (!own)
		return 0;
	cli->socket = d->daemon.socket;
	if (err == -ECHILD)
		doctor_reason(d, "deputyd ended", d->daemon.log);
	else if (err == -ETIMEDOUT)
		doctor_reason(d, "deputyd does not get ready", d->daemon.log);
	else if (err)
		snprintf(d->reason, sizeof(d->reason), "cannot start deputyd: %s", strerror(-err));
	return err;
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(doctor_clear))) struct doctor d = {
		.cli = cli, .revoked = DOCTOR_UNTRIED, .killed = DOCTOR_UNTRIED};
	const struct cli_option options[] = {{0}};
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first < argc)
		return cli_usage(cli, "no argument expected");
	for (size_t i = 0; i < doctor_scope_count; i++)
		d.rows[i] = (struct doctor_row){{DOCTOR_UNTRIED, DOCTOR_UNTRIED}, DOCTOR_UNTRIED, false};
	d.program = realpath("/proc/self/exe", NULL);
	err = d.program ? doctor_site_make(&d.site, d.program) : -errno;
	if (err) {
		cli_error("cannot prepare: %s", strerror(-err));
		return EX_CANTCREAT;
	}
	if (!doctor_daemon(&d, cli, strcmp(cli->socket, CLI_SOCKET) == 0 && access(CLI_SOCKET, F_OK) != 0))
		doctor_try(&d);
	return doctor_report(&d);
}
