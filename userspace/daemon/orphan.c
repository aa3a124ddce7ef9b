/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds a lock of flock(2) is told by no call: it belongs to an open file, which processes inherit and
 * pass on, and /proc/locks names the one that took it, here a warden that is dead. But /proc/PID/fdinfo shows
 * a lock only beneath the descriptors of that very open file.
 */
#include "daemon/orphan.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/roles.h"

static FILE *proc_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

/* Started as a recorder is. A stranger to whom one that was broken into has passed the log is not. */
static bool is_recorder(pid_t pid)
{
	static const char begins[] = "deputyd\0--role\0recorder"; /* role_exec() */
	char line[sizeof(begins)];
	_cleanup_fclose_ FILE *f = proc_open(pid, "cmdline");

	return f && fread(line, 1, sizeof(line), f) == sizeof(line) && !memcmp(line, begins, sizeof(begins));
}

static bool is_locked(pid_t pid, int fd)
{
	char name[32], line[256];
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	f = proc_open(pid, name);
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "lock:", 5) && strstr(line, "FLOCK") && strstr(line, "WRITE"))
			return true;
	return false;
}

/* A role has few descriptors, and those it was started with come first. */
static bool holds_lock(pid_t pid, const struct stat *log)
{
	for (int fd = 0; fd < ROLE_FDS; fd++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		if (!stat(path, &st) && st.st_dev == log->st_dev && st.st_ino == log->st_ino &&
		    is_locked(pid, fd))
			return true;
	}
	return false;
}

/* The pidfd comes first: if it still takes a signal at the end, what was read meanwhile was that process'. */
static bool kill_if_orphan(pid_t pid, const struct stat *log)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd >= 0 && is_recorder(pid) && holds_lock(pid, log) &&
	       !syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

pid_t orphan_kill(int log)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct stat st;
	pid_t found = 0;

	if (!proc)
		return 0;
	while (!fstat(log, &st) && !found && (entry = readdir(proc))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid > 1 && kill_if_orphan(pid, &st))
			found = pid;
	}
	closedir(proc);
	return found;
}
