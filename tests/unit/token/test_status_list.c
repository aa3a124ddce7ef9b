/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "keys.h"
#include "status_vectors.h"
#include "token/base64url.h"
#include "token/jwt.h"
#include "token/status_list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW	 1000000
#define URI	 "https://deputy.invalid/v1/status-list?list=a"

static struct key_ring ring;

static int setup(void **state)
{
	return keys_setup(state) ?: key_ring_add(&ring, key_public(key), 0, KEY_RING_FOREVER);
}

/* ---- the draft's vectors ---- */

static void short_ones(void **state)
{
	/* sections 4.1 and 4.2 */
	static const struct {
		unsigned bits;
		const char *lst;
		unsigned values[16];
		size_t count;
	} cases[] = {
		{1, "eNrbuRgAAhcBXQ", {1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}, 16},
		{2, "eNo76fITAAPfAgc", {1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}, 12},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *want = json_pack("{s:i, s:s}", "bits", (int)cases[i].bits, "lst", cases[i].lst);
		json_auto_t *got = NULL;
		struct status_list l, back;
		unsigned v;

		assert_int_equal(status_list_new(cases[i].bits, cases[i].count, 0, &l), 0);
		for (size_t k = 0; k < cases[i].count; k++)
			assert_int_equal(status_list_set(&l, k, cases[i].values[k]), 0);
		assert_int_equal(status_list_encode(&l, &got), 0);
		assert_true(json_equal(got, want));
		assert_int_equal(status_list_decode(want, &back), 0);
		for (size_t k = 0; k < cases[i].count; k++) {
			assert_int_equal(status_list_get(&back, k, &v), 0);
			assert_int_equal(v, cases[i].values[k]);
		}
		assert_int_equal(status_list_get(&back, cases[i].count, &v), -ERANGE);
		status_list_clear(&l);
		status_list_clear(&back);
	}
}

static void vector_check(const struct status_vector *t)
{
	json_auto_t *want = json_pack("{s:i, s:s}", "bits", (int)t->bits, "lst", t->lst), *got = NULL;
	struct status_list made, read;
	unsigned v;

	assert_int_equal(status_list_new(t->bits, 1 << 20, 0, &made), 0);
	for (size_t i = 0; i < t->count; i++)
		assert_int_equal(status_list_set(&made, t->entries[i].index, t->entries[i].value), 0);
	assert_int_equal(status_list_decode(want, &read), 0);
	assert_int_equal(read.size, made.size);
	assert_memory_equal(read.bytes, made.bytes, made.size);
	for (size_t i = 0; i < t->count; i++) {
		assert_int_equal(status_list_get(&read, t->entries[i].index, &v), 0);
		assert_int_equal(v, t->entries[i].value);
	}
	/* and what we write is read the same: zlib's versions differ in how well they compress */
	status_list_clear(&read);
	assert_int_equal(status_list_encode(&made, &got), 0);
	assert_int_equal(status_list_decode(got, &read), 0);
	assert_memory_equal(read.bytes, made.bytes, made.size);
	status_list_clear(&made);
	status_list_clear(&read);
}

static void appendix(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(status_vectors); i++)
		vector_check(&status_vectors[i]);
	print_message("# %zu vectors\n", COUNT(status_vectors));
}

/* ---- entries ---- */

static void entries(void **state)
{
	static const unsigned bits[] = {1, 2, 4, 8};

	(void)state;
	for (size_t b = 0; b < COUNT(bits); b++) {
		unsigned top = (1u << bits[b]) - 1, v;
		struct status_list l;

		assert_int_equal(status_list_new(bits[b], 24, top, &l), 0);
		assert_int_equal(l.size, 24 * bits[b] / 8);
		for (unsigned i = 0; i < 24; i++) {
			assert_int_equal(status_list_get(&l, i, &v), 0);
			assert_int_equal(v, top);
			assert_int_equal(status_list_set(&l, i, i & top), 0);
		}
		for (unsigned i = 0; i < 24; i++) { /* none moved its neighbour */
			assert_int_equal(status_list_get(&l, i, &v), 0);
			assert_int_equal(v, i & top);
		}
		assert_int_equal(status_list_set(&l, 24, 0), -ERANGE);
		assert_int_equal(status_list_get(&l, SIZE_MAX, &v), -ERANGE);
		assert_int_equal(status_list_set(&l, 0, top + 1), -ERANGE);
		status_list_clear(&l);
	}
}

