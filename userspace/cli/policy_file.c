/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/policy_file.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "common/cleanup.h"

static char *profile_read(const char *dir, const char *name, size_t *len)
{
	_cleanup_free_ char *path = NULL;
	char *text = NULL;

	if (asprintf(&path, "%s/%s.yaml", dir, name) < 0)
		path = NULL;
	return path && !file_read(path, POLICY_TEXT_MAX, &text, len) ? text : NULL;
}

/* In the directories named; without any in that of the installed ones, or of the tree this was built in. */
static char *profile_find(const char *name, size_t *len, void *arg)
{
	const struct option_list *dirs = arg;
	_cleanup_free_ char *own = NULL, *near = NULL;
	char *text = NULL;

	if (strchr(name, '/') || *name == '.')
		return NULL;
	for (size_t i = 0; i < dirs->count && !text; i++)
		text = profile_read(dirs->value[i], name, len);
	if (text || dirs->count)
		return text;
	own = program_dir();
	if (!own || asprintf(&near, "%s/../policy/profiles", own) < 0)
		near = NULL;
	text = near ? profile_read(near, name, len) : NULL;
	return text ? text : profile_read(PROFILE_DIR, name, len);
}

int policy_file_open(const char *path, const struct option_list *profiles, struct policy_file *file)
{
	const char *slash = strrchr(path, '/');
	int err;

	*file = (struct policy_file){.path = path, .name = slash ? slash + 1 : path};
	err = file_read(path, POLICY_TEXT_MAX, &file->text, &file->len);
	return err ? err
		   : policy_parse(file->name, file->text, file->len, profile_find, (void *)profiles,
				  &file->errors, &file->policy);
}

void policy_file_clear(struct policy_file *file)
{
	policy_free(file->policy);
	policy_errors_free(&file->errors);
	free(file->text);
}

void policy_file_complain(const struct policy_errors *errors)
{
	char line[1024];

	for (size_t i = 0; i < errors->count; i++)
		if (!policy_error_format(&errors->list[i], line, sizeof(line)))
			fprintf(stderr, "%s\n", line);
	if (errors->more)
		fprintf(stderr, "and %zu more\n", errors->more);
}

int policy_vars_fill(struct policy_vars *vars)
{
	static char cwd[PATH_MAX];
	const struct passwd *pw =
		getpwuid(getuid()); /* its storage is the C library's, and nobody asks again */

	if (!vars->workdir)
		vars->workdir = getcwd(cwd, sizeof(cwd));
	if (!vars->workdir)
		return -errno;
	if (!vars->home)
		vars->home = pw ? pw->pw_dir : "/";
	if (!vars->user)
		vars->user = pw ? pw->pw_name : "nobody";
	return 0;
}
