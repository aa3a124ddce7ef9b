/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/signers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static int signers_read(const char *path, char **text, size_t *len)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *t = malloc(SIGNERS_TEXT_MAX + 1); /* one more, to see that the file ends */

	if (!f)
		return -errno;
	if (!t)
		return -ENOMEM;
	*len = fread(t, 1, SIGNERS_TEXT_MAX + 1, f);
	if (ferror(f))
		return -EIO;
	*text = t;
	t = NULL;
	return 0;
}

static void signers_complain(const char *path, const struct signers_errors *errors)
{
	char line[1024];

	for (size_t i = 0; i < errors->count; i++)
		if (signers_error_format(path, &errors->list[i], line, sizeof(line)) == 0)
			fprintf(stderr, "deputyd: %s\n", line);
	if (errors->more)
		fprintf(stderr, "deputyd: %s: %zu more mistakes\n", path, errors->more);
}

int signers_load(const char *path, struct allowed_signers *signers)
{
	_cleanup_free_ char *text = NULL;
	struct signers_errors errors;
	size_t len;
	int err;

	if (!path)
		return 0;
	err = signers_read(path, &text, &len);
	if (!err)
		err = allowed_signers_parse(text, len, &errors, signers);
	if (err == -EINVAL)
		signers_complain(path, &errors);
	else if (err)
		fprintf(stderr, "deputyd: %s: %s\n", path, strerror(-err));
	return err;
}
