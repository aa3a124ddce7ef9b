/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "chain_make.h"

static struct public_key key_of(unsigned char byte)
{
	unsigned char seed[KEY_SEED_BYTES] = {byte, 1};
	struct public_key public;
	struct secret_key *key;

	assert_int_equal(key_from_seed(seed, &key), 0);
	public = *key_public(key);
	key_free(key);
	return public;
}

static void lifetimes(void **state)
{
	struct public_key a = key_of(1), b = key_of(2);
	struct key_ring ring = {0};

	(void)state;
	assert_int_equal(key_ring_add(&ring, &a, 100, 100), -EINVAL);
	assert_int_equal(key_ring_add(&ring, &a, 100, 200), 0);
	assert_int_equal(key_ring_add(&ring, &a, 300, 400), -EEXIST);
	assert_int_equal(key_ring_add(&ring, &b, 150, KEY_RING_FOREVER), 0);
	assert_null(key_ring_find(&ring, a.kid, 99));
	assert_non_null(key_ring_find(&ring, a.kid, 100));
	assert_non_null(key_ring_find(&ring, a.kid, 199));
	assert_null(key_ring_find(&ring, a.kid, 200));
	assert_null(key_ring_find(&ring, b.kid, 149));
	assert_memory_equal(key_ring_find(&ring, b.kid, 150)->bytes, b.bytes, KEY_PUBLIC_BYTES);
	assert_int_equal(key_ring_expire(&ring, 199), 0);
	assert_int_equal(key_ring_expire(&ring, 200), 1);
	assert_int_equal(ring.count, 1);
	assert_int_equal(key_ring_remove(&ring, a.kid), -ENOENT);
	assert_int_equal(key_ring_remove(&ring, b.kid), 0);
	assert_int_equal(ring.count, 0);
}

static void full(void **state)
{
	struct key_ring ring = {0};

	(void)state;
	for (unsigned char i = 0; i <= KEY_RING_MAX; i++) {
		struct public_key k = key_of(i);

		assert_int_equal(key_ring_add(&ring, &k, 0, KEY_RING_FOREVER),
				 i == KEY_RING_MAX ? -ENOSPC : 0);
	}
}

static void round_trip(void **state)
{
	struct public_key a = key_of(1), b = key_of(2), c = key_of(3);
	struct key_ring ring = {0}, back;
	json_auto_t *jwks = NULL;

	(void)state;
	key_ring_add(&ring, &a, 0, 200);
	key_ring_add(&ring, &b, 150, KEY_RING_FOREVER);
	key_ring_add(&ring, &c, 0, 100);
	jwks = key_ring_jwks(&ring, 100);
	assert_int_equal(json_array_size(json_object_get(jwks, "keys")), 2);
	assert_int_equal(key_ring_read(jwks, &back), 0);
	assert_int_equal(back.count, 2);
	assert_null(key_ring_find(&back, a.kid, 200));
	assert_non_null(key_ring_find(&back, a.kid, 0));
	assert_null(key_ring_find(&back, b.kid, 149));
	assert_non_null(key_ring_find(&back, b.kid, INT64_MAX - 1));
}

static void reading(void **state)
{
	static const struct {
		const char *jwks;
		int err;
		size_t count;
	} cases[] = {
#define X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define K "\"kty\":\"OKP\",\"crv\":\"Ed25519\","
		{"{\"keys\":[]}", 0, 0},
		{"{\"keys\":[{" K X "}]}", 0, 1},
		{"{\"keys\":[{" K X ",\"kid\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\"}]}", 0, 1},
		{"{\"keys\":[{" K X ",\"alg\":\"Ed25519\",\"use\":\"sig\"}]}", 0, 1},
		{"{\"keys\":[{\"kty\":\"RSA\"},{" K X "},{\"kty\":\"OKP\",\"crv\":\"X25519\"," X "},7]}", 0,
		 1},
		{"{\"keys\":[{" K X ",\"use\":\"enc\"}]}", 0, 0},
		{"{\"keys\":[{" K X ",\"kid\":\"other\"}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K X ",\"d\":\"AA\"}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K X "},{" K X "}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K "\"x\":\"AA\"}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K "\"x\":5}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K X ",\"exp\":\"1\"}]}", -EBADMSG, 0},
		{"{\"keys\":[{" K X ",\"exp\":5,\"nbf\":5}]}", -EBADMSG, 0},
		{"{\"keys\":{}}", -EBADMSG, 0},
		{"{}", -EBADMSG, 0},
		{"[]", -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *jwks = json_loads(cases[i].jwks, 0, NULL);
		struct key_ring ring = {.count = 77};

		if (key_ring_read(jwks, &ring) != cases[i].err)
			fail_msg("%s", cases[i].jwks);
		assert_int_equal(ring.count, cases[i].err ? 77 : cases[i].count);
	}
	assert_int_equal(key_ring_read(NULL, &(struct key_ring){0}), -EBADMSG);
}

/* A chain of the old key and one of the new, on the two sides of the overlap. */
static void rotation(void **state)
{
	struct made old, new;
	struct key_ring ring = {0};
	struct link_terms t;
	static const struct {
		int64_t now;
		bool old, new;
	} cases[] = {{NOW, true, false}, {NOW + 50, true, true}, {NOW + 100, false, true}};

	(void)state;
	made_open(&old, 1);
	made_open(&new, 2);
	t = made_terms(&old, "ga");
	made_add(&old, &t, NULL);
	t = made_terms(&new, "ga");
	made_add(&new, &t, NULL);
	key_ring_add(&ring, key_public(old.root), 0, NOW + 100);
	key_ring_add(&ring, key_public(new.root), NOW + 50, KEY_RING_FOREVER);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int is_new = 0; is_new < 2; is_new++) {
			struct chain_report report;
			const char *link = is_new ? new.links[0] : old.links[0];
			int err = chain_verify(&ring, &link, 1, cases[i].now, &report);

			assert_int_equal(err, (is_new ? cases[i].new : cases[i].old) ? 0 : -ENOKEY);
			if (!err)
				chain_report_free(&report);
		}
	}
	made_close(&old);
	made_close(&new);
}

/* The same for the same host and grant, and for no other; fixed, for a grant outlives the daemon that made
 * it. */
static void derivation(void **state)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "a host's seed";
	struct secret_key *root, *a, *b, *c;

	(void)state;
	assert_int_equal(key_from_seed(seed, &root), 0);
	assert_int_equal(key_derive(root, "gmfzwk43uorsxg5a", &a), 0);
	assert_int_equal(key_derive(root, "gmfzwk43uorsxg5a", &b), 0);
	assert_int_equal(key_derive(root, "gmfzwk43uorsxg5b", &c), 0);
	assert_string_equal(key_public(a)->kid, key_public(b)->kid);
	assert_string_not_equal(key_public(a)->kid, key_public(c)->kid);
	assert_string_not_equal(key_public(a)->kid, key_public(root)->kid);
	assert_string_equal(key_public(a)->kid, "3ymM-Ne-IhwMZp9TNukBjnEkiLoRESDlLevxTNjTmPE");
	key_free(root);
	key_free(a);
	key_free(b);
	key_free(c);
}

static int setup(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifetimes), cmocka_unit_test(full),	 cmocka_unit_test(round_trip),
		cmocka_unit_test(reading),   cmocka_unit_test(rotation), cmocka_unit_test(derivation),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
