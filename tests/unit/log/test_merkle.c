/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "log/merkle_proof.h"
#include "token/vectors.h"

#define LEAVES 200

static unsigned char leaves[LEAVES][MERKLE_HASH];
static unsigned char roots[LEAVES + 1][MERKLE_HASH];

/* RFC 9162 section 2.1.1 to the letter: what the compact range is held against. */
static void mth(uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH])
{
	unsigned char left[MERKLE_HASH], right[MERKLE_HASH];
	uint64_t k = 1;

	if (to - from == 1) {
		memcpy(hash, leaves[from], MERKLE_HASH);
		return;
	}
	while (2 * k < to - from)
		k *= 2;
	mth(from, from + k, left);
	mth(from + k, to, right);
	assert_int_equal(merkle_node(left, right, hash), 0);
}

static int subtree(void *arg, uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH])
{
	(void)arg;
	mth(from, to, hash);
	return 0;
}

static int setup(void **state)
{
	struct merkle tree = {0};

	(void)state;
	for (size_t i = 0; i < LEAVES; i++) {
		char text[32];
		int len = snprintf(text, sizeof(text), "leaf %zu", i);

		if (merkle_leaf(text, (size_t)len, leaves[i]) || merkle_root(&tree, roots[i]) ||
		    merkle_append(&tree, leaves[i]))
			return -1;
	}
	return merkle_root(&tree, roots[LEAVES]);
}

static void root_is_of_definition(void **state)
{
	unsigned char hash[MERKLE_HASH];

	(void)state;
	for (uint64_t n = 1; n <= LEAVES; n++) {
		mth(0, n, hash);
		assert_memory_equal(hash, roots[n], MERKLE_HASH);
	}
}

static void hex_is(const json_t *hex, const unsigned char hash[MERKLE_HASH])
{
	char text[2 * MERKLE_HASH + 1];

	sodium_bin2hex(text, sizeof(text), hash, MERKLE_HASH);
	assert_string_equal(text, json_string_value(hex));
}

static void published_roots(void **state)
{
	json_auto_t *v = vectors_load("rfc6962/roots.json");
	const json_t *inputs = json_object_get(v, "leaf_inputs_hex");
	struct merkle tree = {0};
	unsigned char hash[MERKLE_HASH];

	(void)state;
	if (!v)
		skip();
	for (size_t i = 0; i < json_array_size(inputs); i++) {
		const char *hex = json_string_value(json_array_get(inputs, i));
		unsigned char bytes[64];
		size_t len;

		assert_int_equal(merkle_root(&tree, hash), 0);
		hex_is(json_array_get(json_object_get(v, "roots_by_size"), i), hash);
		assert_int_equal(sodium_hex2bin(bytes, sizeof(bytes), hex, strlen(hex), NULL, &len, NULL), 0);
		assert_int_equal(merkle_leaf(bytes, len, hash), 0);
		hex_is(json_array_get(json_object_get(v, "leaf_hashes"), i), hash);
		assert_int_equal(merkle_append(&tree, hash), 0);
	}
	assert_int_equal(merkle_root(&tree, hash), 0);
	hex_is(json_array_get(json_object_get(v, "roots_by_size"), tree.size), hash);
	print_message("# %llu leaves\n", (unsigned long long)tree.size);
}

static void stored_and_restored(void **state)
{
	unsigned char subtrees[MERKLE_LEVELS][MERKLE_HASH], hash[MERKLE_HASH];
	struct merkle tree = {0}, again;

	(void)state;
	for (size_t i = 0; i < LEAVES; i++) {
		size_t count = merkle_count(tree.size);

		merkle_store(&tree, subtrees);
		memset(&again, 0xee, sizeof(again));
		assert_int_equal(merkle_restore(tree.size, subtrees, count + 1, &again), -EBADMSG);
		assert_int_equal(merkle_restore(tree.size, subtrees, count, &again), 0);
		assert_int_equal(merkle_root(&again, hash), 0);
		assert_memory_equal(hash, roots[i], MERKLE_HASH);
		assert_int_equal(merkle_append(&again, leaves[i]), 0);
		assert_int_equal(merkle_root(&again, hash), 0);
		assert_memory_equal(hash, roots[i + 1], MERKLE_HASH);
		assert_int_equal(merkle_append(&tree, leaves[i]), 0);
	}
}

/* One more, one fewer, one bit, another place: none may pass. */
static void broken_inclusion(uint64_t index, uint64_t size, const struct merkle_proof *good)
{
	struct merkle_proof p = *good;

	p.count++;
	memset(p.hash[good->count], 7, MERKLE_HASH);
	assert_int_equal(inclusion_check(index, size, leaves[index], roots[size], &p), -EBADMSG);
	if (!good->count)
		return;
	p.count = good->count - 1;
	assert_int_equal(inclusion_check(index, size, leaves[index], roots[size], &p), -EBADMSG);
	p = *good;
	p.hash[index % p.count][size % MERKLE_HASH] ^= 1;
	assert_int_equal(inclusion_check(index, size, leaves[index], roots[size], &p), -EBADMSG);
	assert_int_equal(inclusion_check(index ^ 1, size, leaves[index], roots[size], good), -EBADMSG);
	assert_int_equal(inclusion_check(index, size, leaves[index], roots[size - 1], good), -EBADMSG);
}

static void inclusion_of_every_leaf(void **state)
{
	struct merkle_proof p;

	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size += size < 40 ? 1 : 13) {
		for (uint64_t i = 0; i < size; i++) {
			assert_int_equal(inclusion_make(i, size, subtree, NULL, &p), 0);
			assert_int_equal(inclusion_check(i, size, leaves[i], roots[size], &p), 0);
			broken_inclusion(i, size, &p);
		}
		assert_int_equal(inclusion_make(size, size, subtree, NULL, &p), -ERANGE);
	}
}

