/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ports: cases, then random rules against their meaning. */
#include "test_compile_check.h"
#include "test_compile_random.h"

#define TCP (1u << NET_TCP_CONNECT)

static const struct cell_addr zero = {0, 0}, top = {~0ull, ~0ull};

static struct cell_addr v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	return (struct cell_addr){0, 0xffffull << 32 | a << 24 | b << 16 | c << 8 | d};
}

static void add(struct sample *s, enum rule_verdict verdict, struct cell_addr first, struct cell_addr last,
		uint16_t lo, uint16_t hi)
{
	struct port_range range = {lo, hi};

	sample_addr(s, verdict, TCP, first, last, &range, 1);
}

static void expect(const struct sample *s, struct cell_addr addr, uint16_t port, enum action action,
		   const char *rule)
{
	struct policy_answer answer;

	assert_int_equal(policy_explain_addr(s->table, NET_TCP_CONNECT, &addr, port, &answer), 0);
	assert_int_equal(answer.action, action);
	if (rule)
		assert_string_equal(answer.rule, rule);
	else
		assert_null(answer.rule);
}

static void test_cases(void **state)
{
	struct sample s = {0};

	(void)state;
	add(&s, RULE_ALLOW, v4(10, 0, 0, 0), v4(10, 255, 255, 255), 5432, 5432);
	add(&s, RULE_DENY, v4(10, 1, 0, 0), v4(10, 1, 255, 255), 0, 65535); /* ties with 1 */
	add(&s, RULE_ALLOW, v4(10, 1, 2, 3), v4(10, 1, 2, 3), 5432, 5432);  /* beats both */
	add(&s, RULE_ALLOW, zero, top, 443, 443);
	add(&s, RULE_DENY, v4(192, 168, 0, 0), v4(192, 168, 255, 255), 443, 443); /* beats 4 */
	add(&s, RULE_DENY, zero, top, 1000, 2000);
	add(&s, RULE_ALLOW, zero, top, 1500, 1500); /* beats 6 */
	sample_compile(&s);
	check_table(s.table);
	expect(&s, v4(10, 0, 0, 1), 5432, ACT_ALLOW, "addr 1");
	expect(&s, v4(10, 0, 0, 1), 5433, ACT_DENY, NULL);
	expect(&s, v4(10, 1, 0, 1), 5432, ACT_DENY, "addr 2");
	expect(&s, v4(10, 1, 2, 3), 5432, ACT_ALLOW, "addr 3");
	expect(&s, v4(10, 1, 2, 3), 443, ACT_DENY, "addr 2");
	expect(&s, v4(8, 8, 8, 8), 443, ACT_ALLOW, "addr 4");
	expect(&s, zero, 443, ACT_ALLOW, "addr 4");
	expect(&s, top, 443, ACT_ALLOW, "addr 4");
	expect(&s, v4(192, 168, 7, 7), 443, ACT_DENY, "addr 5");
	expect(&s, v4(8, 8, 8, 8), 1499, ACT_DENY, "addr 6");
	expect(&s, v4(8, 8, 8, 8), 1500, ACT_ALLOW, "addr 7");
	expect(&s, v4(8, 8, 8, 8), 1501, ACT_DENY, "addr 6");
	expect(&s, v4(8, 8, 8, 8), 0, ACT_DENY, NULL);
	expect(&s, v4(8, 8, 8, 8), 65535, ACT_DENY, NULL);
	sample_free(&s);
}

static void test_no_rules(void **state)
{
	struct sample s = {0};
	struct policy_answer answer;

	(void)state;
	sample_compile(&s);
	check_table(s.table);
	assert_int_equal(s.table->cells[1].head2.net_count, 0);
	expect(&s, zero, 0, ACT_DENY, NULL);
	assert_int_equal(policy_explain_addr(s.table, NET_OPS, &zero, 0, &answer), -22);
	sample_free(&s);
}

