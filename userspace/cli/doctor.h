/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doctor proves by trying. Each scope is tried twice by a process under a grant: once on an object that the
 * grant names (the allowed twin) and once on one that it does not, which must be refused and recorded. The
 * same attempts by an untagged process are the control: what the host refuses by itself proves nothing.
 */
#ifndef DEPUTY_CLI_DOCTOR_H
#define DEPUTY_CLI_DOCTOR_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"

enum doctor_side { SIDE_ALLOWED, SIDE_DENIED, SIDES };
enum doctor_port { PORT_TCP, PORT_UDP, PORT_BIND, PORTS };

#define DOCTOR_UNTRIED (-1)

/* One scope: how it is tried, and the event that its refusal makes. */
struct doctor_scope {
	const char *name; /* also of the file that it is tried on, in DIR/allowed and DIR/denied */
	int (*attempt)(const struct doctor_scope *scope, const char *dir, enum doctor_side side);
	const char *type, *op;
	enum doctor_port port;
	bool guard; /* nothing grants it, so it has no twin and no control */
};

extern const struct doctor_scope doctor_scopes[];
extern const size_t doctor_scope_count;

/* The ports that attempts go to; set by doctor, taken from its arguments by the probe. */
extern uint16_t doctor_ports[SIDES][PORTS];

extern const char *const doctor_sides[SIDES];

/* A place of its own: DIR/work is what the probe works on, DIR/control the same for the control. */
struct doctor_site {
	char dir[64]; /* "" = none yet */
	int listeners[SIDES][PORTS];
};

/* Makes the files, the listeners and, in DIR/policy.yaml, a policy that names the allowed side of them for
 * the calling user and lets it run `program`. 0 or -errno. doctor_site_clear() in any case. */
int doctor_site_make(struct doctor_site *site, const char *program);
void doctor_site_clear(struct doctor_site *site);

/* A daemon of our own. */
struct doctor_daemon {
	pid_t pid;
	char socket[128];
	char log[128]; /* its stderr */
};

/* Starts deputyd, found beside our own program or installed, with all its state below `dir`, and waits until
 * it is ready. 0 or -errno; -ECHILD: it ended, see its log. */
int doctor_daemon_start(struct doctor_daemon *d, const char *dir);
/* Whether it has ended; it is then waited for. */
bool doctor_daemon_ended(struct doctor_daemon *d);
void doctor_daemon_stop(struct doctor_daemon *d);

#define DOCTOR_SCOPES_MAX 32
#define DOCTOR_REASON_MAX 2048

/* What came of one scope; errnos, DOCTOR_UNTRIED where none was met. */
struct doctor_row {
	int got[SIDES];
	int control; /* what an untagged process met on the denied side */
	bool seen;   /* the refusal's event */
};

struct doctor {
	const struct cli *cli;
	char *program;
	struct doctor_site site;
	struct doctor_daemon daemon;
	char grant[64];
	struct doctor_row rows[DOCTOR_SCOPES_MAX];
	int revoked;			/* errno after the grant was revoked, its task left alive */
	int killed;			/* 128 and the signal that ended the task when it was not */
	json_t *open_roads;		/* names of what this kernel cannot close; owned */
	char reason[DOCTOR_REASON_MAX]; /* why it could not even be tried; "" = it was */
};

/* Fills in all of the results, or the reason. */
void doctor_try(struct doctor *d);
/* Sets the reason: `what`, and the end of the file `log`. */
void doctor_reason(struct doctor *d, const char *what, const char *log);

#endif
