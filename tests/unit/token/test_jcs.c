/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "token/jcs.h"
#include "vectors.h"

/* ---- values ---- */

static void texts(void **state)
{
	static const struct {
		const char *from, *to; /* to NULL: an error */
		int err;
	} cases[] = {
		{"{}", "{}", 0},
		{"[ ]", "[]", 0},
		{"null", "null", 0},
		{" true ", "true", 0},
		{"\"\"", "\"\"", 0},
		{"[1 , -1,0,-0 ,-0.0]", "[1,-1,0,0,0]", 0},
		{"9007199254740991", "9007199254740991", 0},
		{"-9007199254740991", "-9007199254740991", 0},
		{"9007199254740992", NULL, -ERANGE},
		{"-9007199254740992", NULL, -ERANGE},
		{"[{\"a\":9223372036854775807}]", NULL, -ERANGE},
		{"9007199254740992.0", "9007199254740992", 0},
		{"\"\\u0000\\u0001\\u001f\\u007f\\u0080\"", "\"\\u0000\\u0001\\u001f\x7f\xc2\x80\"", 0},
		{"\"\\b\\t\\n\\f\\r\\\"\\\\\\/<>'\"", "\"\\b\\t\\n\\f\\r\\\"\\\\/<>'\"", 0},
		{"{\"b\":1,\"a\":2,\"\":3,\"aa\":4,\"A\":5}", "{\"\":3,\"A\":5,\"a\":2,\"aa\":4,\"b\":1}", 0},
		/* U+10000 is two surrogates, and before U+E000 for all that its number is larger */
		{"{\"\\ue000\":1,\"\\ud800\\udc00\":2,\"\\ud7ff\":3,\"\\uffff\":4}",
		 "{\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":2,\"\xee\x80\x80\":1,\"\xef\xbf\xbf\":4}", 0},
		{"[[[]],{\"x\":{\"y\":[null,false]}}]", "[[[]],{\"x\":{\"y\":[null,false]}}]", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *v = json_loads(cases[i].from, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		char *text = NULL;
		size_t len = 99;
		int err = jcs_dump(v, &text, &len);

		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].from, err);
		if (err) {
			assert_null(text);
			assert_int_equal(len, 99);
			continue;
		}
		assert_string_equal(text, cases[i].to);
		assert_int_equal(len, strlen(cases[i].to));
		free(text);
	}
}

static void refusals(void **state)
{
	json_auto_t *bad = json_stringn_nocheck("a\xff", 2), *object = json_object();
	char *text = NULL;

	(void)state;
	assert_int_equal(jcs_dump(NULL, &text, NULL), -EINVAL);
	assert_int_equal(jcs_dump(bad, &text, NULL), -EINVAL);
	assert_int_equal(json_object_set_new_nocheck(object, "\xed\xa0\x80", json_null()),
			 0); /* a surrogate */
	assert_int_equal(jcs_dump(object, &text, NULL), -EINVAL);
	assert_null(text);
}

static json_t *nest(size_t depth)
{
	json_t *v = json_array();

	for (size_t i = 1; i < depth; i++)
		v = i % 2 ? json_pack("{s:o}", "a", v) : json_pack("[o]", v);
	return v;
}

static void limits(void **state)
{
	json_auto_t *deep = nest(JCS_DEPTH_MAX), *deeper = nest(JCS_DEPTH_MAX + 1), *wide = NULL;
	char *text = NULL, *pad = malloc(JCS_MAX);
	size_t len;

	(void)state;
	assert_int_equal(jcs_dump(deep, &text, NULL), 0);
	free(text);
	assert_int_equal(jcs_dump(deeper, &text, NULL), -EMSGSIZE);
	memset(pad, 'x', JCS_MAX);
	wide = json_stringn(pad, JCS_MAX - 2);
	assert_int_equal(jcs_dump(wide, &text, &len), 0);
	assert_int_equal(len, JCS_MAX);
	free(text);
	json_decref(wide);
	wide = json_stringn(pad, JCS_MAX - 1);
	assert_int_equal(jcs_dump(wide, &text, &len), -EMSGSIZE);
	free(pad);
}

/* ---- numbers ---- */

static void numbers(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "0"},
		{5e-324, "5e-324"},
		{-5e-324, "-5e-324"},
		{DBL_MAX, "1.7976931348623157e+308"},
		{-DBL_MAX, "-1.7976931348623157e+308"},
		{DBL_MIN, "2.2250738585072014e-308"},
		{0x1p53, "9007199254740992"},
		{0x1p68, "295147905179352830000"},
		{1e20, "100000000000000000000"},
		{999999999999999900000., "999999999999999900000"},
		{1e21, "1e+21"},
		{1e-6, "0.000001"},
		{9.999999999999997e-7, "9.999999999999997e-7"},
		{1e-7, "1e-7"},
		{1.5e-7, "1.5e-7"},
		{333333333.33333329, "333333333.3333333"},
		{0.1, "0.1"},
		{123.456, "123.456"},
		{100, "100"},
		/* the shortest is not the nearest of its length */
		{0x1p-44, "5.684341886080802e-14"},
		{9.5367431640625e-7, "9.5367431640625e-7"},
		{1424953923781206.25, "1424953923781206.2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[JCS_NUMBER_MAX];

		jcs_number(cases[i].number, text);
		assert_string_equal(text, cases[i].text);
	}
}

