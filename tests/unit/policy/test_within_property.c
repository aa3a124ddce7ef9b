/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random pairs of policies: what is said to be within never allows or holds more, by decide.h over paths and
 * addresses; and an example of what is wider is one.
 */
#include <errno.h>

#include "policy/decide_env.h"
#include "policy/within.h"
#include "test_compile_random.h"

#define ROUNDS 3000
#define PATHS  200

struct pair_of {
	struct sample child, parent;
	unsigned within, wider;
};

/* Names near those that patterns hold: what globs match, with more before, between and behind. */
static void near_path(char *text, size_t size)
{
	static const char *const near[] = {"a",
					   "b",
					   "ab",
					   "ba",
					   "aba",
					   "abba",
					   LONG,
					   LONG "b",
					   "ax",
					   "xa",
					   "xb",
					   "axa",
					   "aa",
					   "abxba",
					   "x",
					   "bx",
					   "abab",
					   "abababababababababx",
					   "abababababababababab",
					   "xbabababababababababab",
					   "babababababababababab",
					   "ababababababababababxb"};
	unsigned count = roll(6);
	size_t used = 0;

	snprintf(text, size, "/");
	for (unsigned i = 0; i < count; i++)
		used += snprintf(text + used, size - used, "/%s", ONE_OF(near));
}

static void rule_again(struct sample *s, const struct path_rule *rule)
{
	unsigned ops = roll(3) ? rule->ops : rule->ops & roll(256);

	if (rule->verdict == RULE_DENY)
		ops = rule->ops | roll(256);
	if (ops)
		sample_path_ops(s, rule->verdict, ops, rule->pattern);
}

/* Some of the parent's allows and nearly all its denials, with denials besides: often within, and often
 * nearly. */
static void narrow(struct sample *child, const struct sample *parent)
{
	const struct rules *rules = &parent->purpose.rules;
	char text[256];

	for (size_t i = 0; i < rules->path_count; i++) {
		if (roll(12) && (rules->paths[i].verdict == RULE_DENY || roll(3)))
			rule_again(child, &rules->paths[i]);
	}
	for (unsigned i = roll(4); i; i--) {
		random_pattern(text, sizeof(text));
		sample_path_ops(child, roll(5) ? RULE_DENY : RULE_ALLOW, roll(2) ? 255 : 1 + roll(255), text);
	}
}

/* Turns some of what is allowed at random places into holds. */
static void hold_some(struct table *t)
{
	for (int i = 0; i < 10; i++) {
		__u32 at = decide_start(t);

		for (unsigned steps = roll(5); steps && at; steps--) {
			const char *name = ONE_OF(names);

			at = decide_step(t, at, name_at(name), (__u32)strlen(name));
		}
		if (at && roll(2)) {
			unsigned ops = t->cells[at].state.allow & roll(256);

			t->cells[at].state.hold |= ops;
			t->cells[at].state.allow &= ~ops;
		}
	}
}

static void dump(const struct sample *s, const char *what)
{
	for (size_t i = 0; i < s->purpose.rules.path_count; i++) {
		const struct path_rule *r = &s->purpose.rules.paths[i];

		print_error("%s: %s %02x %s\n", what, r->verdict == RULE_DENY ? "deny" : "allow", r->ops,
			    r->pattern);
	}
}

/* Whether the child says more of the path than the parent. */
static bool path_is_wider(const struct pair_of *p, unsigned op, const char *path)
{
	struct policy_answer c, q;

	assert_int_equal(policy_explain_path(p->child.table, op, path, &c), 0);
	assert_int_equal(policy_explain_path(p->parent.table, op, path, &q), 0);
	return c.action > q.action;
}

static void paths_compare(struct pair_of *p)
{
	static struct policy_wider w;
	int err = policy_within(p->child.table, p->parent.table, &w);
	char path[512];

	if (err) {
		assert_int_equal(err, -EACCES);
		assert_int_equal(w.kind, WIDER_PATH);
		assert_false(w.cut);
		assert_true(path_is_wider(p, w.number, w.object));
		assert_non_null(w.rule);
		p->wider++;
		return;
	}
	p->within++;
	for (int i = 0; i < PATHS; i++) {
		near_path(path, sizeof(path));
		for (unsigned op = 0; op < FILE_OPS; op++) {
			if (!path_is_wider(p, op, path))
				continue;
			dump(&p->child, "child");
			dump(&p->parent, "parent");
			fail_msg("op %u on %s is wider", op, path);
		}
	}
}