static void broken_consistency(uint64_t old, uint64_t size, const struct merkle_proof *good)
{
	struct merkle_proof p = *good;

	p.count++;
	memset(p.hash[good->count], 7, MERKLE_HASH);
	assert_int_equal(consistency_check(old, roots[old], size, roots[size], &p), -EBADMSG);
	if (!good->count)
		return;
	p.count = good->count - 1;
	assert_int_equal(consistency_check(old, roots[old], size, roots[size], &p), -EBADMSG);
	p = *good;
	p.hash[old % p.count][size % MERKLE_HASH] ^= 1;
	assert_int_equal(consistency_check(old, roots[old], size, roots[size], &p), -EBADMSG);
	assert_int_equal(consistency_check(old, roots[size], size, roots[old], good), -EBADMSG);
	assert_int_equal(consistency_check(old, roots[old - 1], size, roots[size], good), -EBADMSG);
}

static void consistency_of_every_size(void **state)
{
	struct merkle_proof p;

	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size += size < 40 ? 1 : 13) {
		for (uint64_t old = 1; old <= size; old++) {
			assert_int_equal(consistency_make(old, size, subtree, NULL, &p), 0);
			assert_int_equal(consistency_check(old, roots[old], size, roots[size], &p), 0);
			broken_consistency(old, size, &p);
		}
		assert_int_equal(consistency_make(0, size, subtree, NULL, &p), -ERANGE);
		assert_int_equal(consistency_make(size + 1, size, subtree, NULL, &p), -ERANGE);
	}
}

/* ---- published cases ---- */

/* False: not of a hash's length, which the types here cannot express. */
static bool hash_of(const json_t *text, unsigned char hash[MERKLE_HASH])
{
	const char *t = json_string_value(text);
	size_t len = 0;

	return t &&
	       !sodium_base642bin(hash, MERKLE_HASH, t, strlen(t), NULL, &len, NULL,
				  sodium_base64_VARIANT_ORIGINAL) &&
	       len == MERKLE_HASH;
}

static bool proof_of(const json_t *list, struct merkle_proof *p)
{
	p->count = json_array_size(list);
	for (size_t i = 0; i < p->count; i++)
		if (i == PROOF_MAX || !hash_of(json_array_get(list, i), p->hash[i]))
			return false;
	return true;
}

/* Two cases have 2^64 - 1, which jansson holds as a real only. All others are small. */
static uint64_t number_of(const json_t *c, const char *member)
{
	double n = json_real_value(json_object_get(c, member));

	return n < 0x1p53 ? (uint64_t)n : UINT64_MAX;
}

static int case_inclusion(const json_t *c)
{
	unsigned char leaf[MERKLE_HASH], root[MERKLE_HASH];
	struct merkle_proof p;

	if (!hash_of(json_object_get(c, "leafHash"), leaf) || !hash_of(json_object_get(c, "root"), root) ||
	    !proof_of(json_object_get(c, "proof"), &p))
		return -EBADMSG;
	return inclusion_check(number_of(c, "leafIdx"), number_of(c, "treeSize"), leaf, root, &p);
}

static int case_consistency(const json_t *c)
{
	unsigned char root1[MERKLE_HASH], root2[MERKLE_HASH];
	struct merkle_proof p;

	/* Some cases have roots of a few bytes, which need only be told apart. */
	memset(root1, 0, sizeof(root1));
	memset(root2, 0, sizeof(root2));
	hash_of(json_object_get(c, "root1"), root1);
	hash_of(json_object_get(c, "root2"), root2);
	if (!proof_of(json_object_get(c, "proof"), &p))
		return -EBADMSG;
	return consistency_check(number_of(c, "size1"), root1, number_of(c, "size2"), root2, &p);
}

static size_t case_run(const char *path, int (*check)(const json_t *), size_t *refused)
{
	json_auto_t *c = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL);
	bool bad = json_is_true(json_object_get(c, "wantErr"));

	assert_non_null(c);
	if (bad != !!check(c))
		fail_msg("%s: %s", path, json_string_value(json_object_get(c, "desc")));
	*refused += bad;
	return 1;
}

static size_t cases_run(const char *dir, int (*check)(const json_t *), size_t *refused)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			n += cases_run(path, check, refused);
		else if (strstr(e->d_name, ".json"))
			n += case_run(path, check, refused);
	}
	if (d)
		closedir(d);
	return n;
}

static void published_proofs(void **state)
{
	static const struct {
		const char *dir;
		int (*check)(const json_t *);
		size_t cases; /* so that a half of them does not pass for all */
	} sets[] = {{"inclusion", case_inclusion, 98}, {"consistency", case_consistency, 98}};
	const char *dir = getenv("DEPUTY_VECTORS");

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char path[4096];
		size_t n, refused = 0;

		snprintf(path, sizeof(path), "%s/merkle/testdata/%s", dir ? dir : "../shared/vectors",
			 sets[i].dir);
		n = cases_run(path, sets[i].check, &refused);
		if (!n) {
			print_message("# SKIP: no vectors at %s\n", path);
			skip();
		}
		print_message("# %s: %zu cases, %zu to be refused\n", sets[i].dir, n, refused);
		assert_int_equal(n, sets[i].cases);
		assert_true(refused && refused < n);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_is_of_definition),     cmocka_unit_test(published_roots),
		cmocka_unit_test(stored_and_restored),	     cmocka_unit_test(inclusion_of_every_leaf),
		cmocka_unit_test(consistency_of_every_size), cmocka_unit_test(published_proofs),
	};

	return cmocka_run_group_tests_name("merkle", tests, setup, NULL);
}
