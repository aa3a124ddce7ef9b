/* SPDX-License-Identifier: Apache-2.0 */
/* The unprivileged roles: started as the same program again, with just the descriptors of enum role_fd. */
#ifndef DEPUTY_ROLES_H
#define DEPUTY_ROLES_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/msg.h"
#include "daemon/config.h"

#define ROLE_FDS (FD_READY + 1)

enum role { ROLE_BROKER, ROLE_RECORDER, ROLES };

struct role_process {
	pid_t pid; /* 0: not running */
	int ready; /* one byte comes when it is up */
};

/* fds[i] becomes descriptor i of the role, -1: absent. The role reads the configuration file itself. */
int role_start(enum role role, const char *config_path, const int fds[ROLE_FDS],
	       struct role_process *process);
/* 0 when it is up, -ETIMEDOUT, or -ECHILD when it ended instead (it said why on stderr). */
int role_wait_ready(struct role_process *process);
/* SIGTERM, and after `ms` SIGKILL. */
void role_stop(struct role_process *process, int ms);

const char *role_name(enum role role);
/* -1: no role of that name. */
int role_parse(const char *name);
/* What main() runs in a role's process; the exit status. */
int role_main(enum role role, const struct config *config);

#endif
