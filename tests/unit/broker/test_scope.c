/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/scope.h"

static void narrowing(void **state)
{
	static const struct {
		const char *asked, *have, *purpose, *scope; /* scope NULL: refused */
		int err;
	} cases[] = {
		{NULL, "fix", "fix", "fix", 0},
		{"fix", "fix", "fix", "fix", 0},
		{"fix/a", "fix", "fix", "fix/a", 0},
		{"fix/a fix/b/c", "fix", "fix", "fix/a fix/b/c", 0},
		{"fixed", "fix", "fix", NULL, -EACCES},
		{"fi", "fix", "fix", NULL, -EACCES},
		{"fix/a other", "fix", "fix", NULL, -EACCES},
		{"other", "fix other", "fix", NULL, -EACCES},
		/* both lists bind, whichever is the narrower */
		{NULL, "fix/a", "fix", "fix/a", 0},
		{NULL, "fix", "fix/a", "fix/a", 0},
		{NULL, "fix/a fix/b", "fix", "fix/a fix/b", 0},
		{NULL, "fix/a fix/b", "fix/a", "fix/a", 0},
		{NULL, "fix/a", "fix/b", NULL, -EACCES},
		{"fix", "fix/a", "fix", NULL, -EACCES},
		{"fix/a/x", "fix/a", "fix", "fix/a/x", 0},
		{"fix/b", "fix/a", "fix", NULL, -EACCES},
		{"", "fix", "fix", NULL, -EINVAL},
		{" fix", "fix", "fix", NULL, -EINVAL},
		{"fix ", "fix", "fix", NULL, -EINVAL},
		{"fix  fix", "fix", "fix", NULL, -EINVAL},
		{"fix/", "fix", "fix", NULL, -EINVAL},
		{"fix//a", "fix", "fix", NULL, -EINVAL},
		{"fix/.", "fix", "fix", NULL, -EINVAL},
		{"fix/../x", "fix", "fix", NULL, -EINVAL},
		{"fix/...", "fix", "fix", "fix/...", 0},
		{"fix/\"", "fix", "fix", NULL, -EINVAL},
		{"fix\t", "fix", "fix", NULL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char scope[SCOPE_TEXT_MAX + 1] = "";
		int err = scope_narrow(cases[i].asked, cases[i].have, cases[i].purpose, scope);

		if (err != cases[i].err || (!err && strcmp(scope, cases[i].scope)))
			fail_msg("%zu: %s of %s: %d %s", i, cases[i].asked ?: "all", cases[i].have, err,
				 scope);
	}
}

static void limits(void **state)
{
	char asked[SCOPE_TEXT_MAX + 2], scope[SCOPE_TEXT_MAX + 1], *p = asked;

	(void)state;
	for (unsigned i = 0; i < SCOPES_MAX; i++)
		p += sprintf(p, "%sf/%u", i ? " " : "", i);
	assert_int_equal(scope_narrow(asked, "f", "f", scope), 0);
	assert_string_equal(scope, asked);
	strcpy(p, " f");
	assert_int_equal(scope_narrow(asked, "f", "f", scope), -EINVAL);
	memset(asked, 'f', sizeof(asked));
	asked[1] = '/';
	asked[SCOPE_TEXT_MAX] = '\0';
	assert_int_equal(scope_narrow(asked, "f", "f", scope), 0);
	asked[SCOPE_TEXT_MAX] = 'f';
	asked[SCOPE_TEXT_MAX + 1] = '\0';
	assert_int_equal(scope_narrow(asked, "f", "f", scope), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(narrowing), cmocka_unit_test(limits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
