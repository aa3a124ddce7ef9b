/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_QUERY_H
#define DEPUTY_CLI_QUERY_H

struct query {
	const char *name;  /* NULL ends the list */
	const char *value; /* NULL: left out */
};

/* "PATH?NAME=VALUE&..." with the values percent-encoded; the caller frees it. NULL: no memory. */
char *query_path(const char *path, const struct query *list);

#endif
