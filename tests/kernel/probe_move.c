/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on two names. */
#include <fcntl.h>
#include <stdio.h>
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

const struct operation move_operations[] = {
	{"rename", 2, do_rename},
	{"exchange", 2, do_exchange},
	{"rename-noreplace", 2, do_rename_noreplace},
	{"link", 2, do_link},
	{0},
};
