/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct conf {
	char **args, **env, **keep;
	size_t nargs, nenv, nkeep;
	const char *cwd, *hostname, *modules;
	long time;
	unsigned int settle;
};

void warn_errno(const char *what);
_Noreturn void die(const char *what);

/* Loads the modules that the root needs, then makes the host's shared tree the root. */
void enter_root(const struct conf *conf);
