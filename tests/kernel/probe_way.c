/* SPDX-License-Identifier: Apache-2.0 */
/* `in WAY OPERATION...`: the operation done by another task, which came about in one of many ways. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* The child answers and ends. */
static int child_wait(pid_t pid)
{
	if (pid < 0)
		return -errno;
	return waitpid(pid, NULL, 0) < 0 ? -errno : 1;
}

static void child_answer(char **w)
{
	operation_answer(w);
	_exit(0);
}

static int in_fork(char **w)
{
	pid_t pid = fork();

	if (!pid)
		child_answer(w);
	return child_wait(pid);
}

static int in_vfork(char **w)
{
	pid_t pid = vfork();

	if (!pid)
		child_answer(w);
	return child_wait(pid);
}

static int in_clone3(char **w)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		child_answer(w);
	return child_wait(pid);
}

static void *thread_answer(void *w)
{
	operation_answer(w);
	return NULL;
}

static void *thread_forks(void *w)
{
	in_fork(w);
	return NULL;
}

static void *thread_ends(void *w)
{
	usleep(50000); /* the leader is gone by then */
	child_answer(w);
	return NULL;
}

static int self_exec(char **w)
{
	char *argv[WORDS + 2] = {"probe"};

	for (int i = 0; w[i]; i++)
		argv[i + 1] = w[i];
	execv(getenv("PROBE") ?: "/proc/self/exe", argv);
	return -errno;
}

static void *thread_execs(void *w)
{
	self_exec(w);
	_exit(1);
	return NULL;
}

static int thread_run(void *(*body)(void *), char **w)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, body, w);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return 1;
}

static int in_thread(char **w)
{
	return thread_run(thread_answer, w);
}

static int in_nonleader_fork(char **w)
{
	return thread_run(thread_forks, w);
}

/* A child whose first thread has ended: its process is named by a task that is no more. */
static int in_leaderless(char **w)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		if (pthread_create(&thread, NULL, thread_ends, w))
			_exit(1);
		syscall(SYS_exit, 0);
	}
	return child_wait(pid);
}

static int in_nonleader_exec(char **w)
{
	pid_t pid = fork();

	if (!pid) {
		thread_run(thread_execs, w);
		_exit(1);
	}
	return child_wait(pid);
}

static int in_exec(char **w)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-self_exec(w));
	return child_wait(pid);
}

/* Gone from its session, its parent dead, init its parent now. */
static int in_daemon(char **w)
{
	pid_t parent, pid = fork();

	if (pid)
		return child_wait(pid);
	setsid();
	parent = getpid();
	if (fork())
		_exit(0);
	for (int i = 0; i < 500 && getppid() == parent; i++)
		usleep(2000);
	child_answer(w);
	return 1;
}

static const struct {
	const char *name;
	probe_fn run;
} ways[] = {
	{"fork", in_fork},
	{"vfork", in_vfork},
	{"clone3", in_clone3},
	{"thread", in_thread},
	{"exec", in_exec},
	{"nonleader-fork", in_nonleader_fork},
	{"daemon", in_daemon},
	{"nonleader-exec", in_nonleader_exec},
	{"leaderless", in_leaderless},
};

static int do_in(char **w)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, w[1]))
			return ways[i].run(w + 2);
	return -ENOSYS;
}

/* 1 when a task of its own could open the path, 0 when not. */
static int life_short(const char *path)
{
	int status;
	pid_t pid = vfork();

	if (!pid)
		_exit(open(path, O_RDONLY | O_CLOEXEC) < 0);
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -errno : !status;
}

/* churn N PATH: N short lives, each opening PATH; how many could is the detail. */
static int do_churn(char **w)
{
	int opened = 0;

	for (int i = atoi(w[1]); i > 0; i--) {
		int ret = life_short(w[2]);

		if (ret < 0)
			return ret;
		opened += ret;
	}
	detail("%d", opened);
	return 0;
}

/* tree N: a child, its child and so on, every second one in a session of its own; their pids are the detail.
 */
static int do_tree(char **w)
{
	int ends[2], count = atoi(w[1]);
	char list[200] = "";
	size_t used = 0;
	pid_t pid;

	if (pipe(ends) || (pid = fork()) < 0)
		return -errno;
	for (int i = 0; !pid; i++) {
		pid = getpid();
		if (i & 1)
			setsid();
		if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid) || i + 1 == count || (pid = fork()))
			for (;;)
				pause();
	}
	for (int i = 0; i < count && read(ends[0], &pid, sizeof(pid)) == sizeof(pid); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%d", i ? "," : "", pid);
	detail("%s", list);
	return done(close(ends[0]) | close(ends[1]));
}

static int do_sleep(char **w)
{
	usleep((useconds_t)atoi(w[1]) * 1000);
	return 0;
}

const struct operation way_operations[] = {
	{"in", 2, do_in}, {"churn", 2, do_churn}, {"tree", 1, do_tree}, {"sleep", 1, do_sleep}, {0},
};
