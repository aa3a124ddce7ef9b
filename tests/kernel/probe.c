/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads operations from stdin, one a line, and answers each on stdout; with arguments runs just those words.
 * It stays alive between operations, so that one agent can be watched while the world around it changes.
 */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

static const struct operation *const tables[] = {
	file_operations,  fd_operations,      move_operations,	    exec_operations,	net_operations,
	unix_operations,  guard_operations,   way_operations,	    work_operations,	inode_operations,
	pass_operations,  ioctl_operations,   hammer_operations,    sqpoll_operations,	storm_operations,
	host_operations,  uring_operations,   flow_operations,	    mapping_operations, race_operations,
	cut_operations,	  tagging_operations, privilege_operations, ipc_operations,	socket_operations,
	trick_operations, posix_operations,   fixed_operations,	    kind_operations,	lent_operations,
};

#define OPERATIONS_MAX 512

static _Thread_local char more[256];

void detail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(more, sizeof(more), format, args);
	va_end(args);
}

int done(long ret)
{
	return ret < 0 ? -errno : 0;
}

int done_fd(int fd)
{
	int ret = done(fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

int operation_run(char **words)
{
	int count = 0;

	while (words[count])
		count++;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct operation *o = tables[i]; o->name; o++)
			if (count && !strcmp(o->name, words[0]))
				return count > o->words ? o->run(words) : -EINVAL;
	return -ENOSYS;
}

static int operation_compare(const void *a, const void *b)
{
	const struct operation *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* Of two with one name the second would never run, and its tests would test the first. */
static void operations_check(void)
{
	static const struct operation *all[OPERATIONS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct operation *o = tables[i]; o->name; o++) {
			if (count == OPERATIONS_MAX)
				errx(4, "more than %d operations", OPERATIONS_MAX);
			all[count++] = o;
		}
	qsort(all, count, sizeof(all[0]), operation_compare);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(all[i - 1]->name, all[i]->name))
			errx(4, "two operations are named %s", all[i]->name);
}

/* The answer's length, 0 when somebody else answers. */
static int operation_line(char **words, char *line, size_t size)
{
	int err;

	*more = '\0';
	err = operation_run(words);
	if (err > 0)
		return 0;
	return snprintf(line, size, "%s %d %s\n", err ? strerrorname_np(-err) : "OK", getpid(), more);
}

void operation_answer(char **words)
{
	char line[512];
	int len = operation_line(words, line, sizeof(line));

	if (len && write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(3);
}

static void line_split(char *line, char **words)
{
	int count = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \n", &save); w && count < WORDS; w = strtok_r(NULL, " \n", &save))
		words[count++] = w;
	words[count] = NULL;
}

static void line_answer(char *line, size_t size)
{
	char *words[WORDS + 1], copy[512];

	snprintf(copy, sizeof(copy), "%s", line);
	line_split(copy, words);
	operation_line(words, line, size);
}

int main(int argc, char **argv)
{
	char *words[WORDS + 1], *line = NULL;
	size_t size = 0;

	operations_check();
	/* Who polls for the next line must find it in the pipe, and not have it read already. */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc > 1) {
		operation_answer(argv + 1);
		return 0;
	}
	while (getline(&line, &size, stdin) > 0) {
		line_split(line, words);
		operation_answer(words);
		mailbox_serve(line_answer);
	}
	return 0;
}
