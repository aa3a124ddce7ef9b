/* SPDX-License-Identifier: Apache-2.0 */
/* Which rule wins, case by case. */
#include "test_compile_sample.h"

struct ask {
	const char *op, *path;
	enum action action;
	unsigned rule; /* as numbered from 1; 0 = no rule names it */
};

struct golden {
	const char *name;
	const char *rules[8];
	struct ask asks[12];
};

static const struct golden cases[] = {
	{"default deny",
	 {"allow read /work/**"},
	 {{"read", "/work", ACT_ALLOW, 1},
	  {"read", "/work/a/b", ACT_ALLOW, 1},
	  {"write", "/work/a", ACT_DENY, 0},
	  {"read", "/workshop", ACT_DENY, 0},
	  {"read", "/", ACT_DENY, 0},
	  {"read", "/a/work", ACT_DENY, 0}}},
	{"nothing", {NULL}, {{"read", "/", ACT_DENY, 0}, {"metadata", "/a", ACT_DENY, 0}}},
	{"a name anywhere ties with a tree",
	 {"allow read /work/**", "deny read **/.env"},
	 {{"read", "/work/.env", ACT_DENY, 2},
	  {"read", "/work/a/.env", ACT_DENY, 2},
	  {"read", "/work/.env/a", ACT_ALLOW, 1},
	  {"read", "/.env", ACT_DENY, 2},
	  {"read", "/work/env", ACT_ALLOW, 1}}},
	{"an exact path beats a floating tree",
	 {"deny read **/.ssh/**", "allow read /home/u/.ssh/known_hosts"},
	 {{"read", "/home/u/.ssh/known_hosts", ACT_ALLOW, 2},
	  {"read", "/home/u/.ssh/id", ACT_DENY, 1},
	  {"read", "/home/u/.ssh/known_hosts/x", ACT_DENY, 1},
	  {"metadata", "/home/u/.ssh", ACT_ALLOW, 2},
	  {"metadata", "/home/u/.ssh/id", ACT_DENY, 0}}},
	{"a tree and a name anywhere tie",
	 {"allow read **/*.py", "deny read /work/secret/**"},
	 {{"read", "/work/secret/a.py", ACT_DENY, 2},
	  {"read", "/work/a.py", ACT_ALLOW, 1},
	  {"read", "/work/secret/a", ACT_DENY, 2}}},
	{"narrower both ways",
	 {"allow read /**", "deny read /a/**", "allow read /a/b/**", "deny read /a/b/c"},
	 {{"read", "/x", ACT_ALLOW, 1},
	  {"read", "/a/x", ACT_DENY, 2},
	  {"read", "/a/b/x", ACT_ALLOW, 3},
	  {"read", "/a/b/c", ACT_DENY, 4},
	  {"read", "/a/b/c/d", ACT_ALLOW, 3}}},
	{"equal patterns tie, the first of the winners is recorded",
	 {"allow read /a/**", "deny read /a/**", "deny read /a/**", "allow read /a/**/**"},
	 {{"read", "/a/x", ACT_DENY, 2}}},
	{"a narrower rule for another operation decides nothing",
	 {"allow read,write /a/**", "deny write /a/b/**"},
	 {{"read", "/a/b/c", ACT_ALLOW, 1}, {"write", "/a/b/c", ACT_DENY, 2}}},
	{"globs inside a name",
	 {"allow exec /usr/bin/*", "deny exec /usr/bin/python*", "allow exec /usr/bin/python3*",
	  "deny exec /usr/bin/*.11"},
	 {{"exec", "/usr/bin/ls", ACT_ALLOW, 1},
	  {"exec", "/usr/bin/python", ACT_DENY, 2},
	  {"exec", "/usr/bin/python2", ACT_DENY, 2},
	  {"exec", "/usr/bin/python3", ACT_ALLOW, 3},
	  {"exec", "/usr/bin/python3.11", ACT_DENY, 4},
	  {"exec", "/usr/bin/ruby.11", ACT_DENY, 4},
	  {"exec", "/usr/bin", ACT_DENY, 0}}},
	{"a name that two globs overlap in",
	 {"allow read /a/ab*", "deny read /a/*ba", "allow read /a/ab*ba"},
	 {{"read", "/a/aba", ACT_DENY, 2},
	  {"read", "/a/abba", ACT_ALLOW, 3},
	  {"read", "/a/abc", ACT_ALLOW, 1},
	  {"read", "/a/cba", ACT_DENY, 2}}},
	{"names that a glob matches too",
	 {"deny read /a/*.key", "allow read /a/my.key", "allow read /a/b"},
	 {{"read", "/a/my.key", ACT_ALLOW, 2},
	  {"read", "/a/x.key", ACT_DENY, 1},
	  {"read", "/a/b", ACT_ALLOW, 3}}},
	{"metadata comes with use",
	 {"allow read /a/**", "allow connect /run/s", "allow create /c"},
	 {{"metadata", "/a", ACT_ALLOW, 1},
	  {"metadata", "/a/b", ACT_ALLOW, 1},
	  {"metadata", "/run/s", ACT_DENY, 0},
	  {"metadata", "/c", ACT_ALLOW, 3},
	  {"metadata", "/run", ACT_ALLOW, 2},
	  {"metadata", "/", ACT_ALLOW, 1}}},
	{"an explicit metadata rule wins when not less specific",
	 {"allow read /a/**", "deny metadata /a/b/**", "deny metadata /**", "allow read /a/b/c",
	  "deny metadata /a/**"},
	 {{"metadata", "/a/x", ACT_DENY, 5},
	  {"metadata", "/a/b/x", ACT_DENY, 2},
	  {"metadata", "/a/b/c", ACT_ALLOW, 4},
	  {"metadata", "/", ACT_DENY, 3}}},
	{"directories on the way",
	 {"allow read /home/u/proj/**", "allow read /home/*/x", "allow read /opt/**/bin",
	  "deny metadata /home"},
	 {{"metadata", "/", ACT_ALLOW, 1},
	  {"metadata", "/home", ACT_DENY, 4},
	  {"metadata", "/home/u", ACT_ALLOW, 1},
	  {"metadata", "/home/v", ACT_DENY, 0},
	  {"metadata", "/opt", ACT_ALLOW, 3},
	  {"metadata", "/opt/a", ACT_DENY, 0},
	  {"list", "/home/u", ACT_DENY, 0}}},
	{"a tree that only sockets are allowed in leads to itself",
	 {"allow connect /run/x/**"},
	 {{"metadata", "/run/x", ACT_ALLOW, 1},
	  {"metadata", "/run/x/s", ACT_DENY, 0},
	  {"connect", "/run/x", ACT_ALLOW, 1}}},
	{"deep in the middle",
	 {"allow read /a/**/b", "deny read /a/**/c/**/b"},
	 {{"read", "/a/b", ACT_ALLOW, 1},
	  {"read", "/a/x/y/b", ACT_ALLOW, 1},
	  {"read", "/a/b/x", ACT_DENY, 0},
	  {"read", "/a/x/c/y/b", ACT_DENY, 2},
	  {"read", "/a/c/b", ACT_DENY, 2},
	  {"read", "/b", ACT_DENY, 0}}},
	{"any one name",
	 {"allow read /*/x", "deny read /b/*", "allow read **/*"},
	 {{"read", "/a/x", ACT_ALLOW, 1},
	  {"read", "/b/x", ACT_DENY, 2},
	  {"read", "/b/y", ACT_DENY, 2},
	  {"read", "/b/y/z", ACT_ALLOW, 3},
	  {"read", "/", ACT_DENY, 0}}},
	{"a denial where nothing is granted has its rule",
	 {"deny read **/.ssh/**", "allow read /work/**"},
	 {{"read", "/home/.ssh/id", ACT_DENY, 1},
	  {"read", "/work/.ssh/id", ACT_DENY, 1},
	  {"read", "/home/x", ACT_DENY, 0}}},
	{"the root itself",
	 {"allow list /"},
	 {{"list", "/", ACT_ALLOW, 1}, {"list", "/a", ACT_DENY, 0}, {"metadata", "/", ACT_ALLOW, 1}}},
};

