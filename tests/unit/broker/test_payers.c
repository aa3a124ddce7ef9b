/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/payers.h"

#define ALICE 1000
#define BOB   1001

static struct grant root_of_alice = {.id = "ga", .uid = ALICE};
static struct grant below = {.id = "gb", .uid = ALICE, .above = &root_of_alice};

static unsigned take_all(struct payers *p, const struct grant *g, uid_t uid, int why)
{
	struct bill bill;
	unsigned n = 0;
	int err;

	assert_int_equal(payers_bill(p, g, uid, &bill), 0);
	while (!(err = payers_take(p, &bill)))
		n++;
	assert_int_equal(err, why);
	return n;
}

/* An agent and what it delegated have one share together; it is given back. */
static void of_a_grant(void **state)
{
	struct grant other = {.id = "gc", .uid = ALICE};
	struct payers p = {0};
	struct bill bill;

	(void)state;
	assert_int_equal(take_all(&p, &below, ALICE, -EDQUOT), TOKENS_PER_GRANT);
	assert_int_equal(take_all(&p, &root_of_alice, ALICE, -EDQUOT), 0);
	assert_int_equal(take_all(&p, &other, ALICE, -EDQUOT), TOKENS_PER_GRANT);
	assert_int_equal(payers_bill(&p, &below, ALICE, &bill), 0);
	payers_give(&p, &bill);
	assert_int_equal(take_all(&p, &root_of_alice, ALICE, -EDQUOT), 1);
	payers_clear(&p);
}

static void of_an_owner(void **state)
{
	struct payers p = {0};
	unsigned n = 0;
	char name = 'a';

	(void)state;
	while (n < TOKENS_PER_OWNER) {
		struct grant g = {.uid = ALICE};

		g.id[0] = 'g', g.id[1] = name++;
		n += take_all(&p, &g, ALICE, -EDQUOT);
	}
	assert_int_equal(n, TOKENS_PER_OWNER);
	assert_int_equal(take_all(&p, NULL, ALICE, -EUSERS), 0);
	assert_int_equal(take_all(&p, NULL, BOB, -EUSERS), TOKENS_PER_OWNER);
	/* root has no share, but what is left; his agents have one like all others' */
	for (n = 0, name = 'a'; n < TOKENS_PER_OWNER;) {
		struct grant g = {.uid = 0};

		g.id[0] = 'g', g.id[1] = 'r', g.id[2] = name++;
		n += take_all(&p, &g, 0, -EDQUOT);
	}
	assert_int_equal(take_all(&p, &(struct grant){.id = "grz"}, 0, -EUSERS), 0);
	assert_int_equal(take_all(&p, NULL, 0, -ENOSPC), TOKENS_MAX - 3 * TOKENS_PER_OWNER);
	payers_clear(&p);
}

/* Until the clock's next second, at whose beginning this starts. */
static void rates(void **state)
{
	struct grant other = {.id = "gc", .uid = ALICE};
	struct payers p = {0};
	struct bill a, b, c;
	struct timespec t;
	unsigned n;

	(void)state;
	assert_int_equal(payers_bill(&p, &below, ALICE, &a), 0);
	assert_int_equal(payers_bill(&p, &other, ALICE, &b), 0);
	assert_int_equal(payers_bill(&p, NULL, ALICE, &c), 0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	usleep((useconds_t)(1000000 - t.tv_nsec / 1000));
	for (n = 0; payers_ask(&a) == 0; n++)
		;
	assert_int_equal(n, RATE_PER_GRANT);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(payers_ask(&a), -EAGAIN);
	assert_int_equal(payers_ask(&b), 0); /* nor is that on the owner's account */
	for (n = 0; payers_ask(&c) == 0; n++)
		;
	assert_int_equal(n, RATE_PER_OWNER - RATE_PER_GRANT - 1);
	assert_int_equal(payers_ask(&b), -EAGAIN);
	usleep(1100000);
	assert_int_equal(payers_ask(&a), 0);
	payers_clear(&p);
}

static void forgotten(void **state)
{
	struct payers p = {0};
	struct bill bill;

	(void)state;
	assert_int_equal(payers_bill(&p, &below, ALICE, &bill), 0);
	assert_int_equal(payers_take(&p, &bill), 0);
	assert_true(payers_sweep(&p));
	payers_give(&p, &bill);
	assert_false(payers_sweep(&p));
	payers_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_grant), cmocka_unit_test(of_an_owner),
					   cmocka_unit_test(rates), cmocka_unit_test(forgotten)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
