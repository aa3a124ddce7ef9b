/* SPDX-License-Identifier: Apache-2.0 */
/* Published test vectors: DEPUTY_VECTORS, or ../shared/vectors. */
#ifndef DEPUTY_VECTORS_H
#define DEPUTY_VECTORS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* NULL, and said so, where the file is not there: the test then counts as skipped. */
static inline json_t *vectors_load(const char *file)
{
	const char *dir = getenv("DEPUTY_VECTORS");
	char path[4096];
	json_t *v;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", file);
	v = json_load_file(path, 0, NULL);
	if (!v)
		print_message("# SKIP: no vectors at %s\n", path);
	return v;
}

#endif
