/* SPDX-License-Identifier: Apache-2.0 */
/* Inclusion of patterns: known pairs, then all pairs of short patterns against all short paths. */
#include "test_compile_sample.h"

static struct pattern parsed(const char *text)
{
	struct pattern_error error;
	struct pattern p;

	if (pattern_parse(text, NULL, &error, &p))
		fail_msg("%s: %s", text, error.what);
	return p;
}

static bool within(const char *a, const char *b)
{
	struct pattern pa = parsed(a), pb = parsed(b);
	bool result = pattern_within(&pa, &pb);

	pattern_free(&pa);
	pattern_free(&pb);
	return result;
}

enum relation { APART, NARROWER, EQUAL };

static const struct {
	const char *a, *b;
	enum relation relation;
} pairs[] = {
	{"/a", "/a", EQUAL},
	{"/a", "/b", APART},
	{"/a", "/a/**", NARROWER},
	{"/a/b", "/a/**", NARROWER},
	{"/", "/**", NARROWER},
	{"/a/**", "/**", NARROWER},
	{"/ab/**", "/a/**", APART},
	{"/a/b", "/a/*", NARROWER},
	{"/a/*", "/a/**", NARROWER},
	{"/a/*.pem", "/a/*", NARROWER},
	{"/a/x.pem", "/a/*.pem", NARROWER},
	{"/a/.pem", "/a/*.pem", NARROWER},
	{"/a/aba", "/a/ab*ba", APART},
	{"/a/abba", "/a/ab*ba", NARROWER},
	{"/a/ab*ba", "/a/ab*", NARROWER},
	{"/a/abc*ba", "/a/ab*a", NARROWER},
	{"/a/ab*", "/a/*ba", APART},
	{"/a/a*a", "/a/a*", NARROWER},
	{"**/x", "/**/x", EQUAL},
	{"**/x", "/**", NARROWER},
	{"/x", "**/x", NARROWER},
	{"/a/b/x", "**/x", NARROWER},
	{"**/x", "**/x/**", NARROWER},
	{"/a/**/x", "**/x", NARROWER},
	{"/a/**/b/**/c", "/a/**/c", NARROWER},
	{"/a/**/b/c", "/a/**/b/**", NARROWER},
	{"/a/**/**/b", "/a/**/b", EQUAL},
	{"**/*", "/*/**", EQUAL},
	{"/**/*/**/*", "/*/*/**", EQUAL},
	{"**/*", "/**", NARROWER},
	{"/**/a/*/**", "/**/a/**/*", EQUAL},
	{"**/a/**/a", "**/a", NARROWER},
	{"**/a/a", "**/a/**/a", NARROWER},
	{"**/a/*/b", "**/a/**/b", NARROWER},
	{"**/a/*/**/b", "**/a/**/b", NARROWER},
	{"**/.ssh/**", "**/.aws/**", APART},
	{"/home/*/.ssh/**", "**/.ssh/**", NARROWER},
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool ab = within(pairs[i].a, pairs[i].b), ba = within(pairs[i].b, pairs[i].a);

		if (ab != (pairs[i].relation != APART))
			fail_msg("%s within %s: %d", pairs[i].a, pairs[i].b, ab);
		if (ba != (pairs[i].relation == EQUAL))
			fail_msg("%s within %s: %d", pairs[i].b, pairs[i].a, ba);
	}
}

/* ---- all pairs ---- */

#define PARTS  7
#define NAMES  7
#define LENGTH 3 /* parts of a pattern */
#define DEPTH  5 /* components of a path */

static const char *const parts[PARTS] = {"a", "aba", "ab*", "*a", "a*a", "*", "**"};
/* The names, one that each glob and pair of them has to itself, and one that only "*" has. */
static const char *const names[NAMES] = {"z", "a", "aba", "abz", "za", "aza", "abza"};

/* The n-th sequence over `words`, shortest first, as a path; false past those of `longest`. */
static bool sequence(size_t n, const char *const *words, size_t count, unsigned longest, char *text)
{
	size_t total = 1;
	unsigned length = 0;

	for (; n >= total; total *= count) {
		n -= total;
		if (++length > longest)
			return false;
	}
	strcpy(text, length ? "" : "/");
	for (; length; length--, n /= count) {
		strcat(text, "/");
		strcat(text, words[n % count]);
	}
	return true;
}

struct universe {
	struct pattern patterns[512];
	uint64_t *sets[512]; /* of paths that match */
	size_t count, paths;
};

static void universe_fill(struct universe *u, size_t i)
{
	char text[64];

	u->sets[i] = calloc(u->paths / 64 + 1, sizeof(uint64_t));
	for (size_t n = 0; n < u->paths; n++) {
		sequence(n, names, NAMES, DEPTH, text);
		if (pattern_matches(&u->patterns[i], text))
			u->sets[i][n / 64] |= 1ull << (n % 64);
	}
}

static void universe_free(struct universe *u)
{
	for (size_t i = 0; i < u->count; i++) {
		pattern_free(&u->patterns[i]);
		free(u->sets[i]);
	}
}

static bool subset(const struct universe *u, size_t a, size_t b)
{
	for (size_t i = 0; i <= u->paths / 64; i++) {
		if (u->sets[a][i] & ~u->sets[b][i])
			return false;
	}
	return true;
}

static void test_exhaustive(void **state)
{
	static struct universe u;
	char text[64], other[64];

	(void)state;
	while (sequence(u.paths, names, NAMES, DEPTH, text))
		u.paths++;
	for (; sequence(u.count, parts, PARTS, LENGTH, text); u.count++) {
		u.patterns[u.count] = parsed(text);
		universe_fill(&u, u.count);
	}
	assert_int_equal(u.count, 1 + 7 + 49 + 343);
	for (size_t a = 0; a < u.count; a++) {
		for (size_t b = 0; b < u.count; b++) {
			if (pattern_within(&u.patterns[a], &u.patterns[b]) == subset(&u, a, b))
				continue;
			sequence(a, parts, PARTS, LENGTH, text);
			sequence(b, parts, PARTS, LENGTH, other);
			fail_msg("%s within %s: should be %d", text, other, subset(&u, a, b));
		}
	}
	universe_free(&u);
}

/* Longest patterns: an answer, in time, and not a wrong "yes". */
static void test_hostile(void **state)
{
	char a[1024] = "", b[1024] = "/**/x";

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(a, "/**/x");
	for (int i = 0; i < 120; i++)
		strcat(b, "/*");
	strcat(b, "/x");
	within(a, b);
	assert_false(within(b, a));
	assert_true(within(a, a));
	assert_true(within(a, "**/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_exhaustive),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
