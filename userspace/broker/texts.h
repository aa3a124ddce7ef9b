/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of policy texts, read once. */
#ifndef DEPUTY_TEXTS_H
#define DEPUTY_TEXTS_H

#include <stddef.h>

struct text_file {
	char *name; /* with its ".yaml" */
	char *text; /* NUL-terminated for convenience; may hold NUL */
	size_t len;
};

struct texts {
	struct text_file *list;
	size_t count;
};

/* Reads every regular file NAME.yaml of a directory. NULL or no such directory: none. -EFBIG: one is larger
 * than POLICY_TEXT_MAX; -errno. texts_free() in the end. */
int texts_load(const char *dir, struct texts *texts);
void texts_free(struct texts *texts);
/* By file name; NULL when there is none. */
const struct text_file *texts_find(const struct texts *texts, const char *name);
/* The policy library's policy_profile_fn: `arg` is a struct texts, NAME is the file NAME.yaml. */
char *texts_profile(const char *name, size_t *len, void *arg);

#endif
