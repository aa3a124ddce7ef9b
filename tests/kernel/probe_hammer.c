/* SPDX-License-Identifier: Apache-2.0 */
/* The same call over and over while the world changes, until the next line comes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

struct tally {
	unsigned long rounds, passed, eacces, eperm, other;
	int last;
};

static int once(const char *path)
{
	return done_fd(open(path, O_RDONLY | O_CLOEXEC));
}

/* By a child of its own; what cannot be told by an exit status is -ECHILD. */
static int once_forked(const char *path)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(-once(path));
	if (pid < 0)
		return -errno;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static void count(struct tally *t, int ret)
{
	t->rounds++;
	if (!ret)
		t->passed++;
	else if (ret == -EACCES)
		t->eacces++;
	else if (ret == -EPERM)
		t->eperm++;
	else
		t->other++, t->last = ret;
}

/* hammer self|fork PATH MICROSECONDS: opens PATH, once at least, with a pause between. */
static int do_hammer(char **w)
{
	int (*open_one)(const char *) = strcmp(w[1], "fork") ? once : once_forked;
	struct pollfd line = {.fd = STDIN_FILENO, .events = POLLIN};
	struct tally t = {0};

	do {
		count(&t, open_one(w[2]));
		usleep((useconds_t)atoi(w[3]));
	} while (!poll(&line, 1, 0));
	detail("%lu %lu %lu %lu %lu %d", t.rounds, t.passed, t.eacces, t.eperm, t.other, -t.last);
	return 0;
}

/* children N: as many that do nothing, or why there are no more; how many there are is the detail. */
static int do_children(char **w)
{
	int count = 0, most = atoi(w[1]), err = 0;

	while (count < most && !err) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				pause();
		err = pid < 0 ? -errno : 0;
		count += !err;
	}
	detail("%d", count);
	return err;
}

/* Asks for what no build but `later` refuses. */
static int do_scheduler(char **w)
{
	(void)w;
	return sched_getscheduler(0) < 0 ? -errno : 0;
}

const struct operation hammer_operations[] = {
	{"hammer", 3, do_hammer},
	{"children", 1, do_children},
	{"scheduler", 0, do_scheduler},
	{0},
};
