/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by its system calls: Debian 12 has no library for it. */
#ifndef DEPUTY_BENCH_LANDLOCK_H
#define DEPUTY_BENCH_LANDLOCK_H

/* What the ruleset handles; the one rule always allows reading beneath the tree. */
enum landlock_scope {
	LANDLOCK_READS, /* reading alone: a look-up ends at the tree, the least that Landlock can cost */
	LANDLOCK_FILES, /* every file right that the kernel knows: default deny, as an agent's grant is */
};

/* Binds the calling process for good. 0 or -errno. */
int landlock_bind(const char *tree, enum landlock_scope scope);

#endif
