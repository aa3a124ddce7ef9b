/* SPDX-License-Identifier: Apache-2.0 */
/* What a grant is asked for with: the body of POST /v1/grants and POST /v1/delegate. */
#ifndef DEPUTY_ASK_H
#define DEPUTY_ASK_H

#include <jansson.h>

/* As given on the command line; NULL: not at all. */
struct ask {
	const char *policy; /* a file, or the name of an installed one */
	const char *purpose;
	const char *ttl;
	const char *workdir;
};

/* `workdir_default` NULL: none. argv, for the record, ends with NULL. 0 and the body, which is the caller's,
 * or an exit code with the reason printed. */
int ask_make(const struct ask *ask, const char *workdir_default, char **argv, json_t **body);

/* {"name", "text"} of a policy's file; the name alone when there is no such file and it can be an installed
 * policy's. Exit code; what is wrong was said. */
int ask_policy(const char *file, json_t **policy);

#endif
