/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/doctor_child.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/query.h"
#include "common/cleanup.h"

#define SCOPES_MAX 32
#define EVENTS_MS  3000 /* the recorder's and the broker's time to show an event */
#define STEP_MS    50
#define REASON_MAX 2048

/* What came of one scope; errnos, DOCTOR_UNTRIED where none was met. */
struct row {
	int got[SIDES];
	int control;
	bool seen;
};

struct doctor {
	const struct cli *cli;
	char *program;
	struct doctor_site site;
	struct doctor_daemon daemon;
	char grant[64];
	struct row rows[SCOPES_MAX];
	int revoked_open, revoked_held; /* errno after the grant was revoked */
	char reason[REASON_MAX];        /* why it could not even be tried */
};

static void doctor_clear(struct doctor *d)
{
	doctor_daemon_stop(&d->daemon);
	doctor_site_clear(&d->site);
	free(d->program);
}

/* The end of a log, without which no reason is known. */
static void reason_from(struct doctor *d, const char *what, const char *log)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, from;

	if (file_read(log, 1u << 20, &text, &len))
		len = 0;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	from = len > REASON_MAX / 2 ? len - REASON_MAX / 2 : 0;
	snprintf(d->reason, sizeof(d->reason), "%s%s%s", what, len ? ":\n" : "", len ? text + from : "");
}

/* ---- running the probe ---- */

struct probe_args {
	char dir[128], policy[128], log[128], ports[SIDES * PORTS][8];
	char *argv[32];
	size_t argc;
};

static void args_add(struct probe_args *a, const char *text)
{
	a->argv[a->argc++] = (char *)text;
}

static void args_make(const struct doctor *d, struct probe_args *a, const char *mode, const char *where,
                      bool tagged)
{
	*a = (struct probe_args){0};
	snprintf(a->dir, sizeof(a->dir), "%s/%s", d->site.dir, where);
	snprintf(a->policy, sizeof(a->policy), "%s/policy.yaml", d->site.dir);
	snprintf(a->log, sizeof(a->log), "%s/probe.log", d->site.dir);
	args_add(a, "deputy");
	if (tagged) {
		const char *const run[] = {"--socket", d->cli->socket, "run",     "--policy",
		                           a->policy,  "--purpose",    "probe",   "--workdir",
		                           a->dir,     "--",           d->program};

		for (size_t i = 0; i < sizeof(run) / sizeof(run[0]); i++)
			args_add(a, run[i]);
	}
	args_add(a, "doctor-probe");
	args_add(a, mode);
	args_add(a, a->dir);
	for (int i = 0; i < SIDES * PORTS; i++) {
		snprintf(a->ports[i], sizeof(a->ports[i]), "%u", doctor_ports[i / PORTS][i % PORTS]);
		args_add(a, a->ports[i]);
	}
}

static void probe_line(struct doctor *d, const char *line, bool tagged)
{
	char name[16], side[16];
	int err;

	if (tagged && sscanf(line, "grant %63s", d->grant) == 1)
		return;
	if (sscanf(line, "%15s %15s %d", name, side, &err) != 3)
		return;
	for (size_t i = 0; i < doctor_scope_count; i++) {
		struct row *row = &d->rows[i];

		if (strcmp(doctor_scopes[i].name, name) != 0)
			continue;
		if (tagged)
			row->got[strcmp(side, doctor_sides[SIDE_DENIED]) == 0] = err;
		else if (strcmp(side, doctor_sides[SIDE_DENIED]) == 0)
			row->control = err;
	}
}

static int probe_tries(struct doctor *d, const char *where, bool tagged)
{
	struct doctor_child c = {0};
	struct probe_args a;
	char line[128];
	int code;

	args_make(d, &a, "tries", where, tagged);
	if (doctor_child_start(&c, d->program, a.argv, a.log))
		return EX_OSERR;
	while (c.out && fgets(line, sizeof(line), c.out))
		probe_line(d, line, tagged);
	code = doctor_child_end(&c);
	if (code)
		reason_from(d, "the probe could not run", a.log);
	return code ? EX_UNAVAILABLE : 0;
}

