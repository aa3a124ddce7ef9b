/* SPDX-License-Identifier: Apache-2.0 */
/* The same content is one; it stays for as long as anybody holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/shared.h"

static void test_same(void **state)
{
	char text[] = "uid:1000";
	const char *a = shared_text(text), *b, *other = shared_text("uid:1001");

	(void)state;
	assert_ptr_not_equal(a, text);
	text[0] = 'x'; /* it was copied */
	assert_string_equal(a, "uid:1000");
	assert_true(shared_is_single(a));
	b = shared_text("uid:1000");
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, other);
	assert_false(shared_is_single(a));
	assert_int_equal(shared_size(a), sizeof("uid:1000"));
	shared_drop(a);
	assert_true(shared_is_single(b));
	assert_string_equal(b, "uid:1000");
	assert_ptr_equal(shared_hold(b), b);
	assert_false(shared_is_single(b));
	shared_drop(b);
	shared_drop(b);
	shared_drop(other);
}

/* Bytes after a NUL are content as well, and so is how many there are. */
static void test_bytes(void **state)
{
	static const char two[] = "a\0b", none[] = "a\0c";
	const void *a = shared_bytes(two, sizeof(two)), *b = shared_bytes(none, sizeof(none));
	const void *text = shared_text("a");

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, text);
	assert_memory_equal(a, two, sizeof(two));
	assert_int_equal((uintptr_t)a % _Alignof(max_align_t), 0);
	shared_drop(a);
	shared_drop(b);
	shared_drop(text);
}

static void test_empty(void **state)
{
	const char *a = shared_text(""), *b = shared_text("");

	(void)state;
	assert_ptr_equal(a, b);
	assert_string_equal(a, "");
	assert_int_equal(shared_size(a), 1);
	shared_drop(shared_hold(a));
	shared_drop(a);
	shared_drop(a); /* not counted */
	shared_drop(NULL);
	assert_string_equal(b, "");
}

/* As many as there are grants, and none left over: the leak checker looks. */
static void test_many(void **state)
{
	const char *held[16384];
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 16384; i++) {
		snprintf(text, sizeof(text), "agent %u", i / 2);
		held[i] = shared_text(text);
		assert_true(i % 2 == 0 || held[i] == held[i - 1]);
	}
	for (unsigned i = 0; i < 16384; i++) {
		snprintf(text, sizeof(text), "agent %u", i / 2);
		assert_string_equal(held[i], text);
		shared_drop(held[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
