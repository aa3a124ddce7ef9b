/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the shim share. */
#ifndef LANDLOCK_RULESET_H
#define LANDLOCK_RULESET_H

#include <linux/landlock.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define RULES_MAX 40 /* the selftests' longest ruleset has fewer */

struct rule {
	enum landlock_rule_type type;
	__u64 access;
	__u64 port;
	__u64 mount; /* statx's mount id, device and inode of `path` */
	__u64 dev;
	__u64 ino;
	bool is_dir;
	char path[1024];
};

struct ruleset {
	__u64 fs;
	__u64 net;
	unsigned int count;
	struct rule rules[RULES_MAX];
};

/* Opened before any test has changed its root: /proc, and the folder of the daemon's socket. */
extern int proc_fd, daemon_fd;

/* One line that tests/kernel/test_landlock.py reads: why a ruleset is not in force. */
void shim_note(const char *reason, const char *text);

/* The ruleset as a policy of Deputy's, to be freed; NULL without memory (policy.c). */
char *ruleset_policy(const struct ruleset *r);

/* Has the daemon bind the caller by a policy; 0 or -errno, noted (grant.c). */
int grant_take(const char *policy);

#endif