/* The one live grant of the probe's purpose, since it cannot say which it has. */
static int probe_revoke(const struct doctor *d)
{
	_cleanup_reply_ struct reply list = {0}, gone = {0};
	_cleanup_free_ char *path = NULL;
	const json_t *grant;
	size_t i;
	int code = client_call(d->cli, "GET", "/v1/grants", NULL, &list);

	json_array_foreach(json_object_get(list.body, "grants"), i, grant)
	{
		if (strcmp(member_text(grant, "policy"), "doctor") != 0 ||
		    !strstr(member_text(grant, "workdir"), d->site.dir))
			continue;
		free(path);
		if (asprintf(&path, "/v1/grants/%s?mode=deny", member_text(grant, "grant")) < 0)
			path = NULL;
	}
	if (code || !path)
		return code ? code : EX_SOFTWARE;
	return client_call(d->cli, "DELETE", path, NULL, &gone);
}

/* The errno that the probe met once its grant was revoked, DOCTOR_UNTRIED when it came to nothing. */
static int probe_after_revoke(struct doctor *d, const char *mode)
{
	struct doctor_child c = {0};
	struct probe_args a;
	char line[128] = "";
	int code = EX_OSERR, status;

	args_make(d, &a, mode, "work", true);
	if (doctor_child_start(&c, d->program, a.argv, a.log))
		return DOCTOR_UNTRIED;
	if (c.out && fgets(line, sizeof(line), c.out) && strcmp(line, "ready\n") == 0)
		code = probe_revoke(d);
	status = doctor_child_end(&c);
	return code ? DOCTOR_UNTRIED : status;
}

/* ---- events ---- */

static bool event_is(const json_t *event, const struct doctor_scope *scope)
{
	const char *path = member_text(event, "path");
	size_t path_len = strlen(path), name_len = strlen(scope->name);

	if (strcmp(member_text(event, "type"), scope->type) != 0 ||
	    strcmp(member_text(event, "op"), scope->op) != 0)
		return false;
	if (scope->guard)
		return true;
	if (scope->port < PORTS)
		return json_integer_value(json_object_get(event, "port")) ==
		       doctor_ports[SIDE_DENIED][scope->port];
	return path_len > name_len && path[path_len - name_len - 1] == '/' &&
	       strcmp(path + path_len - name_len, scope->name) == 0;
}

static int event_line(const char *line, size_t len, void *arg)
{
	struct doctor *d = arg;
	json_auto_t *event = json_loadb(line, len, 0, NULL);

	for (size_t i = 0; i < doctor_scope_count; i++)
		d->rows[i].seen |= event_is(event, &doctor_scopes[i]);
	return 0;
}

static bool all_seen(const struct doctor *d)
{
	for (size_t i = 0; i < doctor_scope_count; i++)
		if (!d->rows[i].seen)
			return false;
	return true;
}

static int events_look(struct doctor *d)
{
	_cleanup_free_ char *path = query_path("/v1/events", (const struct query[]){
	                                                             {"grant", d->grant},
	                                                             {"verdict", "deny"},
	                                                             {0},
	                                                     });
	int code = path ? 0 : EX_OSERR;

	for (int ms = 0; !code && !all_seen(d) && ms < EVENTS_MS; ms += STEP_MS) {
		code = client_stream(d->cli, path, event_line, d);
		usleep(STEP_MS * 1000);
	}
	return code;
}

/* ---- the verdict ---- */

static bool is_refusal(int err)
{
	return err == EACCES || err == EPERM;
}

static const char *row_problem(const struct row *row, const struct doctor_scope *scope)
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

