/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, namespaces, and calls on other tasks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE	   (3 << 13)

static int do_chown_to(char **w)
{
	return done(chown(w[1], (uid_t)atoi(w[2]), (gid_t)-1));
}

static int do_sethostname(char **w)
{
	return done(sethostname(w[1], strlen(w[1])));
}

/* The clock as it is: nothing changes. */
static int do_settime(char **w)
{
	struct timespec now;

	(void)w;
	return clock_gettime(CLOCK_REALTIME, &now) ? -errno : done(clock_settime(CLOCK_REALTIME, &now));
}

static int do_so_mark(char **w)
{
	int mark = 1, fd = socket(AF_INET, SOCK_DGRAM, 0), ret;

	(void)w;
	if (fd < 0)
		return -errno;
	ret = done(setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)));
	close(fd);
	return ret;
}

static int do_set_id(char **w)
{
	return done(chmod(w[1], (mode_t)strtol(w[2], NULL, 8)));
}

/* And reads nothing: not every file has text to show. */
static int do_open(char **w)
{
	return done_fd(open(w[1], O_RDONLY | O_CLOEXEC));
}

static int do_make_set_id(char **w)
{
	int fd = open(w[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 04755);

	return fd < 0 ? -errno : done(close(fd));
}

/* A file without a name gets its mode unseen: what counts is that it never gets a name. */
static int do_link_set_id(char **w)
{
	char self[64];
	int ret, fd = open(w[1], O_WRONLY | O_TMPFILE | O_CLOEXEC, 04755);

	if (fd < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ret = done(linkat(AT_FDCWD, self, AT_FDCWD, w[2], AT_SYMLINK_FOLLOW));
	close(fd);
	return ret;
}

/* ---- in a child, which the probe survives ---- */

static int child_status(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Into a user namespace of one's own, whose only user is oneself as root; `more` namespaces besides. */
static int userns_enter(int more)
{
	char map[32];
	int ret;

	snprintf(map, sizeof(map), "0 %u 1\n", geteuid());
	if (unshare(CLONE_NEWUSER))
		return -errno;
	ret = write_text("/proc/self/setgroups", "deny");
	if (!ret)
		ret = write_text("/proc/self/uid_map", map);
	return ret || !more ? ret : done(unshare(more));
}

/* `userns OPERATION...`: the operation within a user namespace; `userns-with FLAGS OPERATION...` */
static int do_userns(char **w)
{
	pid_t pid = fork();

	if (!pid) {
		int ret = userns_enter(0);

		_exit(-(ret ? ret : operation_run(w + 1)));
	}
	return child_status(pid);
}

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#define OPEN_TREE_NAMESPACE 2
#define AT_RECURSIVE	    0x8000

/* tree-namespace FLAGS DIRECTORY OPERATION...: in a mount namespace whose root the directory is. */
static int do_tree_namespace(char **w)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, w[2],
			      O_CLOEXEC | OPEN_TREE_NAMESPACE | (unsigned)strtoul(w[1], NULL, 16));

	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNS))
		return -errno;
	return operation_run(w + 3);
}

static int do_userns_with(char **w)
{
	pid_t pid = fork();

	if (!pid) {
		int ret = userns_enter((int)strtol(w[1], NULL, 16));

		_exit(-(ret ? ret : operation_run(w + 2)));
	}
	return child_status(pid);
}

/* The same by clone3(2), which has no step at which one is in none. */
static int do_userns_clone(char **w)
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	(void)w;
	if (!pid)
		_exit(0);
	return child_status(pid);
}

/* New credentials for the task, whatever it has open keeps the old ones. */
static int credentials_renew(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[1].effective &= ~(1u << (CAP_WAKE_ALARM - 32));
	return done(syscall(SYS_capset, &head, data));
}

/* Credentials that a file was opened with: past its first 64 bytes this one is for whoever had the
 * capability. */
static int do_read_by_old_file(char **w)
{
	char bytes[256];
	int fd = open(w[1], O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = credentials_renew();
	if (!ret)
		ret = pread(fd, bytes, sizeof(bytes), 0) == sizeof(bytes) ? 0 : -EPERM;
	close(fd);
	return ret;
}

/* A file system that is put nowhere. */
static int do_fsopen(char **w)
{
	int ret, fd = (int)syscall(SYS_fsopen, w[1], 1 /* FSOPEN_CLOEXEC */);

	if (fd < 0)
		return -errno;
	ret = done(syscall(SYS_fsconfig, fd, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0));
	close(fd);
	return ret;
}

/* All at once, as most programs do: `userns-at-once FLAGS OPERATION...` */
static int do_userns_at_once(char **w)
{
	pid_t pid = fork();

	if (!pid) {
		int ret = done(unshare(CLONE_NEWUSER | (int)strtol(w[1], NULL, 16)));

		_exit(-(ret ? ret : operation_run(w + 2)));
	}
	return child_status(pid);
}

/* `setns PID FLAGS`: into the namespaces of another, in a child. */
static int do_setns(char **w)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = (int)syscall(SYS_pidfd_open, atoi(w[1]), 0);

		_exit(fd < 0 ? errno : -done(setns(fd, (int)strtol(w[2], NULL, 16))));
	}
	return child_status(pid);
}

/* ---- other tasks ---- */

static int do_nice(char **w)
{
	return done(setpriority(PRIO_PROCESS, (id_t)atoi(w[1]), 5));
}

