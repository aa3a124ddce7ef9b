/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures open+close of one file, in a process that does nothing else. Static, so that a confined run needs
 * no library. Prints ns per open+close: the median of the batches.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "landlock.h"

#define BATCHES 9
#define PATHS	4096

struct bench {
	const char *file;
	const char *tree;    /* bind by Landlock to reading beneath it */
	const char *refused; /* must not open, or the confinement that is measured is not there */
	const char *aside;   /* renamed to and fro before each open */
	char other[PATHS];
	enum landlock_scope scope;
	unsigned int count;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(EX_UNAVAILABLE);
}

static void open_close(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || close(fd))
		fail(file);
}

static double batch_plain(const struct bench *b)
{
	uint64_t start = now();

	for (unsigned int i = 0; i < b->count; i++)
		open_close(b->file);
	return (double)(now() - start) / b->count;
}

/* Any rename on the host makes Deputy walk a path anew: the clock stands while it is renamed. */
static double batch_renaming(const struct bench *b)
{
	uint64_t spent = 0;

	for (unsigned int i = 0; i < b->count; i++) {
		uint64_t start;

		if (rename(i & 1 ? b->other : b->aside, i & 1 ? b->aside : b->other))
			fail(b->aside);
		start = now();
		open_close(b->file);
		spent += now() - start;
	}
	return (double)spent / b->count;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(const struct bench *b)
{
	double (*const batch)(const struct bench *) = b->aside ? batch_renaming : batch_plain;
	double ns[BATCHES];

	batch(b); /* warms up */
	for (int i = 0; i < BATCHES; i++)
		ns[i] = batch(b);
	qsort(ns, BATCHES, sizeof(ns[0]), compare);
	return ns[BATCHES / 2];
}

static void check_refused(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		return;
	fprintf(stderr, "open: %s: not refused: nothing is measured\n", file);
	exit(EX_UNAVAILABLE);
}

static void prepare(struct bench *b)
{
	int err;

	if (b->aside)
		snprintf(b->other, sizeof(b->other), "%s.other", b->aside);
	err = b->tree ? landlock_bind(b->tree, b->scope) : 0;
	if (err) {
		errno = -err;
		fail("landlock");
	}
	if (b->refused)
		check_refused(b->refused);
}

static const struct option options[] = {
	{"landlock-reads", required_argument, NULL, 'r'},
	{"landlock-files", required_argument, NULL, 'f'},
	{"refused", required_argument, NULL, 'x'},
	{"renaming", required_argument, NULL, 'a'},
	{0},
};

static const char usage[] = "usage: open [--landlock-reads TREE | --landlock-files TREE] [--refused FILE]\n"
			    "            [--renaming FILE] FILE COUNT\n";

int main(int argc, char **argv)
{
	struct bench b = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			b.tree = optarg, b.scope = LANDLOCK_READS;
			break;
		case 'f':
			b.tree = optarg, b.scope = LANDLOCK_FILES;
			break;
		case 'x':
			b.refused = optarg;
			break;
		case 'a':
			b.aside = optarg;
			break;
		default:
			return fputs(usage, stderr), EX_USAGE;
		}
	}
	if (argc - optind != 2 || !(b.count = (unsigned int)strtoul(argv[optind + 1], NULL, 10)))
		return fputs(usage, stderr), EX_USAGE;
	b.file = argv[optind];
	prepare(&b);
	printf("%.1f\n", measure(&b));
	return fflush(stdout) ? EX_IOERR : 0;
}
