/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the reader share. */
#ifndef TEST_POLICY_READING_H
#define TEST_POLICY_READING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Six lines; what follows belongs to the purpose p. */
#define HEAD "apiVersion: deputy/v1\nname: t\nowner: {any_of: [uid:*]}\npurposes:\n  p:\n    ttl: 1m\n"
/* The rule stands in line 8 from column 9 on. */
#define FILES(x) HEAD "    files:\n      - " x "\n"
#define NET(x)	 HEAD "    network:\n      - " x "\n"
#define EXEC(x)	 HEAD "    exec:\n      - " x "\n"
#define IPC(x)	 HEAD "    ipc:\n      - " x "\n"

/* Profiles by name; a profile function's argument. */
struct shelf {
	const char *name, *text;
};

static inline char *shelf_get(const char *name, size_t *len, void *arg)
{
	for (const struct shelf *s = arg; s->name; s++) {
		if (strcmp(s->name, name) == 0) {
			*len = strlen(s->text);
			return strdup(s->text);
		}
	}
	return NULL;
}

/* All mistakes, one after another, each ended by a newline. */
static inline void errors_print(const struct policy_errors *errors, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < errors->count; i++) {
		assert_int_equal(policy_error_format(&errors->list[i], buf + used, size - used - 1), 0);
		used += strlen(buf + used);
		strcpy(buf + used++, "\n");
	}
}

/* Reads what must be right. */
static inline struct policy *good(const char *text, const struct shelf *shelf)
{
	struct policy_errors errors = {0};
	struct policy *policy = NULL;
	char got[8192];
	int err = policy_parse("t.yaml", text, strlen(text), shelf ? shelf_get : NULL, (void *)shelf, &errors,
			       &policy);

	errors_print(&errors, got, sizeof(got));
	assert_string_equal(got, "");
	assert_int_equal(err, 0);
	assert_non_null(policy);
	return policy;
}

/* Reads what must be refused with exactly these mistakes. */
static inline void bad_text(const char *text, size_t len, const struct shelf *shelf, const char *want)
{
	struct policy_errors errors = {0};
	struct policy *policy = NULL;
	static char got[POLICY_ERRORS_MAX * sizeof(struct policy_error)];
	int err =
		policy_parse("t.yaml", text, len, shelf ? shelf_get : NULL, (void *)shelf, &errors, &policy);

	errors_print(&errors, got, sizeof(got));
	assert_string_equal(got, want);
	assert_int_equal(err, -EINVAL);
	assert_null(policy);
	policy_errors_free(&errors);
}

static inline void bad(const char *text, const struct shelf *shelf, const char *want)
{
	bad_text(text, strlen(text), shelf, want);
}

#endif
