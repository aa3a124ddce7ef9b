/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled tables against the rules' meaning, worked out rule by rule. Few names, so that much collides. */
#include "test_compile_check.h"
#include "test_compile_random.h"

#define ROUNDS 4000
#define PATHS  40
/* ---- the reference ---- */

struct reference {
	const struct rules *rules;
	struct pattern patterns[MAX_RULE];
	bool beats[MAX_RULE][MAX_RULE];
};

static void reference_load(struct reference *r, const struct sample *s)
{
	struct pattern_error error;

	r->rules = &s->purpose.rules;
	for (size_t i = 0; i < r->rules->path_count; i++)
		assert_int_equal(pattern_parse(r->rules->paths[i].pattern, NULL, &error, &r->patterns[i]), 0);
	for (size_t i = 0; i < r->rules->path_count; i++) {
		for (size_t j = 0; j < r->rules->path_count; j++)
			r->beats[i][j] = pattern_within(&r->patterns[i], &r->patterns[j]) &&
					 !pattern_within(&r->patterns[j], &r->patterns[i]);
	}
}

static void reference_free(struct reference *r)
{
	for (size_t i = 0; i < r->rules->path_count; i++)
		pattern_free(&r->patterns[i]);
}

static bool names_op(const struct path_rule *rule, unsigned op)
{
	unsigned use = 1u << OP_READ | 1u << OP_WRITE | 1u << OP_EXEC | 1u << OP_CREATE | 1u << OP_DELETE |
		       1u << OP_LIST;

	return rule->ops >> op & 1 || (op == OP_METADATA && rule->verdict == RULE_ALLOW && rule->ops & use);
}

/* Bit per rule that matches and names the operation, less those that another such one beats. */
static unsigned in_play(const struct reference *r, unsigned op, const char *path)
{
	unsigned matching = 0, left = 0;

	for (size_t i = 0; i < r->rules->path_count; i++) {
		if (names_op(&r->rules->paths[i], op) && pattern_matches(&r->patterns[i], path))
			matching |= 1u << i;
	}
	left = matching;
	for (size_t i = 0; i < r->rules->path_count; i++) {
		for (size_t j = 0; j < r->rules->path_count; j++) {
			if (matching >> j & 1 && r->beats[j][i])
				left &= ~(1u << i);
		}
	}
	return left;
}

/* Whether the path is a directory on the way to what the pattern grants. */
static bool leads(const struct pattern *p, const char *path)
{
	size_t i = 0, len;

	for (path += strspn(path, "/"); *path; path += len + strspn(path + len, "/"), i++) {
		len = strcspn(path, "/");
		if (i == p->count || p->parts[i].kind != PART_NAME || strlen(p->parts[i].text) != len ||
		    memcmp(p->parts[i].text, path, len))
			return false;
	}
	return i < p->count;
}

static unsigned first_lead(const struct reference *r, const char *path)
{
	for (size_t i = 0; i < r->rules->path_count; i++) {
		if (r->rules->paths[i].verdict == RULE_ALLOW && leads(&r->patterns[i], path))
			return (unsigned)i + 1;
	}
	return 0;
}

static unsigned denials(const struct reference *r, unsigned rules)
{
	unsigned deny = 0;

	for (size_t i = 0; i < r->rules->path_count; i++) {
		if (r->rules->paths[i].verdict == RULE_DENY)
			deny |= rules & 1u << i;
	}
	return deny;
}

static void reference_expect(const struct reference *r, unsigned op, const char *path, enum action *action,
			     unsigned *winners)
{
	unsigned left = in_play(r, op, path), deny = denials(r, left);
	unsigned lead = !left && op == OP_METADATA ? first_lead(r, path) : 0;

	*action = lead || (left && !deny) ? ACT_ALLOW : ACT_DENY;
	*winners = deny ? deny : lead ? 1u << (lead - 1) : left;
}

/* ---- the comparison ---- */

static void dump(const struct sample *s)
{
	for (size_t i = 0; i < s->purpose.rules.path_count; i++) {
		const struct path_rule *r = &s->purpose.rules.paths[i];

		print_error("%zu %s %02x %s\n", i + 1, r->verdict == RULE_DENY ? "deny" : "allow", r->ops,
			    r->pattern);
	}
}

static void compare(const struct sample *s, const struct reference *r, const char *path, unsigned op)
{
	struct policy_answer answer = sample_ask(s, op, path);
	unsigned rule = sample_rule(&answer), winners;
	enum action action;

	reference_expect(r, op, path, &action, &winners);
	if (answer.action == action && (rule ? winners >> (rule - 1) & 1 : !winners))
		return;
	dump(s);
	fail_msg("op %u on %s: action %d by rule %u; expected %d by one of %#x", op, path, answer.action,
		 rule, action, winners);
}

static void one_round(unsigned ops_mask)
{
	struct sample s = {0};
	struct reference r = {0};

	random_rules(&s, ops_mask);
	reference_load(&r, &s);
	sample_compile(&s);
	check_table(s.table);
	for (int i = 0; i < PATHS; i++) {
		char path[256];

		random_path(path, sizeof(path));
		for (unsigned op = 0; op < FILE_OPS; op++)
			compare(&s, &r, path, op);
	}
	reference_free(&r);
	sample_free(&s);
}

static void test_all_operations(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		one_round(255);
}

/* With one operation every rule meets every other. */
static void test_one_operation(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		one_round(1u << roll(FILE_OPS));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_operations),
		cmocka_unit_test(test_one_operation),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