/* Adjacent blocks under one rule each differ by their rule; under one rule written as one they are one. */
static void test_merges(void **state)
{
	static const struct port_range split[] = {{6, 9}, {0, 3}, {4, 5}, {2, 8}};
	struct sample s = {0};

	(void)state;
	sample_addr(&s, RULE_ALLOW, TCP, zero, top, split, 4);
	add(&s, RULE_ALLOW, v4(1, 0, 0, 0), v4(1, 0, 0, 9), 5, 5);
	sample_compile(&s);
	check_table(s.table);
	assert_int_equal(s.table->cells[1].head2.net_count, 3);
	expect(&s, zero, 9, ACT_ALLOW, "addr 1");
	expect(&s, zero, 10, ACT_DENY, NULL);
	expect(&s, v4(1, 0, 0, 9), 5, ACT_ALLOW, "addr 2");
	expect(&s, v4(1, 0, 0, 10), 5, ACT_ALLOW, "addr 1");
	sample_free(&s);
}

/* Addresses count on from the paths: both are rules of one table. */
static void test_numbering(void **state)
{
	struct sample s = {0};

	(void)state;
	sample_path(&s, "allow read /a");
	sample_path(&s, "allow read /b");
	add(&s, RULE_ALLOW, zero, top, 1, 1);
	sample_compile(&s);
	assert_int_equal(s.table->rule_count, 3);
	expect(&s, zero, 1, ACT_ALLOW, "addr 1");
	sample_free(&s);
}

/* ---- random rules ---- */

#define ROUNDS 3000
#define RULES  8

static bool port_in(const struct addr_rule *r, uint32_t port)
{
	for (size_t i = 0; i < r->port_count; i++) {
		if (r->ports[i].lo <= port && port <= r->ports[i].hi)
			return true;
	}
	return false;
}

static bool ports_within(const struct addr_rule *a, const struct addr_rule *b)
{
	for (uint32_t port = 0; port <= 65535; port += port == 10 ? 65500 : 1) {
		if (port_in(a, port) && !port_in(b, port))
			return false;
	}
	return true;
}

static bool rule_within(const struct addr_rule *a, const struct addr_rule *b)
{
	return !below(a->first, b->first) && !below(b->last, a->last) && ports_within(a, b);
}

static bool applies(const struct addr_rule *r, unsigned op, struct cell_addr addr, uint16_t port)
{
	return r->ops >> op & 1 && !below(addr, r->first) && !below(r->last, addr) && port_in(r, port);
}

/* The rule to be recorded, 0 = none. */
static unsigned winner(const struct sample *s, unsigned op, struct cell_addr addr, uint16_t port)
{
	const struct rules *rules = &s->purpose.rules;
	unsigned best = 0;

	for (size_t i = 0; i < rules->addr_count; i++) {
		const struct addr_rule *r = &rules->addrs[i];
		bool in_play = applies(r, op, addr, port);

		for (size_t j = 0; j < rules->addr_count && in_play; j++) {
			const struct addr_rule *o = &rules->addrs[j];

			in_play = !(applies(o, op, addr, port) && rule_within(o, r) && !rule_within(r, o));
		}
		if (in_play && (!best || r->verdict < rules->addrs[best - 1].verdict))
			best = (unsigned)i + 1;
	}
	return best;
}

static void compare(const struct sample *s, unsigned op, struct cell_addr addr, uint16_t port)
{
	unsigned rule = winner(s, op, addr, port), got;
	struct policy_answer answer;

	assert_int_equal(policy_explain_addr(s->table, op, &addr, port, &answer), 0);
	got = answer.rule ? (unsigned)strtoul(answer.rule + 5, NULL, 10) : 0;
	assert_int_equal(got, rule);
	assert_int_equal(answer.action, rule && s->purpose.rules.addrs[rule - 1].verdict == RULE_ALLOW
						? ACT_ALLOW
						: ACT_DENY);
}

static void test_random(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct sample s = {0};
		unsigned count = 1 + roll(RULES);

		while (count--)
			random_addr_rule(&s);
		sample_compile(&s);
		check_table(s.table);
		for (int j = 0; j < 50; j++)
			compare(&s, roll(NET_OPS), random_addr(), random_port());
		sample_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),  cmocka_unit_test(test_no_rules),
		cmocka_unit_test(test_merges), cmocka_unit_test(test_numbering),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
