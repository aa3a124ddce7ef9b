/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/query.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/client.h"
#include "common/cleanup.h"

char *query_path(const char *path, const struct query *list)
{
	char *text = NULL, separator = '?';
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs(path, out);
	for (; list->name; list++) {
		_cleanup_free_ char *value = list->value ? client_escape(list->value) : NULL;

		if (!value)
			continue;
		fprintf(out, "%c%s=%s", separator, list->name, value);
		separator = '&';
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}
