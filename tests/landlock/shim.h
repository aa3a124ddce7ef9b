/* SPDX-License-Identifier: Apache-2.0 */
/* Forced into Landlock's selftests by -include: their common.h leaves alone system calls that are defined
 * already. */
#ifndef LANDLOCK_SHIM_H
#define LANDLOCK_SHIM_H

#include <linux/landlock.h>

int landlock_create_ruleset(const struct landlock_ruleset_attr *attr, __SIZE_TYPE__ size, __u32 flags);
int landlock_add_rule(int ruleset_fd, enum landlock_rule_type type, const void *attr, __u32 flags);
int landlock_restrict_self(int ruleset_fd, __u32 flags);

#define landlock_create_ruleset landlock_create_ruleset
#define landlock_add_rule	landlock_add_rule
#define landlock_restrict_self	landlock_restrict_self

#endif