/* A comma for a decimal point in whoever's process this is. Skipped where no such locale is installed. */
static void other_locale(void **state)
{
	static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
	const char *set = NULL;
	char text[JCS_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !set; i++)
		set = setlocale(LC_NUMERIC, names[i]);
	if (!set)
		skip();
	jcs_number(1234.5, text);
	setlocale(LC_NUMERIC, "C");
	assert_string_equal(text, "1234.5");
}

/* ---- published vectors ---- */

static char *file_text(const char *file, size_t *len)
{
	const char *dir = getenv("DEPUTY_VECTORS");
	char path[4096], *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", file);
	f = fopen(path, "r");
	if (!f) {
		print_message("# SKIP: no vectors at %s\n", path);
		free(text);
		return NULL;
	}
	*len = fread(text, 1, 65535, f);
	fclose(f);
	return text;
}

static void vector(const char *name, size_t *ran)
{
	char file[256], *want, *got;
	json_auto_t *v = NULL;
	size_t want_len, got_len;

	snprintf(file, sizeof(file), "jcs/testdata/input/%s.json", name);
	v = vectors_load(file);
	snprintf(file, sizeof(file), "jcs/testdata/output/%s.json", name);
	want = file_text(file, &want_len);
	if (!v || !want)
		skip();
	assert_int_equal(jcs_dump(v, &got, &got_len), 0);
	assert_int_equal(got_len, want_len);
	assert_memory_equal(got, want, want_len);
	free(got);
	free(want);
	++*ran;
}

static void documents(void **state)
{
	static const char *const names[] = {"arrays", "french", "structures", "unicode", "values", "weird"};
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		vector(names[i], &ran);
	print_message("# JCS: %zu documents\n", ran);
}

/* ---- the generated numbers that testdata/README.md describes, by the hash of their text ---- */

struct es6 {
	crypto_hash_sha256_state hash;
	size_t lines;
};

static void es6_line(struct es6 *e, uint64_t bits)
{
	char text[JCS_NUMBER_MAX], line[64];
	double number;

	memcpy(&number, &bits, sizeof(number));
	jcs_number(number, text);
	crypto_hash_sha256_update(
		&e->hash, (unsigned char *)line,
		(size_t)snprintf(line, sizeof(line), "%llx,%s\n", (unsigned long long)bits, text));
	e->lines++;
}

static size_t es6_static(struct es6 *e, const char *readme)
{
	const char *p = strstr(readme, "staticU64s = "), *end = p ? strstr(p, "])") : NULL;
	size_t count = 0;

	if (!end)
		return 0;
	while ((p = strstr(p, "0x")) && p < end) {
		char *after;

		es6_line(e, strtoull(p, &after, 16));
		p = after;
		count++;
	}
	return count;
}

static void es6_random(struct es6 *e, size_t lines)
{
	unsigned char block[crypto_hash_sha256_BYTES] = {0};

	while (e->lines < lines) {
		crypto_hash_sha256(block, block, sizeof(block));
		for (size_t i = 0; i < sizeof(block) / 8 && e->lines < lines; i++) {
			uint64_t bits = 0;
			double number;

			for (size_t k = 8; k; k--)
				bits = bits << 8 | block[i * 8 + k - 1];
			memcpy(&number, &bits, sizeof(number));
			if (number != 0 && isfinite(number))
				es6_line(e, bits);
		}
	}
}

static void es6_numbers(void **state)
{
	enum { LINES = 100000 };
	static const char want[] = "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7";
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1], *readme;
	struct es6 e = {0};
	size_t len;

	(void)state;
	readme = file_text("jcs/testdata/README.md", &len);
	if (!readme)
		skip();
	crypto_hash_sha256_init(&e.hash);
	assert_true(es6_static(&e, readme) > 100);
	for (uint64_t i = 0; i < 2000; i++)
		es6_line(&e, 0x0010000000000000ull + i);
	es6_random(&e, LINES);
	crypto_hash_sha256_final(&e.hash, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	print_message("# ES6 numbers: %zu, sha256 %s\n", e.lines, hex);
	assert_non_null(strstr(readme, want)); /* that it is the published one */
	assert_string_equal(hex, want);
	free(readme);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),       cmocka_unit_test(refusals),     cmocka_unit_test(limits),
		cmocka_unit_test(numbers),     cmocka_unit_test(other_locale), cmocka_unit_test(documents),
		cmocka_unit_test(es6_numbers),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
