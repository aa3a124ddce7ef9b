/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed file: as its header says, and no bit otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/key_file.h"

static const unsigned char seal[SEAL_BYTES] = "a sealing key of thirty-two byt",
			   other[SEAL_BYTES] = "another";

static size_t make(struct secret_ring *ring, unsigned char file[KEY_FILE_BYTES])
{
	size_t size;

	assert_int_equal(secret_ring_begin(1700000000, ring), 0);
	assert_int_equal(secret_ring_rotate(ring, 1700000001), 0);
	assert_int_equal(key_file_seal(seal, ring, file, &size), 0);
	return size;
}

static int reopen(const unsigned char *file, size_t size)
{
	_cleanup_ring_ struct secret_ring back = {0};

	return key_file_open(seal, file, size, &back);
}

static bool contains(const unsigned char *bytes, size_t size, const unsigned char *part, size_t n)
{
	return memmem(bytes, size, part, n) != NULL;
}

static void same(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0}, back = {0};
	unsigned char file[KEY_FILE_BYTES], again[KEY_FILE_BYTES], seed[KEY_SEED_BYTES];
	size_t size = make(&ring, file), size_again;

	(void)state;
	assert_int_equal(key_file_open(seal, file, size, &back), 0);
	assert_int_equal(back.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(key_public(back.keys[i].key)->kid, key_public(ring.keys[i].key)->kid);
		assert_int_equal(back.keys[i].from, ring.keys[i].from);
		key_seed(ring.keys[i].key, seed);
		assert_false(contains(file, size, seed, 8));
	}
	assert_false(contains(file, size, seal, 8));
	assert_int_equal(key_file_seal(seal, &ring, again, &size_again), 0);
	assert_int_equal(size, size_again);
	assert_memory_equal(file, again, 32);
	assert_false(contains(again, size, file + 32, 8)); /* another nonce, and nothing as it was */
}

/* As the header describes it, opened by hand. */
static void form(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char file[KEY_FILE_BYTES], key[32], name[16], plain[SECRET_RING_BYTES],
		want[SECRET_RING_BYTES];
	size_t size = make(&ring, file);
	unsigned long long n;

	(void)state;
	assert_int_equal(size, 56 + 3 * 56 + 16);
	assert_memory_equal(file, "deputy/keys/1\0\0\0", 16);
	crypto_kdf_derive_from_key(name, sizeof(name), 2, "dpt-seal", seal);
	assert_memory_equal(file + 16, name, 16);
	crypto_kdf_derive_from_key(key, sizeof(key), 1, "dpt-seal", seal);
	assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL, file + 56, size - 56,
								    file, 56, file + 32, key),
			 0);
	assert_int_equal(n, secret_ring_encode(&ring, want));
	assert_memory_equal(plain, want, n);
}

static void malformed(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0}, back = {0};
	unsigned char file[KEY_FILE_BYTES + 1] = {0};
	size_t size = make(&ring, file);

	(void)state;
	assert_int_equal(key_file_open(other, file, size, &back), -ENOKEY);
	for (size_t i = 0; i < size * 8; i++) {
		/* magic, its version, the sealing key's name, all the rest */
		int want = i < 12 * 8	? -EBADMSG
			   : i < 16 * 8 ? -EPROTONOSUPPORT
			   : i < 32 * 8 ? -ENOKEY
					: -EKEYREJECTED;

		file[i / 8] ^= 1u << i % 8;
		if (reopen(file, size) != want)
			fail_msg("bit %zu: %d", i, reopen(file, size));
		file[i / 8] ^= 1u << i % 8;
	}
	for (size_t n = 0; n < size; n++)
		assert_int_equal(reopen(file, n), n < 56 ? -EBADMSG : -EKEYREJECTED);
	assert_int_equal(reopen(file, size + 1), -EKEYREJECTED);
	assert_int_equal(reopen(file, size), 0);
	assert_int_equal(back.count, 0);
}

/* Sealed well, but no ring: what no version of ours writes is not read either. */
static void sealed_nonsense(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char file[KEY_FILE_BYTES], key[32], plain[2 * SECRET_RING_ENTRY] = {0};
	unsigned long long n;

	(void)state;
	make(&ring, file);
	crypto_kdf_derive_from_key(key, sizeof(key), 1, "dpt-seal", seal);
	crypto_aead_xchacha20poly1305_ietf_encrypt(file + 56, &n, plain, sizeof(plain), file, 56, NULL,
						   file + 32, key);
	assert_int_equal(reopen(file, 56 + n), -EBADMSG);
	assert_int_equal(reopen(file, 56 + 16), -EKEYREJECTED);
}

static void seeds(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char file[KEY_FILE_BYTES], seed[KEY_SEED_BYTES] = "any";

	(void)state;
	make(&ring, file);
	assert_true(key_file_is_seed(seed, sizeof(seed)));
	assert_false(key_file_is_seed(seed, sizeof(seed) - 1));
	assert_false(key_file_is_seed(file, KEY_SEED_BYTES)); /* cut to a seed's length */
	assert_false(key_file_is_seed(file, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same),	     cmocka_unit_test(form),
		cmocka_unit_test(malformed), cmocka_unit_test(sealed_nonsense),
		cmocka_unit_test(seeds),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
