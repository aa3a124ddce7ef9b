/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns as written: what they come to, and what is refused in which words. */
#include <errno.h>

#include "test_compile_sample.h"

static const struct policy_vars vars = {"/home/u/my proj*", "/home/u", "u"};

/* One form of a pattern: names as they are, globs as <prefix|suffix>, "*" and "**". */
static void format(const struct pattern *p, char *text)
{
	*text = '\0';
	for (size_t i = 0; i < p->count; i++) {
		const struct part *part = &p->parts[i];

		text += sprintf(text, "/");
		if (part->kind == PART_NAME)
			text += sprintf(text, "%s", part->text);
		else if (part->kind == PART_GLOB)
			text += sprintf(text, "<%s|%s>", part->text, part->suffix);
		else
			text += sprintf(text, part->kind == PART_ANY ? "*" : "**");
	}
}

static const struct {
	const char *text, *form;
} good[] = {
	{"/", ""},
	{"/etc/passwd", "/etc/passwd"},
	{"/usr/**", "/usr/**"},
	{"/**", "/**"},
	{"**/name", "/**/name"},
	{"**/name/**", "/**/name/**"},
	{"/a/**/b", "/a/**/b"},
	{"/a/*/b", "/a/*/b"},
	{"/a/*.pem", "/a/<|.pem>"},
	{"/a/python3*", "/a/<python3|>"},
	{"/a/lib*.so", "/a/<lib|.so>"},
	{"/a/**/**/b", "/a/**/b"},
	{"/**/**", "/**"},
	{"**/*", "/*/**"},
	{"/a/**/*/**/*/b", "/a/*/*/**/b"},
	{"/a/...", "/a/..."},
	{"/a/.*", "/a/<.|>"},
	{"/a/\\*", "/a/*"},
	{"/a/\\*\\**", "/a/<**|>"},
	{"/bin/\\[", "/bin/["},
	{"/a\\\\b", "/a\\b"},
	{"/a\\$\\{b\\}", "/a${b}"},
	{"/a$b", "/a$b"},
	{"/a]}", "/a]}"},
	{"${workdir}/**", "/home/u/my proj*/**"},
	{"${workdir}", "/home/u/my proj*"},
	{"${home}/.ssh", "/home/u/.ssh"},
	{"/tmp/${user}-*", "/tmp/<u-|>"},
	{"**/${user}", "/**/u"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct pattern_error error = {"", ""};
		struct pattern p;
		char form[256];

		if (pattern_parse(good[i].text, &vars, &error, &p))
			fail_msg("%s: %s", good[i].text, error.what);
		format(&p, form);
		assert_string_equal(form, good[i].form);
		pattern_free(&p);
	}
}

static const struct {
	const char *text, *what;
} bad[] = {
	{"", "the pattern does not begin with '/'"},
	{"a/b", "the pattern does not begin with '/'"},
	{"**", "the pattern does not begin with '/'"},
	{"**a/b", "the pattern does not begin with '/'"},
	{"*/a", "the pattern does not begin with '/'"},
	{"\\**/a", "the pattern does not begin with '/'"},
	{"~/a", "the pattern does not begin with '/'"},
	{"/a/", "an empty component"},
	{"**/", "an empty component"},
	{"//a", "an empty component"},
	{"/a//b", "an empty component"},
	{"/a/.", "a component '.'"},
	{"/../a", "a component '..'"},
	{"/a/x**", "more than one '*' in a component"},
	{"/a/*x*", "more than one '*' in a component"},
	{"/a/***", "more than one '*' in a component"},
	{"/a/b?", "'?' is no wildcard here"},
	{"/a/[b]", "'[' is no wildcard here"},
	{"/a/{b,c}", "'{' is no wildcard here"},
	{"/a/${nix}", "unknown variable ${nix}"},
	{"/a/${}", "unknown variable ${}"},
	{"/a/${home", "a '${' without its '}'"},
	{"/a/${home}", "${home} is a whole path but is not first"},
	{"${user}/a", "the pattern does not begin with '/'"},
	{"/a/\\x", "a backslash that escapes nothing"},
	{"/a/\\", "a backslash that escapes nothing"},
	{"/a\\/b", "a backslash that escapes nothing"},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pattern_error error = {"", ""};
		struct pattern p = {.count = 77};

		if (pattern_parse(bad[i].text, &vars, &error, &p) != -EINVAL)
			fail_msg("%s is taken", bad[i].text);
		assert_string_equal(error.what, bad[i].what);
		assert_true(error.hint[0]);
		assert_int_equal(p.count, 77);
		assert_null(p.parts);
	}
}