static void sizes(void **state)
{
	struct status_list l;
	size_t most = STATUS_LIST_BYTES_MAX * 8u;

	(void)state;
	for (unsigned bits = 0; bits < 20; bits++) {
		bool ok = bits == 1 || bits == 2 || bits == 4 || bits == 8;

		assert_int_equal(status_list_new(bits, 1, 0, &l), ok ? 0 : -EINVAL);
		if (ok)
			status_list_clear(&l);
	}
	assert_int_equal(status_list_new(1, 9, 0, &l), 0);
	assert_int_equal(l.size, 2);
	status_list_clear(&l);
	assert_int_equal(status_list_new(2, 1, 4, &l), -ERANGE);
	assert_int_equal(status_list_new(1, most + 1, 0, &l), -EMSGSIZE);
	assert_int_equal(status_list_new(8, most / 8 + 1, 0, &l), -EMSGSIZE);
	assert_int_equal(status_list_new(1, most, 0, &l), 0);
	status_list_clear(&l);
}

/* ---- what is refused ---- */

/* zlib's stream of so many bytes, and some behind it. */
static json_t *compressed(size_t size, size_t behind)
{
	unsigned char *zeros = calloc(1, size + 1), *bytes = calloc(1, compressBound(size) + behind);
	char *text = malloc(BASE64URL_LEN(compressBound(size) + behind) + 1);
	uLongf n = compressBound(size);
	json_t *o;

	assert_int_equal(compress2(bytes, &n, zeros, size, 9), Z_OK);
	base64url_encode(bytes, n + behind, text);
	o = json_pack("{s:i, s:s}", "bits", 1, "lst", text);
	free(zeros);
	free(bytes);
	free(text);
	return o;
}

static void bombs(void **state)
{
	static const struct {
		size_t size, behind;
		int err;
	} cases[] = {
		{0, 0, 0},
		{STATUS_LIST_BYTES_MAX, 0, 0},
		{STATUS_LIST_BYTES_MAX + 1, 0, -EMSGSIZE},
		{40u << 20, 0, -EMSGSIZE},
		{4096, 0, 0},
		{4096, 1, -EBADMSG},
		{STATUS_LIST_BYTES_MAX, 1, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *o = compressed(cases[i].size, cases[i].behind);
		struct status_list l = {0};

		assert_int_equal(status_list_decode(o, &l), cases[i].err);
		if (!cases[i].err)
			assert_int_equal(l.size, cases[i].size);
		status_list_clear(&l);
	}
}

static void malformed(void **state)
{
	static const char *const cases[] = {
		"[]",
		"{}",
		"{\"bits\":1}",
		"{\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":3,\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":0,\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":-1,\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":4294967297,\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":1.0,\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":\"1\",\"lst\":\"eNrbuRgAAhcBXQ\"}",
		"{\"bits\":1,\"lst\":null}",
		"{\"bits\":1,\"lst\":\"\"}",
		"{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ==\"}",
		"{\"bits\":1,\"lst\":\"eNrbuRgAAhcBX\"}",	     /* cut off */
		"{\"bits\":1,\"lst\":\"eNrbuRgAAhcB\"}",	     /* without its checksum's end */
		"{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXg\"}",	     /* with another checksum */
		"{\"bits\":1,\"lst\":\"H4sIAAAAAAACA_u5GAAAFwEA\"}", /* gzip */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *o = json_loads(cases[i], 0, NULL);
		struct status_list l;

		if (status_list_decode(o, &l) != -EBADMSG)
			fail_msg("%s", cases[i]);
	}
}

/* ---- signed ---- */

static char *sign(const struct secret_key *by, const char *uri, int64_t iat, int64_t exp)
{
	const struct status_list_terms terms = {.uri = uri, .iat = iat, .exp = exp, .ttl = 15};
	struct status_list l;
	char *text;

	assert_int_equal(status_list_new(1, 64, STATUS_INVALID, &l), 0);
	assert_int_equal(status_list_set(&l, 3, STATUS_VALID), 0);
	assert_int_equal(status_list_sign(by, &terms, &l, &text), 0);
	status_list_clear(&l);
	return text;
}

static void signed_ones(void **state)
{
	static const struct {
		const char *uri;
		int64_t iat, exp;
		int err;
	} cases[] = {
		{URI, NOW, NOW + 1, 0},
		{URI, NOW - 100, NOW + 1, 0},
		{URI, NOW + 60, NOW + 100, 0},
		{URI, NOW + 61, NOW + 100, -EAGAIN},
		{URI, NOW - 1, NOW, -EKEYEXPIRED},
		{URI "b", NOW, NOW + 1, -EXDEV},
		{"", NOW, NOW + 1, -EXDEV},
	};
	struct status_list l;
	int64_t ttl;
	unsigned v;
	char *text;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text = sign(key, cases[i].uri, cases[i].iat, cases[i].exp);
		assert_int_equal(status_list_verify(&ring, URI, text, strlen(text), NOW, &l, &ttl),
				 cases[i].err);
		free(text);
		if (cases[i].err)
			continue;
		assert_int_equal(ttl, 15);
		assert_int_equal(status_list_get(&l, 3, &v), 0);
		assert_int_equal(v, STATUS_VALID);
		assert_int_equal(status_list_get(&l, 4, &v), 0);
		assert_int_equal(v, STATUS_INVALID);
		status_list_clear(&l);
	}
	text = sign(other, URI, NOW, NOW + 1);
	assert_int_equal(status_list_verify(&ring, URI, text, strlen(text), NOW, &l, &ttl), -ENOKEY);
	free(text);
	text = sign(key, URI, NOW, NOW + 1);
	text[strlen(text) - 4] ^= 1;
	assert_int_equal(status_list_verify(&ring, URI, text, strlen(text), NOW, &l, &ttl), -EKEYREJECTED);
	free(text);
}

