/* SPDX-License-Identifier: Apache-2.0 */
/* How large tables get, and that what gets too large is refused, by name and in time. */
#include "test_compile_check.h"

static const unsigned every = (1u << FILE_OPS) - 1;

__attribute__((format(printf, 4, 5))) static void add(struct sample *s, enum rule_verdict verdict,
						      unsigned ops, const char *pattern, ...)
{
	char text[1200];
	va_list args;

	va_start(args, pattern);
	vsnprintf(text, sizeof(text), pattern, args);
	va_end(args);
	sample_path_ops(s, verdict, ops, text);
}

static uint32_t states(struct sample *s)
{
	uint32_t count;

	sample_compile(s);
	count = check_table(s->table);
	print_message("%zu rules: %u states, %u cells\n", s->purpose.rules.path_count, count,
		      s->table->count);
	return count;
}

static void refused(struct sample *s, const char *what, unsigned line)
{
	assert_int_equal(sample_try(s, NULL), -22);
	assert_null(s->table);
	assert_int_equal(s->errors.count, 1);
	assert_string_equal(s->errors.list[0].what, what);
	assert_string_equal(s->errors.list[0].file, "sample.yaml");
	assert_int_equal(s->errors.list[0].line, line);
	assert_true(s->errors.list[0].hint[0]);
	sample_free(s);
}

/* Each tree, and in it one state for each denial that came first. */
static void test_floats_and_trees(void **state)
{
	struct sample s = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		add(&s, RULE_DENY, every, "**/.secret%d/**", i);
	for (int i = 0; i < 30; i++)
		add(&s, RULE_ALLOW, every, "/srv/tree%d/**", i);
	assert_in_range(states(&s), 1, 60);
	assert_int_equal(sample_ask(&s, OP_READ, "/srv/tree3/.secret4/.secret9").action, ACT_DENY);
	sample_free(&s);
	for (int i = 0; i < 20; i++)
		add(&s, RULE_DENY, 1u << OP_READ | 1u << OP_WRITE, "**/.secret%d/**", i);
	for (int i = 0; i < 30; i++)
		add(&s, RULE_ALLOW, 63, "/srv/tree%d/**", i);
	assert_in_range(states(&s), 1, 30 * 21 + 60);
	sample_free(&s);
}

/* Denials of different operations multiply, as each has a rule to be recorded. */
static void test_floats_of_two_kinds(void **state)
{
	struct sample s = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		add(&s, RULE_DENY, i & 1 ? 1u << OP_READ : 1u << OP_WRITE, "**/.secret%d/**", i);
	for (int i = 0; i < 30; i++)
		add(&s, RULE_ALLOW, 63, "/srv/tree%d/**", i);
	assert_in_range(states(&s), 1, 31 * 11 * 11 + 60);
	sample_free(&s);
}

/* An edge for each of the 24 ways in which these meet, in every tree: small numbers all, yet hashed apart. */
static void test_globs_everywhere(void **state)
{
	struct sample s = {0};

	(void)state;
	for (int i = 1; i <= 4; i++) {
		add(&s, RULE_DENY, 1u << i, "**/%.*s*", i, "xxxx");
		add(&s, RULE_DENY, 1u << i, "**/*%.*s", i, "yyyy");
	}
	for (int i = 0; i < 200; i++)
		add(&s, RULE_ALLOW, 63, "/srv/tree%d/**", i);
	assert_in_range(states(&s), 200 * 15, 200 * 15 + 60);
	assert_in_range(s.table->count, 1, 300000);
	assert_int_equal(sample_ask(&s, 4, "/srv/tree7/xxxxyyyy").action, ACT_DENY);
	assert_int_equal(sample_ask(&s, 4, "/srv/tree7/xxxyyy").action, ACT_ALLOW);
	sample_free(&s);
}

static void anchored(struct sample *s, int count)
{
	for (int i = 0; i < count; i++)
		add(s, i % 3 ? RULE_ALLOW : RULE_DENY, i % 2 ? 63 : 3, "/srv/d%d/e%d/f%d%s", i % 40, i % 900,
		    i, i % 5 ? "" : "/**");
}