static int do_nice_group(char **w)
{
	return done(setpriority(PRIO_PGRP, (id_t)getpgid(atoi(w[1])), 5));
}

static int do_get_nice(char **w)
{
	errno = 0;
	return getpriority(PRIO_PROCESS, (id_t)atoi(w[1])) == -1 && errno ? -errno : 0;
}

static int do_ioprio(char **w)
{
	return done(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, atoi(w[1]), IOPRIO_IDLE));
}

static int do_get_ioprio(char **w)
{
	return done(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, atoi(w[1])));
}

static int do_set_scheduler(char **w)
{
	struct sched_param p = {0};

	return done(sched_setscheduler(atoi(w[1]), SCHED_BATCH, &p));
}

static int do_sched_attr(char **w)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof(attr), .policy = SCHED_BATCH, .nice = 19};

	return done(syscall(SYS_sched_setattr, atoi(w[1]), &attr, 0));
}

static int do_get_scheduler(char **w)
{
	return done(sched_getscheduler(atoi(w[1])));
}

static int do_affinity(char **w)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return done(sched_setaffinity(atoi(w[1]), sizeof(set), &set));
}

static int do_get_affinity(char **w)
{
	cpu_set_t set;

	return done(sched_getaffinity(atoi(w[1]), sizeof(set), &set));
}

static int do_prlimit(char **w)
{
	struct rlimit core = {0, 0};

	return done(prlimit(atoi(w[1]), RLIMIT_CORE, &core, NULL));
}

static int do_get_prlimit(char **w)
{
	struct rlimit old;

	return done(prlimit(atoi(w[1]), RLIMIT_CORE, NULL, &old));
}

static int do_getpgid(char **w)
{
	return done(getpgid(atoi(w[1])));
}

static int do_getsid(char **w)
{
	return done(getsid(atoi(w[1])));
}

/* Only for children, before they execute: ESRCH for everybody else, whoever asks. */
static int do_setpgid(char **w)
{
	return done(setpgid(atoi(w[1]), 0));
}

static int do_robust_list(char **w)
{
	void *head;
	size_t len;

	return done(syscall(SYS_get_robust_list, atoi(w[1]), &head, &len));
}

static int do_madvise(char **w)
{
	struct {
		void *base;
		size_t len;
	} where = {(void *)0x10000, 4096};
	int ret, fd = (int)syscall(SYS_pidfd_open, atoi(w[1]), 0);

	if (fd < 0)
		return -errno;
	/* The address is nobody's: past the question who may, ENOMEM. */
	ret = done(syscall(SYS_process_madvise, fd, &where, 1UL, 20 /* MADV_COLD */, 0));
	close(fd);
	return ret == -ENOMEM ? 0 : ret;
}

static int do_move_pages(char **w)
{
	void *page = (void *)0x10000;
	int status;

	return done(syscall(SYS_move_pages, atoi(w[1]), 1UL, &page, NULL, &status, 0));
}

static int do_migrate_pages(char **w)
{
	unsigned long node = 1;

	return done(syscall(SYS_migrate_pages, atoi(w[1]), 8UL * sizeof(node), &node, &node));
}

/* `own-child OPERATION ARGUMENTS...`: the operation on a child of one's own, for the allowed side. */
static int do_own_child(char **w)
{
	char pid_text[16], *words[WORDS + 2] = {w[1], pid_text};
	pid_t pid = fork();
	int ret;

	for (int i = 2; i < WORDS && w[i]; i++)
		words[i] = w[i];
	if (!pid)
		for (;;)
			pause();
	if (pid < 0)
		return -errno;
	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	ret = operation_run(words);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ret;
}

const struct operation privilege_operations[] = {
	{"chown-to", 2, do_chown_to},
	{"open", 1, do_open},
	{"set-id", 2, do_set_id},
	{"make-set-id", 1, do_make_set_id},
	{"link-set-id", 2, do_link_set_id},
	{"sethostname", 1, do_sethostname},
	{"settime", 0, do_settime},
	{"so-mark", 0, do_so_mark},
	{"userns", 1, do_userns},
	{"userns-with", 2, do_userns_with},
	{"userns-at-once", 2, do_userns_at_once},
	{"fsopen", 1, do_fsopen},
	{"userns-clone", 0, do_userns_clone},
	{"read-by-old-file", 1, do_read_by_old_file},
	{"setns", 2, do_setns},
	{"nice", 1, do_nice},
	{"nice-group", 1, do_nice_group},
	{"get-nice", 1, do_get_nice},
	{"ioprio", 1, do_ioprio},
	{"get-ioprio", 1, do_get_ioprio},
	{"set-scheduler", 1, do_set_scheduler},
	{"sched-attr", 1, do_sched_attr},
	{"get-scheduler", 1, do_get_scheduler},
	{"affinity", 1, do_affinity},
	{"get-affinity", 1, do_get_affinity},
	{"prlimit", 1, do_prlimit},
	{"get-prlimit", 1, do_get_prlimit},
	{"getpgid", 1, do_getpgid},
	{"getsid", 1, do_getsid},
	{"setpgid", 1, do_setpgid},
	{"robust-list", 1, do_robust_list},
	{"madvise", 1, do_madvise},
	{"move-pages", 1, do_move_pages},
	{"migrate-pages", 1, do_migrate_pages},
	{"own-child", 1, do_own_child},
	{"tree-namespace", 3, do_tree_namespace},
	{0},
};