/* Signed well, by us, so that only the claims are wrong. */
static void claims(void **state)
{
	static const struct {
		const char *typ, *json;
		int err;
	} cases[] = {
		{STATUS_LIST_TYPE,
		 "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}", 0},
		{STATUS_LIST_TYPE,
		 "{\"sub\":\"u\",\"iat\":1,\"ttl\":0,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
		{STATUS_LIST_TYPE,
		 "{\"sub\":\"u\",\"iat\":1,\"ttl\":-1,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
		{STATUS_LIST_TYPE,
		 "{\"sub\":\"u\",\"iat\":1,\"exp\":\"2\",\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
		{STATUS_LIST_TYPE, "{\"sub\":\"u\",\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
		{STATUS_LIST_TYPE,
		 "{\"sub\":1,\"iat\":1,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}", -EBADMSG},
		{STATUS_LIST_TYPE, "{\"iat\":1,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
		{STATUS_LIST_TYPE, "{\"sub\":\"u\",\"iat\":1}", -EBADMSG},
		{STATUS_LIST_TYPE, "{\"sub\":\"u\",\"iat\":1,\"status_list\":\"eNrbuRgAAhcBXQ\"}", -EBADMSG},
		{"JWT", "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}",
		 -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_auto_t *o = json_loads(cases[i].json, 0, NULL);
		struct status_list l = {0};
		int64_t ttl;
		char *text;

		assert_int_equal(jwt_sign(key, cases[i].typ, o, &text), 0);
		if (status_list_verify(&ring, "u", text, strlen(text), NOW, &l, &ttl) != cases[i].err)
			fail_msg("%s", cases[i].json);
		status_list_clear(&l);
		free(text);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_ones),  cmocka_unit_test(appendix), cmocka_unit_test(entries),
		cmocka_unit_test(sizes),       cmocka_unit_test(bombs),	   cmocka_unit_test(malformed),
		cmocka_unit_test(signed_ones), cmocka_unit_test(claims),
	};

	return cmocka_run_group_tests_name("status_list", tests, setup, keys_teardown);
}
