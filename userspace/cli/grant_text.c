/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grant_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"

char *grant_life(const json_t *grant)
{
	const char *state = member_text(grant, "state");
	char left[16], *text;

	if (strcmp(state, "live") != 0)
		return strdup(state);
	print_duration(print_seconds_until(member_text(grant, "expires")), left);
	return asprintf(&text, "%s left", left) < 0 ? NULL : text;
}

char *grant_argv(const json_t *grant)
{
	const json_t *arg;
	char *text = NULL;
	size_t i, size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	json_array_foreach (json_object_get(grant, "argv"), i, arg)
		fprintf(out, "%s%s", i ? " " : "", json_is_string(arg) ? json_string_value(arg) : "?");
	fclose(out);
	return text;
}

char *grant_owner(const json_t *grant)
{
	char *text;

	return asprintf(&text, "%s (%s)", member_text(grant, "owner"), member_text(grant, "user")) < 0 ? NULL
												       : text;
}
