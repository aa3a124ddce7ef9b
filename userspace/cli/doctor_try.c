/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the probe, with and without a grant, and looks for the events that it should have made. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/doctor.h"
#include "cli/doctor_child.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/query.h"
#include "common/cleanup.h"

#define EVENTS_MS 3000 /* the recorder's and the broker's time to show an event */
#define KILL_MS	  5000 /* the warden's to kill */
#define STEP_MS	  50

void doctor_reason(struct doctor *d, const char *what, const char *log)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0, from;

	if (file_read(log, 1u << 20, &text, &len))
		len = 0;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	from = len > DOCTOR_REASON_MAX / 2 ? len - DOCTOR_REASON_MAX / 2 : 0;
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
		const char *const run[] = {"--socket", d->cli->socket, "run",	  "--policy",
					   a->policy,  "--purpose",    "probe",	  "--workdir",
					   a->dir,     "--",	       d->program};

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
		struct doctor_row *row = &d->rows[i];

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
		doctor_reason(d, "the probe could not run", a.log);
	return code ? EX_UNAVAILABLE : 0;
}

/* The one live grant of the probe's purpose, since it cannot say which it has. */
/* Revokes the one live grant of this site: the probe cannot say which it has. */
static int probe_revoke(const struct doctor *d, const char *mode)
{
	_cleanup_reply_ struct reply list = {0}, gone = {0};
	char path[128] = "";
	const json_t *grant;
	size_t i;
	int code = client_call(d->cli, "GET", "/v1/grants", NULL, &list);

	json_array_foreach (json_object_get(list.body, "grants"), i, grant)
		if (strstr(member_text(grant, "workdir"), d->site.dir))
			snprintf(path, sizeof(path), "/v1/grants/%.32s?mode=%s", member_text(grant, "grant"),
				 mode);
	if (code || !*path)
		return code ? code : EX_SOFTWARE;
	return client_call(d->cli, "DELETE", path, NULL, &gone);
}

/* The exit code of a probe whose grant was revoked, which is the errno that it then met, or 128 and the
 * signal that ended it; DOCTOR_UNTRIED when it did not come to that. */
static int probe_after_revoke(struct doctor *d, const char *mode)
{
	struct doctor_child c = {0};
	struct probe_args a;
	char line[128] = "";
	int code = EX_OSERR, status;

	args_make(d, &a, "revoked", "work", true);
	if (doctor_child_start(&c, d->program, a.argv, a.log))
		return DOCTOR_UNTRIED;
	if (c.out && fgets(line, sizeof(line), c.out) && strcmp(line, "ready\n") == 0)
		code = probe_revoke(d, mode);
	if (!code && strcmp(mode, "kill") == 0)
		doctor_child_wait(&c, KILL_MS);
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
	const struct query query[] = {{"grant", d->grant}, {"verdict", "deny"}, {0}};
	_cleanup_free_ char *path = query_path("/v1/events", query);
	int code = path ? 0 : EX_OSERR;

	for (int ms = 0; !code && !all_seen(d) && ms < EVENTS_MS; ms += STEP_MS) {
		code = client_stream(d->cli, path, event_line, d);
		usleep(STEP_MS * 1000);
	}
	return code;
}

/* A daemon that does not say is none of ours. */
static int roads_ask(struct doctor *d)
{
	_cleanup_reply_ struct reply reply = {0};
	int code = client_call(d->cli, "GET", "/v1/status", NULL, &reply);

	if (!code)
		d->open_roads = json_incref(json_object_get(reply.body, "open_roads"));
	return code ? code : json_is_array(d->open_roads) ? 0 : EX_PROTOCOL;
}

void doctor_try(struct doctor *d)
{
	int code = roads_ask(d);

	if (!code)
		code = probe_tries(d, "control", false);

	if (!code)
		code = probe_tries(d, "work", true);
	if (!code)
		code = events_look(d);
	if (code) {
		if (!*d->reason)
			snprintf(d->reason, sizeof(d->reason), "the daemon failed (%d)", code);
		return;
	}
	d->revoked = probe_after_revoke(d, "deny");
	d->killed = probe_after_revoke(d, "kill");
}
