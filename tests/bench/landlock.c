/* SPDX-License-Identifier: Apache-2.0 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* File rights by the version that brought the last of them: a kernel refuses bits that it does not know. */
static uint64_t rights_known(long version)
{
	static const unsigned int bits[] = {0, 13, 14, 15, 15, 16}; /* include/uapi/linux/landlock.h */
	const long last = sizeof(bits) / sizeof(bits[0]) - 1;

	return (1ull << bits[version < last ? version : last]) - 1;
}

static int rule_add(int ruleset, const char *tree)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = READS,
		.parent_fd = open(tree, O_PATH | O_CLOEXEC),
	};
	int err = 0;

	if (rule.parent_fd < 0)
		return -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		err = -errno;
	close(rule.parent_fd);
	return err;
}

int landlock_bind(const char *tree, enum landlock_scope scope)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {.handled_access_fs = READS};
	int ruleset, err;

	if (version < 0)
		return -errno;
	if (scope == LANDLOCK_FILES)
		attr.handled_access_fs = rights_known(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	err = rule_add(ruleset, tree);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		err = -errno;
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	close(ruleset);
	return err;
}