static void rows_print(const struct doctor *d)
{
	static const char *const titles[] = {"SCOPE", "ALLOWED", "REFUSED", "EVENT", "RESULT"};
	struct table_text *table = table_text_new(5, titles);

	for (size_t i = 0; table && i < doctor_scope_count; i++) {
		const struct doctor_scope *scope = &doctor_scopes[i];
		const struct row *row = &d->rows[i];
		const char *problem = row_problem(row, scope);

		table_text_row(table, (const char *const[]){
		                              scope->name,
		                              scope->guard ? "-" : errno_text(row->got[SIDE_ALLOWED]),
		                              errno_text(row->got[SIDE_DENIED]),
		                              row->seen ? "seen" : "-",
		                              problem ? problem : "enforced",
		                      });
	}
	table_text_row(table,
	               (const char *const[]){"revoked: open", "done", errno_text(d->revoked_open), "-",
	                                     is_refusal(d->revoked_open) ? "enforced" : "not refused"});
	table_text_row(table,
	               (const char *const[]){"revoked: held", "done", errno_text(d->revoked_held), "-",
	                                     is_refusal(d->revoked_held) ? "enforced" : "not refused"});
	table_text_print(table, d->cli->colour);
}

static json_t *rows_json(const struct doctor *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < doctor_scope_count; i++) {
		const struct doctor_scope *scope = &doctor_scopes[i];
		const struct row *row = &d->rows[i];
		const char *problem = row_problem(row, scope);

		json_array_append_new(
		        list, json_pack("{s:s, s:s?, s:s, s:b, s:b, s:s?}", "scope", scope->name, "allowed",
		                        scope->guard ? NULL : errno_text(row->got[SIDE_ALLOWED]), "refused",
		                        errno_text(row->got[SIDE_DENIED]), "event", row->seen, "enforced",
		                        !problem, "problem", problem));
	}
	return list;
}

static bool all_enforced(const struct doctor *d)
{
	for (size_t i = 0; i < doctor_scope_count; i++)
		if (row_problem(&d->rows[i], &doctor_scopes[i]))
			return false;
	return is_refusal(d->revoked_open) && is_refusal(d->revoked_held);
}

static int doctor_report(struct doctor *d)
{
	bool tried = !*d->reason, sound = tried && all_enforced(d);
	json_auto_t *answer = NULL;

	if (d->cli->json) {
		answer = json_pack("{s:b, s:s?, s:o, s:s, s:s}", "enforced", sound, "reason",
		                   tried ? NULL : d->reason, "scopes", tried ? rows_json(d) : json_array(),
		                   "revoked_open", errno_text(d->revoked_open), "revoked_held",
		                   errno_text(d->revoked_held));
		print_json(answer);
	} else if (tried) {
		rows_print(d);
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
		reason_from(d, "deputyd ended", d->daemon.log);
	else if (err == -ETIMEDOUT)
		reason_from(d, "deputyd does not answer", d->daemon.log);
	else if (err)
		snprintf(d->reason, sizeof(d->reason), "cannot start deputyd: %s", strerror(-err));
	return err;
}

static void doctor_try(struct doctor *d)
{
	int code = probe_tries(d, "control", false);

	if (!code)
		code = probe_tries(d, "work", true);
	if (!code)
		code = events_look(d);
	if (code) {
		if (!*d->reason)
			snprintf(d->reason, sizeof(d->reason), "the daemon failed (%d)", code);
		return;
	}
	d->revoked_open = probe_after_revoke(d, "open");
	d->revoked_held = probe_after_revoke(d, "held");
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
	__attribute__((cleanup(doctor_clear))) struct doctor d = {
	        .cli = cli, .revoked_open = DOCTOR_UNTRIED, .revoked_held = DOCTOR_UNTRIED};
	const struct cli_option options[] = {{0}};
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (first < argc)
		return cli_usage(cli, "no argument expected");
	for (size_t i = 0; i < doctor_scope_count; i++)
		d.rows[i] = (struct row){{DOCTOR_UNTRIED, DOCTOR_UNTRIED}, DOCTOR_UNTRIED, false};
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