static void paths_round(struct pair_of *p, bool holds)
{
	static struct policy_wider w;
	unsigned mask = roll(2) ? 255 : 1u << roll(FILE_OPS);

	random_rules(&p->parent, mask);
	if (roll(4))
		narrow(&p->child, &p->parent);
	else
		random_rules(&p->child, mask);
	sample_compile(&p->parent);
	sample_compile(&p->child);
	if (holds) {
		hold_some(p->parent.table);
		hold_some(p->child.table);
	}
	assert_int_equal(policy_within(p->parent.table, p->parent.table, &w), 0);
	paths_compare(p);
	sample_free(&p->child);
	sample_free(&p->parent);
}

/* Both answers have to come up often, or nothing was tested. */
static void check_both(const struct pair_of *p)
{
	print_message("%u within, %u wider\n", p->within, p->wider);
	assert_true(p->within > ROUNDS / 10);
	assert_true(p->wider > ROUNDS / 10);
}

static void test_paths(void **state)
{
	struct pair_of p = {0};

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		paths_round(&p, false);
	check_both(&p);
}

static void test_holds(void **state)
{
	struct pair_of p = {0};

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		paths_round(&p, true);
	check_both(&p);
}

/* ---- addresses: what may begin or end a rule, and what is beside it ---- */

static struct policy_answer ask_addr(const struct sample *s, unsigned op, struct cell_addr addr,
				     uint16_t port)
{
	struct policy_answer a;

	assert_int_equal(policy_explain_addr(s->table, op, &addr, port, &a), 0);
	return a;
}

/* Listening where the kernel chose the port. */
static struct policy_answer ask_chosen(const struct sample *s, struct cell_addr addr, uint16_t port)
{
	struct policy_answer a = ask_addr(s, NET_TCP_BIND, addr, port);

	return a.action == ACT_ALLOW || a.rule ? a : ask_addr(s, NET_TCP_BIND, addr, 0);
}

static bool addr_is_wider(const struct pair_of *p, unsigned op, struct cell_addr addr, uint16_t port)
{
	return ask_addr(&p->child, op, addr, port).action > ask_addr(&p->parent, op, addr, port).action;
}

static bool chosen_is_wider(const struct pair_of *p, struct cell_addr addr, uint16_t port)
{
	return ask_chosen(&p->child, addr, port).action > ask_chosen(&p->parent, addr, port).action;
}

static void addrs_compare(struct pair_of *p)
{
	static struct policy_wider w;
	int err = policy_within(p->child.table, p->parent.table, &w);

	if (err) {
		assert_int_equal(err, -EACCES);
		assert_int_equal(w.kind, WIDER_ADDR);
		assert_true(w.chosen ? chosen_is_wider(p, w.addr, w.port)
				     : addr_is_wider(p, w.number, w.addr, w.port));
		assert_non_null(w.rule);
		p->wider++;
		return;
	}
	p->within++;
	for (int i = 0; i < PATHS; i++) {
		for (unsigned op = 0; op < NET_OPS; op++)
			assert_false(addr_is_wider(p, op, random_addr(), random_port()));
		assert_false(chosen_is_wider(p, random_addr(), random_port()));
	}
}

static void addr_again(struct sample *s, const struct addr_rule *r)
{
	unsigned ops = r->verdict == RULE_DENY ? r->ops | roll(16) : r->ops & (roll(3) ? 15 : roll(16));

	if (ops)
		sample_addr(s, r->verdict, ops, r->first, r->last, r->ports, r->port_count);
}

static void addrs_round(struct pair_of *p)
{
	static struct policy_wider w;
	const struct rules *rules = &p->parent.purpose.rules;

	for (unsigned i = 1 + roll(6); i; i--)
		random_addr_rule(&p->parent);
	for (size_t i = 0; i < rules->addr_count; i++) {
		if (roll(8))
			addr_again(&p->child, &rules->addrs[i]);
	}
	for (unsigned i = roll(8) ? 0 : 1; i; i--)
		random_addr_rule(&p->child);
	sample_compile(&p->parent);
	sample_compile(&p->child);
	assert_int_equal(policy_within(p->parent.table, p->parent.table, &w), 0);
	addrs_compare(p);
	sample_free(&p->child);
	sample_free(&p->parent);
}

static void test_addrs(void **state)
{
	struct pair_of p = {0};

	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		addrs_round(&p);
	check_both(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_addrs),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
