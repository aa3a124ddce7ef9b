/* SPDX-License-Identifier: Apache-2.0 */
/* A policy read from a file, with its profiles. */
#ifndef DEPUTY_CLI_POLICY_FILE_H
#define DEPUTY_CLI_POLICY_FILE_H

#include "cli/cli.h"
#include "policy/policy.h"

#define PROFILE_DIR "/usr/share/deputy/profiles"

struct policy_file {
	const char *path;
	const char *name; /* what errors and rules call it */
	char *text;
	size_t len;
	struct policy *policy;
	struct policy_errors errors;
};

/* Reads and parses. -EINVAL: see errors; any other -errno is of the file. policy_file_clear() in any case. */
int policy_file_open(const char *path, const struct option_list *profiles, struct policy_file *file);
void policy_file_clear(struct policy_file *file);
#define _cleanup_policy_file_ __attribute__((cleanup(policy_file_clear)))

/* One error a line on stderr. */
void policy_file_complain(const struct policy_errors *errors);

/* What ${workdir}, ${home} and ${user} are where the caller did not say: from where and who we are. The
 * strings live as long as the program. -errno. */
int policy_vars_fill(struct policy_vars *vars);

#endif
