/* SPDX-License-Identifier: Apache-2.0 */
/* Short lives in great numbers. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static void *nothing(void *unused)
{
	return unused;
}

/* Two threads, then another program: three tasks. */
static void life(const char *program)
{
	char *argv[] = {"probe", "quiet", NULL};
	pthread_t threads[2];
	int made = 0;

	while (made < 2 && !pthread_create(&threads[made], NULL, nothing, NULL))
		made++;
	for (int i = 0; i < made; i++)
		pthread_join(threads[i], NULL);
	if (made == 2)
		execv(program, argv);
	_exit(1);
}

/* storm N PROGRAM: N such lives, one after the other; ends the probe with 1 when one of them failed. */
static int do_storm(char **w)
{
	for (int i = atoi(w[1]); i > 0; i--) {
		int status;
		pid_t pid = fork();

		if (!pid)
			life(w[2]);
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			_exit(1);
	}
	return 1;
}

const struct operation storm_operations[] = {{"storm", 2, do_storm}, {0}};
