/* SPDX-License-Identifier: Apache-2.0 */
/* Short lives in great numbers. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/*
 * ---- threads that narrow themselves while others exit, fork and execute ----
 *
 * The counts are in memory that stays open as a descriptor through all of it.
 */
#define COUNTS_FD 100
#define CHECKS	  50

static struct counts {
	unsigned long rounds, narrowed, executed, checks;
	unsigned long leaked; /* opened by who had been told that it has less */
	unsigned long lost;   /* refused to who has all */
} *counts;

static struct {
	char **words;
	unsigned long round;
	pthread_barrier_t start;
} mixed;

static void count(unsigned long *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_SEQ_CST);
}

static void wide_check(const char *wide, int narrowed)
{
	int fd = open(wide, O_RDONLY | O_CLOEXEC);

	count(&counts->checks);
	if ((fd >= 0) == narrowed)
		count(narrowed ? &counts->leaked : &counts->lost);
	if (fd >= 0)
		close(fd);
}

static void mixed_execute(int narrowed)
{
	char *argv[] = {"probe", "storm-after", mixed.words[3], narrowed ? "narrowed" : "whole", NULL};

	execv(mixed.words[4], argv);
}

static void *check_thread(void *narrowed)
{
	wide_check(mixed.words[3], narrowed != NULL);
	return NULL;
}

/* What is born of a thread has what it has. */
static void mixed_births(int narrowed)
{
	pthread_t thread;
	pid_t pid = fork();

	if (!pid) {
		wide_check(mixed.words[3], narrowed);
		_exit(0);
	}
	if (!pthread_create(&thread, NULL, check_thread, narrowed ? &thread : NULL))
		pthread_join(thread, NULL);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void *mixed_narrow(void *executes)
{
	char answer[512];
	int narrowed;

	pthread_barrier_wait(&mixed.start);
	narrowed = daemon_ask(mixed.words[2], answer, sizeof(answer)) == 201;
	if (narrowed)
		count(&counts->narrowed);
	for (int i = 0; i < CHECKS && narrowed; i++)
		wide_check(mixed.words[3], 1);
	if (narrowed)
		mixed_births(1);
	if (executes)
		mixed_execute(narrowed);
	return NULL;
}

/* Has all, and ends somewhere in between: its thread, by executing, or the whole process. */
static void *mixed_other(void *way)
{
	pthread_barrier_wait(&mixed.start);
	for (unsigned long i = 0; i < mixed.round * 7 % CHECKS; i++)
		wide_check(mixed.words[3], 0);
	mixed_births(0);
	usleep((useconds_t)(mixed.round * 3571 % 60000));
	if (way && *(const char *)way == 'e')
		mixed_execute(0);
	if (way && *(const char *)way == 'x')
		_exit(0);
	return NULL;
}

/* Of two narrowing threads and two others, each round another mixture of ends; the first thread leaves early.
 */
static void mixed_life(void)
{
	static const char *const ways[] = {NULL, "execute", NULL, "x", "execute", NULL};
	const char *way = ways[mixed.round % (sizeof(ways) / sizeof(ways[0]))];
	pthread_t thread;

	pthread_barrier_init(&mixed.start, NULL, 4);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, mixed_narrow,
				   i || mixed.round % 2 ? NULL : (void *)"execute") ||
		    pthread_create(&thread, NULL, mixed_other, i ? NULL : (void *)way))
			_exit(1);
	pthread_exit(NULL);
}

static int counts_open(int make)
{
	int fd = make ? memfd_create("counts", 0) : -1;

	if (make && (fd < 0 || ftruncate(fd, 4096) || dup2(fd, COUNTS_FD) < 0 || close(fd)))
		return -errno;
	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, COUNTS_FD, 0);
	return counts == MAP_FAILED ? -errno : 0;
}

/* storm-after FILE narrowed|whole: what is left of the threads by executing has what that thread had. */
static int do_storm_after(char **w)
{
	if (counts_open(0))
		_exit(2);
	count(&counts->executed);
	wide_check(w[1], *w[2] == 'n');
	_exit(0);
}

/* storm-narrow ROUNDS REQUEST FILE PROGRAM: rounds narrowed executed checks leaked lost */
static int do_storm_narrow(char **w)
{
	int err = counts_open(1), status = 0;

	mixed.words = w;
	for (mixed.round = 0; !err && mixed.round < strtoul(w[1], NULL, 10); mixed.round++) {
		pid_t pid = fork();

		if (!pid)
			mixed_life();
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			err = -ECHILD;
		count(&counts->rounds);
	}
	if (counts)
		detail("%lu %lu %lu %lu %lu %lu", counts->rounds, counts->narrowed, counts->executed,
		       counts->checks, counts->leaked, counts->lost);
	close(COUNTS_FD);
	return err;
}

const struct operation storm_operations[] = {{"storm", 2, do_storm},
					     {"storm-narrow", 4, do_storm_narrow},
					     {"storm-after", 2, do_storm_after},
					     {0}};
