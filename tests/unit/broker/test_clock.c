/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock is set back while the broker runs: nothing lasts longer for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "token_client.h"

static volatile int64_t *offset; /* seconds; shared with the broker's process */

/* In place of the C library's, here and in the broker. */
time_t time(time_t *to)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += offset ? *offset : 0;
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}

static int setup(void **state)
{
	if (!offset)
		offset = mmap(NULL, sizeof(*offset), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			      0);
	*offset = 0;
	return offset == MAP_FAILED ? -1 : stage_setup(state);
}

static json_int_t expires_in(const struct reply *r)
{
	return json_integer_value(json_object_get(r->json, "expires_in"));
}

/* What a token says of its end holds by the clock of its grant, which nobody sets. */
static void grant(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES];
	struct reply r;
	json_t *c;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"20s\"", id);
	*offset = -3600;
	client_ask(s, s->next_slot - 1, ALICE, SELF "&audience=a", &r);
	assert_int_equal(r.status, 200);
	assert_true(expires_in(&r) > 10 && expires_in(&r) <= 20);
	c = client_claims(s, "at+jwt", reply_text(&r, "access_token"));
	assert_true(json_integer_value(json_object_get(c, "exp")) <= time(NULL) + 20);
	json_decref(c);
	reply_free(&r);
}

/* A token that is exchanged for the next, and that for the next one, ends when the first would have. */
static void replaced(void **state)
{
	struct stage *s = *state;
	char id[ID_BYTES], more[8192];
	json_int_t first, next;
	struct reply r;

	stage_grant(s, ALICE, ", \"purpose\": \"fix-issue\", \"ttl\": \"10m\"", id);
	client_post(s, s->next_slot - 1, ALICE, SELF "&requested_token_type=" TXN "&bound_to=grant", NULL,
		    &r);
	assert_int_equal(r.status, 200);
	first = expires_in(&r);
	snprintf(more, sizeof(more),
		 "&requested_token_type=" TXN "&bound_to=grant&subject_token=%s&subject_token_type=" TXN,
		 reply_text(&r, "access_token"));
	reply_free(&r);
	*offset = -3600;
	sleep(3);
	client_post(s, s->next_slot - 1, ALICE, more, NULL, &r);
	assert_int_equal(r.status, 200);
	next = expires_in(&r);
	assert_true(next > first - 15 && next <= first - 3);
	reply_free(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grant, setup, stage_teardown),
		cmocka_unit_test_setup_teardown(replaced, setup, stage_teardown),
	};

	if (geteuid() != 0) {
		print_message("1..0 # SKIP needs root to play several users\n");
		return 0;
	}
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
