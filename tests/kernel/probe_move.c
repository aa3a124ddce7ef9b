/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on two names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static int do_rename(char **w)
{
	return done(rename(w[1], w[2]));
}

static int do_exchange(char **w)
{
	return done(syscall(SYS_renameat2, AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_EXCHANGE));
}

static int do_rename_noreplace(char **w)
{
	return done(syscall(SYS_renameat2, AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_NOREPLACE));
}

static int do_link(char **w)
{
	return done(link(w[1], w[2]));
}

/* rename-loop N A B: forth and back, to make the kernel's counters move. */
static int do_rename_loop(char **w)
{
	for (int i = atoi(w[1]); i > 0; i--)
		if (rename(w[2], w[3]) || rename(w[3], w[2]))
			return -errno;
	return 0;
}

/* read-loop N PATH: how many opens were refused is the detail. */
static int do_read_loop(char **w)
{
	int refused = 0;

	for (int i = atoi(w[1]); i > 0; i--)
		refused += !!done_fd(open(w[2], O_RDONLY | O_CLOEXEC));
	detail("%d", refused);
	return 0;
}

const struct operation move_operations[] = {
	{"rename", 2, do_rename},
	{"exchange", 2, do_exchange},
	{"rename-noreplace", 2, do_rename_noreplace},
	{"link", 2, do_link},
	{"rename-loop", 3, do_rename_loop},
	{"read-loop", 2, do_read_loop},
	{0},
};