static void expect(const char *text, const struct policy_vars *v, const char *what)
{
	struct pattern_error error = {"", ""};
	struct pattern p = {0};

	assert_int_equal(pattern_parse(text, v, &error, &p), what ? -EINVAL : 0);
	assert_string_equal(error.what, what ? what : "");
	pattern_free(&p);
}

static void test_variables(void **state)
{
	static const struct policy_vars root = {"/", "/home/u/", "a/b"}, none = {0},
					odd = {"proj", "/a/../b", ".."};
	static const struct policy_vars twice = {"/a//b", "/a", "u"};

	(void)state;
	expect("${workdir}/x", NULL, NULL);
	expect("${nix}/x", NULL, "unknown variable ${nix}");
	expect("${workdir}", &root, NULL);
	expect("${workdir}/x", &root, NULL);
	expect("${home}/x", &root, NULL);
	expect("/x/${user}", &root, "the value of ${user} holds a '/'");
	expect("${workdir}/x", &none, "${workdir} has no value");
	expect("/x/${user}", &none, "${user} has no value");
	expect("${workdir}/x", &odd, "the value of ${workdir} is not absolute");
	expect("${home}/x", &odd, "a component '..'");
	expect("/x/${user}", &odd, "a component '..'");
	expect("${workdir}/x", &twice, "an empty component");
}

/* At each limit and one past it. */
static void test_limits(void **state)
{
	char name[512] = "/", deep[1024] = "";
	struct pattern_error error;
	struct pattern p;

	(void)state;
	memset(name + 1, 'x', NAME_BYTES);
	expect(name, NULL, NULL);
	name[1 + NAME_BYTES] = 'x';
	expect(name, NULL, "a component of over 255 bytes");
	name[100] = '*';
	assert_int_equal(pattern_parse(name, NULL, &error, &p), 0);
	assert_int_equal(p.parts[0].kind, PART_NAME); /* no room is left for the star */
	assert_int_equal(strlen(p.parts[0].text), NAME_BYTES);
	pattern_free(&p);
	name[NAME_BYTES] = '\0';
	assert_int_equal(pattern_parse(name, NULL, &error, &p), 0);
	assert_int_equal(p.parts[0].kind, PART_GLOB);
	pattern_free(&p);
	for (unsigned i = 0; i < PATTERN_PARTS; i++)
		strcat(deep, "/a");
	expect(deep, NULL, NULL);
	strcat(deep, "/a");
	expect(deep, NULL, "more than 128 components");
}

static const struct {
	const char *pattern, *path;
	bool matches;
} matches[] = {
	{"/", "/", true},
	{"/", "/a", false},
	{"/usr/**", "/usr", true},
	{"/usr/**", "/usr/a/b", true},
	{"/usr/**", "/usra", false},
	{"/**", "/", true},
	{"**/a", "/a", true},
	{"**/a", "/b/a", true},
	{"**/a", "/a/b", false},
	{"/*", "/", false},
	{"/*", "/a", true},
	{"/*", "/a/b", false},
	{"/ab*ba", "/aba", false},
	{"/ab*ba", "/abba", true},
	{"/*.pem", "/.pem", true},
	{"/a/**/b", "/a/b", true},
	{"/a/**/b", "/a/x/b/b", true},
	{"/a/**/b", "/a/x", false},
	{"/a", "a", false},
	{"/a/b", "//a//b/", true},
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		struct pattern_error error;
		struct pattern p;

		assert_int_equal(pattern_parse(matches[i].pattern, NULL, &error, &p), 0);
		if (pattern_matches(&p, matches[i].path) != matches[i].matches)
			fail_msg("%s on %s", matches[i].pattern, matches[i].path);
		pattern_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_variables), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
