/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/files.h"
#include "common/cleanup.h"
#include "policy/policy.h"

int ask_policy(const char *file, json_t **policy)
{
	_cleanup_free_ char *text = NULL, *copy = strdup(file);
	size_t len;
	int err = file_read(file, POLICY_TEXT_MAX, &text, &len);

	if (err == -ENOENT && !strchr(file, '/'))
		*policy = json_pack("{s:s}", "name", file);
	else if (err)
		cli_error("%s: %s", file, strerror(-err));
	else if (!(*policy = json_pack("{s:s, s:s%}", "name", copy ? basename(copy) : "", "text", text, len)))
		cli_error("%s: the text is not UTF-8", file);
	return *policy ? 0 : err == -EFBIG || !err ? EX_DATAERR : EX_NOINPUT;
}

/* The record keeps argv for people to read: what is not UTF-8 is left out of it, not out of the command. */
static json_t *ask_argv(char **argv)
{
	json_t *list = json_array();

	for (; *argv; argv++) {
		json_t *arg = json_string(*argv);

		json_array_append_new(list, arg ? arg : json_string("?"));
	}
	return list;
}

int ask_make(const struct ask *ask, const char *workdir_default, char **argv, json_t **body)
{
	const char *dir = ask->workdir ? ask->workdir : workdir_default;
	_cleanup_free_ char *workdir = dir ? realpath(dir, NULL) : NULL;
	json_t *policy = NULL, *made;
	int code;

	if (dir && !workdir) {
		cli_error("%s: %s", ask->workdir ? ask->workdir : "the current directory", strerror(errno));
		return EX_NOINPUT;
	}
	code = ask->policy ? ask_policy(ask->policy, &policy) : 0;
	if (code)
		return code;
	made = json_pack("{s:o*, s:s*, s:s*, s:s*, s:o}", "policy", policy, "purpose", ask->purpose, "ttl",
			 ask->ttl, "workdir", workdir, "argv", ask_argv(argv));
	if (!made) {
		cli_error("the purpose, the TTL and the working directory must be UTF-8");
		return EX_DATAERR;
	}
	*body = made;
	return 0;
}
