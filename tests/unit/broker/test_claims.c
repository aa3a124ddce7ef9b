/* SPDX-License-Identifier: Apache-2.0 */
/* A chain that is presented: of a grant that is good now, by the kernel's clock and not by a timer of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/claims.h"
#include "common/clock.h"
#include "signer.h"

#define DIGEST "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define MINUTE 60000000000ull

static struct grant *sample(struct registry *r)
{
	static const struct {
		enum grant_text which;
		const char *text;
	} says[] = {{GRANT_OWNER, "uid:1234567"}, {GRANT_ASSURANCE, "peer"}, {GRANT_PURPOSE, "fix-issue"},
		    {GRANT_POLICY, "coder"},	  {GRANT_DIGEST, DIGEST},    {GRANT_TABLE, DIGEST}};
	struct grant *g = grant_new();
	const char *why;

	for (size_t i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		assert_int_equal(grant_say(g, says[i].which, says[i].text), 0);
	assert_int_equal(grant_label(g, "a rule", sizeof("a rule")), 0);
	g->not_before = time(NULL) - 10;
	g->expires = g->not_before + 600;
	g->deadline = clock_boottime() + MINUTE;
	g->slot = 5;
	g->gen = 7;
	assert_int_equal(claims_sign(key, g, &why), 0);
	registry_add(r, g);
	return g;
}

static bool found(const struct registry *r, const struct grant *g, const char *text)
{
	struct chain_report report;
	struct grant *by = NULL;
	int err = claims_find(&ring, r, text, strlen(text), &report, &by);

	if (!err) {
		assert_ptr_equal(by, g);
		chain_report_free(&report);
	}
	assert_true(!err || err == -ENOENT);
	return !err;
}

static void presented(void **state)
{
	struct registry *r = calloc(1, sizeof(*r));
	struct grant *g;
	char *text;

	(void)state;
	registry_init(r);
	g = sample(r);
	assert_int_equal(claims_chain(g, &text), 0);
	assert_true(found(r, g, text));
	/* the kernel has ended it; nobody has come to note that, and the wall clock was set back */
	g->deadline = clock_boottime() - 1;
	assert_false(found(r, g, text));
	g->deadline = clock_boottime() + MINUTE;
	assert_true(found(r, g, text));
	g->state = GRANT_REVOKED;
	assert_false(found(r, g, text));
	free(text);
	registry_clear(r);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(presented)};

	return cmocka_run_group_tests(tests, signer_setup, signer_teardown);
}
