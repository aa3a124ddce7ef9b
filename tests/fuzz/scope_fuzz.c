/* SPDX-License-Identifier: Apache-2.0 */
/* scope_narrow() on any three texts: what comes out is within both lists, and is what was asked for. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/scope.h"

/* Said otherwise than in scope.c: with a '/' behind each, one name begins with the other. */
static bool within(const char *list, const char *one)
{
	char copy[SCOPE_TEXT_MAX + 1], *save = NULL;

	if (strlen(list) > SCOPE_TEXT_MAX)
		return false;
	strcpy(copy, list);
	for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		char a[SCOPE_TEXT_MAX + 2], b[SCOPE_TEXT_MAX + 2];

		snprintf(a, sizeof(a), "%s/", s);
		snprintf(b, sizeof(b), "%s/", one);
		if (strncmp(a, b, strlen(a)) == 0)
			return true;
	}
	return false;
}

static void check(const char *asked, const char *have, const char *purpose)
{
	char scope[SCOPE_TEXT_MAX + 1], *save = NULL;

	if (scope_narrow(asked, have, purpose, scope))
		return;
	if (asked && strcmp(asked, scope))
		abort();
	for (char *s = strtok_r(scope, " ", &save); s; s = strtok_r(NULL, " ", &save))
		if (!within(have, s) || !within(purpose, s))
			abort();
}

/* Three lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *line[3], *p = text;

	memcpy(text, data, size);
	text[size] = '\0';
	for (int i = 0; i < 3; i++) {
		line[i] = p;
		p += strcspn(p, "\n");
		if (*p)
			*p++ = '\0';
	}
	check(size & 1 ? line[0] : NULL, line[1], line[2]);
	free(text);
	return 0;
}