static void test_many_rules(void **state)
{
	struct sample s = {0};

	(void)state;
	anchored(&s, 1000);
	assert_in_range(states(&s), 500, 3100);
	sample_free(&s);
	anchored(&s, 10000);
	assert_in_range(states(&s), 5000, 15000);
	assert_int_equal(sample_ask(&s, OP_READ, "/srv/d1/e1/f1").action, ACT_ALLOW);
	assert_int_equal(sample_ask(&s, OP_READ, "/srv/d0/e0/f0").action, ACT_DENY);
	sample_free(&s);
	anchored(&s, 10000);
	for (int i = 0; i < 20; i++)
		add(&s, RULE_DENY, 63, "**/.secret%d/**", i);
	assert_in_range(states(&s), 5000, 50000); /* in each tree, the denial that came first */
	sample_free(&s);
}

static void test_rules_limit(void **state)
{
	struct sample s = {0};

	(void)state;
	for (unsigned i = 0; i < TABLE_RULES; i++)
		add(&s, RULE_ALLOW, 1, "/d/%u", i);
	states(&s);
	assert_int_equal(sample_ask(&s, OP_READ, "/d/65534").action, ACT_ALLOW);
	table_free(s.table);
	s.table = NULL;
	add(&s, RULE_ALLOW, 1, "/x");
	refused(&s, "65536 rules, the limit is 65535", 1);
}

static void test_globs_limit(void **state)
{
	struct sample s = {0};

	(void)state;
	for (unsigned i = 0; i < TABLE_GLOBS; i++)
		add(&s, i & 1 ? RULE_DENY : RULE_ALLOW, 1, i & 2 ? "/d/%.*s*" : "/d/*%.*s", (int)i + 1,
		    "xxxxxxxxxx");
	add(&s, RULE_ALLOW, 1, "/e/y*");
	states(&s);
	table_free(s.table);
	s.table = NULL;
	add(&s, RULE_ALLOW, 1, "/d/y*");
	refused(&s, "at most 8 patterns with '*' inside a name can meet at one place", 10);
}

/* Which of k floating directories were passed, in any order: 2^k sets. */
static void test_states_limit(void **state)
{
	struct sample s = {0};

	(void)state;
	for (int i = 0; i < 18; i++)
		add(&s, i & 1 ? RULE_ALLOW : RULE_DENY, 1, "**/a%d/**/b%d", i, i);
	refused(&s, "these rules need more than 262144 states", 18);
}

/* Four long names of its own to each rule: texts fill the table before states do. */
static void test_cells_limit(void **state)
{
	struct sample s = {0};
	char x[249];

	(void)state;
	memset(x, 'x', sizeof(x) - 1);
	x[sizeof(x) - 1] = '\0';
	for (unsigned i = 0; i < 61000; i++)
		add(&s, RULE_ALLOW, 1, "/%sa%05u/%sb%05u/%sc%05u/%sd%05u", x, i, x, i, x, i, x, i);
	refused(&s, "the table needs 4636005 cells, the limit is 4194304", 1);
}

/* Thousands of patterns that all match at one place cost work, not states. */
static void test_work_limit(void **state)
{
	struct sample s = {0};

	(void)state;
	for (int i = 0; i < 40; i++) {
		for (int j = 0; j < 100; j++)
			add(&s, j & 1 ? RULE_ALLOW : RULE_DENY, 1, "/**/a%d/**/b%d/**", i, j);
	}
	refused(&s, "these rules take more than 268435456 steps to compile", 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floats_and_trees), cmocka_unit_test(test_floats_of_two_kinds),
		cmocka_unit_test(test_globs_everywhere), cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_rules_limit),	 cmocka_unit_test(test_globs_limit),
		cmocka_unit_test(test_states_limit),	 cmocka_unit_test(test_cells_limit),
		cmocka_unit_test(test_work_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
