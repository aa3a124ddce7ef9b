/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/files.h"
#include "common/cleanup.h"

#define START_MS 60000 /* verifying programs takes long on slow machines */
#define STOP_MS	 10000
#define STEP_MS	 50

static const char *const places[] = {"/usr/sbin/deputyd", "/usr/local/sbin/deputyd", "/usr/libexec/deputyd"};

static int daemon_find(char **path)
{
	_cleanup_free_ char *dir = program_dir();
	char *near;

	if (!dir || asprintf(&near, "%s/deputyd", dir) < 0)
		return -ENOMEM;
	if (!access(near, X_OK)) {
		*path = near;
		return 0;
	}
	free(near);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!access(places[i], X_OK))
			return (*path = strdup(places[i])) ? 0 : -ENOMEM;
	return program_find("deputyd", path);
}

static void daemon_exec(const struct doctor_daemon *d, const char *path, char **argv)
{
	int log = open(d->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	execv(path, argv);
	dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static int daemon_spawn(struct doctor_daemon *d, const char *dir)
{
	_cleanup_free_ char *path = NULL;
	char config[128], state[128], run[128];
	char *argv[] = {"deputyd",	 "--config", config,	     "--state-dir", state,
			"--runtime-dir", run,	     "--foreground", NULL};
	FILE *f;
	int err = daemon_find(&path);

	if (err)
		return err;
	snprintf(config, sizeof(config), "%s/deputyd.yaml", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(run, sizeof(run), "%s/run", dir);
	f = fopen(config, "we");
	if (!f || fputs("# made by deputy doctor\n", f) < 0 || fclose(f) || mkdir(state, 0755) ||
	    mkdir(run, 0755))
		return -errno;
	d->pid = fork();
	if (!d->pid)
		daemon_exec(d, path, argv);
	return d->pid < 0 ? -errno : 0;
}

bool doctor_daemon_ended(struct doctor_daemon *d)
{
	if (d->pid > 0 && waitpid(d->pid, NULL, WNOHANG) == d->pid)
		d->pid = 0;
	return d->pid <= 0;
}

/* Where the daemon says, as to systemd, that it is ready: its socket is there before it is. */
static int notify_open(const char *dir)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const struct timeval step = {.tv_usec = STEP_MS * 1000};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step)) ||
	    setenv("NOTIFY_SOCKET", at.sun_path, 1)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int doctor_daemon_start(struct doctor_daemon *d, const char *dir)
{
	_cleanup_close_ int notify = notify_open(dir);
	char said[512] = "";
	int err = notify < 0 ? notify : 0;

	snprintf(d->socket, sizeof(d->socket), "%s/run/deputy.sock", dir);
	snprintf(d->log, sizeof(d->log), "%s/deputyd.log", dir);
	if (!err)
		err = daemon_spawn(d, dir);
	unsetenv("NOTIFY_SOCKET");
	for (int ms = 0; !err && ms < START_MS; ms += STEP_MS) {
		if (recv(notify, said, sizeof(said) - 1, 0) > 0 && strstr(said, "READY=1"))
			return 0;
		if (doctor_daemon_ended(d))
			return -ECHILD;
	}
	return err ? err : -ETIMEDOUT;
}

void doctor_daemon_stop(struct doctor_daemon *d)
{
	if (d->pid > 0)
		kill(d->pid, SIGTERM);
	for (int ms = 0; !doctor_daemon_ended(d) && ms < STOP_MS; ms += STEP_MS)
		usleep(STEP_MS * 1000);
	if (d->pid > 0) {
		kill(d->pid, SIGKILL);
		waitpid(d->pid, NULL, 0);
	}
	d->pid = 0;
}
