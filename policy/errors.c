/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/parse.h"

void errors_add(struct policy_errors *errors, const char *file, unsigned line, unsigned column,
		const char *hint, const char *what, ...)
{
	struct policy_error *e, *list = NULL;
	va_list args;

	if (errors->count < POLICY_ERRORS_MAX)
		list = list_grow(errors->list, errors->count, sizeof(*list));
	if (!list) {
		errors->more++;
		return;
	}
	errors->list = list;
	e = &list[errors->count++];
	*e = (struct policy_error){.line = line, .column = column};
	snprintf(e->file, sizeof(e->file), "%s", file);
	snprintf(e->hint, sizeof(e->hint), "%s", hint ? hint : "");
	va_start(args, what);
	vsnprintf(e->what, sizeof(e->what), what, args);
	va_end(args);
	/* Each may have been cut inside a character, and what quotes words that were. */
	text_clean(e->file);
	text_clean(e->hint);
	text_clean(e->what);
}

static bool after(const struct policy_error *a, const struct policy_error *b)
{
	if (a->line != b->line)
		return a->line > b->line;
	return a->column > b->column;
}

void errors_sort(struct policy_errors *errors)
{
	struct policy_error *list = errors->list;

	for (size_t i = 1; i < errors->count; i++) {
		struct policy_error e = list[i];
		size_t k = i;

		for (; k && strcmp(list[k - 1].file, e.file) == 0 && after(&list[k - 1], &e); k--)
			list[k] = list[k - 1];
		list[k] = e;
	}
}

void policy_errors_free(struct policy_errors *errors)
{
	free(errors->list);
	*errors = (struct policy_errors){0};
}

int policy_error_format(const struct policy_error *e, char *buf, size_t size)
{
	const char *sep = e->hint[0] ? "\n\thint: " : "";
	int n = snprintf(buf, size, "%s:%u:%u: %s%s%s", e->file, e->line, e->column, e->what, sep, e->hint);

	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}