static void ask_all(const struct golden *g, const struct sample *s)
{
	for (const struct ask *a = g->asks; a->op; a++) {
		struct policy_answer answer = sample_ask(s, file_op_parse(a->op), a->path);

		if (answer.action != a->action || sample_rule(&answer) != a->rule)
			fail_msg("%s: %s %s: action %d by rule %u, not %d by %u", g->name, a->op, a->path,
				 answer.action, sample_rule(&answer), a->action, a->rule);
	}
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s = {0};

		for (const char *const *rule = cases[i].rules; *rule; rule++)
			sample_path(&s, *rule);
		sample_compile(&s);
		ask_all(&cases[i], &s);
		sample_free(&s);
	}
}

static void test_explain_refuses(void **state)
{
	static const char *const bad[] = {"", "a", "a/b", "/a/./b", "/..", "/a/.."};
	struct policy_answer answer;
	struct sample s = {0};
	char name[300] = "/";

	(void)state;
	sample_path(&s, "allow read /**");
	sample_compile(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(policy_explain_path(s.table, OP_READ, bad[i], &answer), -22);
	assert_int_equal(policy_explain_path(s.table, FILE_OPS, "/a", &answer), -22);
	memset(name + 1, 'x', 255);
	assert_int_equal(policy_explain_path(s.table, OP_READ, name, &answer), 0);
	name[256] = 'x';
	assert_int_equal(policy_explain_path(s.table, OP_READ, name, &answer), -36);
	assert_int_equal(sample_ask(&s, OP_READ, "//a///b/").action, ACT_ALLOW);
	sample_free(&s);
}

static void test_variables(void **state)
{
	static const struct policy_vars vars = {"/home/u/a*b", "/home/u", "u"};
	struct sample s = {0};

	(void)state;
	sample_path(&s, "allow read ${workdir}/**");
	sample_path(&s, "allow read ${home}/.config");
	sample_path(&s, "allow read /tmp/${user}-*");
	assert_int_equal(sample_try(&s, &vars), 0);
	assert_int_equal(sample_ask(&s, OP_READ, "/home/u/a*b/x").action, ACT_ALLOW);
	assert_int_equal(sample_ask(&s, OP_READ, "/home/u/aab/x").action, ACT_DENY);
	assert_int_equal(sample_ask(&s, OP_READ, "/home/u/.config").action, ACT_ALLOW);
	assert_int_equal(sample_ask(&s, OP_READ, "/tmp/u-1").action, ACT_ALLOW);
	table_free(s.table);
	s.table = NULL;
	assert_int_equal(sample_try(&s, NULL), -22);
	assert_int_equal(s.errors.count, 3);
	assert_int_equal(s.errors.list[2].line, 3);
	assert_int_equal(s.errors.list[2].column, 7);
	sample_free(&s);
}

static void test_no_purpose(void **state)
{
	struct sample s = {0};

	(void)state;
	assert_int_equal(policy_compile(&s.policy, "x", NULL, &s.errors, &s.table), -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_explain_refuses),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_no_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
