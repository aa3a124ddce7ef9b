/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/broker.h"
#include "common/cleanup.h"
#include "common/version.h"
#include "daemon/privileges.h"
#include "recorder/recorder.h"

#define READY_MS 30000
#define HIGH_FD	 64 /* above every enum role_fd */

static const char *const names[ROLES] = {"broker", "recorder"};

const char *role_name(enum role role)
{
	return names[role];
}

int role_parse(const char *name)
{
	for (int i = 0; i < ROLES; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static int broker_role(const struct config *c)
{
	struct broker_options options = {
		.version = DEPUTY_VERSION,
		.profile_dir = c->profile_dir,
		.policy_dir = c->policy_dir,
		.allowed_signers = c->allowed_signers,
		.issuer = c->issuer,
		.issuers = c->issuers,
		.user_policies = c->user_policies,
		.max_ttl_ns = c->max_ttl_ns,
		.rotate_after = c->rotate_after,
		.keys_keep = config_keys_keep(c),
		.max_life_ns = c->max_life_ns,
		.max_renewals = c->max_renewals.value,
	};
	struct broker *broker = NULL;
	int r = broker_setup(&options, &broker);

	if (!r)
		r = privileges_drop(c->user);
	/* It has nothing to finish, and the connections it holds are another broker's to answer. */
	if (!r && prctl(PR_SET_PDEATHSIG, SIGKILL))
		r = -errno;
	if (!r)
		r = broker_run(broker);
	broker_free(broker);
	return r;
}

static int recorder_role(const struct config *c)
{
	struct recorder *recorder = NULL;
	int r = recorder_setup(&recorder);

	if (!r)
		r = privileges_drop(c->user);
	if (!r)
		r = recorder_run(recorder);
	recorder_free(recorder);
	return r;
}

int role_main(enum role role, const struct config *config)
{
	static int (*const mains[ROLES])(const struct config *) = {broker_role, recorder_role};
	int r;

	prctl(PR_SET_NAME, role == ROLE_BROKER ? "deputyd-broker" : "deputyd-record");
	r = mains[role](config);
	if (r)
		fprintf(stderr, "deputyd: %s: %s\n", names[role], strerror(-r));
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Moves the descriptors out of each other's way, then into place; all others close. */
static int fds_place(const int fds[ROLE_FDS])
{
	int high[ROLE_FDS];

	for (int i = FD_WARDEN; i < ROLE_FDS; i++) {
		high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, HIGH_FD);
		if (fds[i] >= 0 && high[i] < 0)
			return -errno;
	}
	for (int i = FD_WARDEN; i < ROLE_FDS; i++) {
		if (high[i] < 0)
			close(i);
		else if (dup2(high[i], i) < 0)
			return -errno;
	}
	return close_range(ROLE_FDS, ~0u, 0) ? -errno : 0;
}

static void role_exec(enum role role, const char *config_path, const int fds[ROLE_FDS])
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!fds_place(fds))
		execl("/proc/self/exe", "deputyd", "--role", names[role], "--config", config_path,
		      (char *)NULL);
	_exit(127);
}

int role_start(enum role role, const char *config_path, const int fds[ROLE_FDS], struct role_process *process)
{
	int ready[2], all[ROLE_FDS];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	memcpy(all, fds, sizeof(all));
	all[FD_READY] = ready[1];
	pid = fork();
	if (!pid)
		role_exec(role, config_path, all);
	close(ready[1]);
	if (pid < 0)
		return close(ready[0]), -errno;
	*process = (struct role_process){pid, ready[0]};
	return 0;
}

int role_wait_ready(struct role_process *process)
{
	struct pollfd p = {.fd = process->ready, .events = POLLIN};
	char byte;
	int r = poll(&p, 1, READY_MS);

	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	r = read(process->ready, &byte, 1) == 1 ? 0 : -ECHILD;
	close(process->ready);
	process->ready = -1;
	return r;
}

void role_stop(struct role_process *process, int ms)
{
	struct timespec tick = {.tv_nsec = 10000000};

	if (!process->pid)
		return;
	kill(process->pid, SIGTERM);
	for (int waited = 0; waited < ms; waited += 10) {
		if (waitpid(process->pid, NULL, WNOHANG) == process->pid) {
			process->pid = 0;
			return;
		}
		nanosleep(&tick, NULL);
	}
	kill(process->pid, SIGKILL);
	waitpid(process->pid, NULL, 0);
	process->pid = 0;
}
