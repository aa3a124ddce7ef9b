/* SPDX-License-Identifier: Apache-2.0 */
/* The host's secret keys as time goes by, and as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "token/jwt.h"
#include "token/secret_ring.h"

#define DAY 86400
#define NOW (INT64_C(20000) * DAY)

static const char *kid_at(const struct secret_ring *ring, size_t i)
{
	return key_public(ring->keys[i].key)->kid;
}

static void begins(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	assert_int_equal(ring.count, 2);
	assert_ptr_equal(secret_ring_current(&ring), ring.keys[0].key);
	assert_int_equal(secret_ring_place(&ring, 0), RING_CURRENT);
	assert_int_equal(secret_ring_place(&ring, 1), RING_NEXT);
	assert_string_not_equal(kid_at(&ring, 0), kid_at(&ring, 1));
	assert_int_equal(secret_ring_public(&ring)->count, 2);
	assert_null(secret_ring_over(&ring, INT64_MAX / 2, 0));
	assert_int_equal(secret_ring_forget(&ring), -ENOENT);
}

/* The one that was published signs, the one that signed still verifies, and both are found by name. */
static void rotates(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	char first[KID_BYTES], second[KID_BYTES], message[] = "message";
	unsigned char signature[KEY_SIGN_BYTES];
	const struct public_key *public;

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	strcpy(first, kid_at(&ring, 0));
	strcpy(second, kid_at(&ring, 1));
	key_sign(secret_ring_current(&ring), message, sizeof(message), signature);
	assert_int_equal(secret_ring_rotate(&ring, NOW + DAY), 0);
	assert_int_equal(ring.count, 3);
	assert_string_equal(key_public(secret_ring_current(&ring))->kid, second);
	assert_int_equal(secret_ring_place(&ring, 0), RING_OLD);
	assert_int_equal(ring.keys[0].until, NOW + DAY);
	assert_int_equal(ring.keys[1].from, NOW + DAY);
	public = key_ring_find(secret_ring_public(&ring), first, NOW + DAY);
	assert_non_null(public);
	assert_int_equal(key_verify(public, message, sizeof(message), signature), 0);
	assert_ptr_equal(secret_ring_find(&ring, first), ring.keys[0].key);
	assert_int_equal(secret_ring_forget(&ring), 0);
	assert_null(secret_ring_find(&ring, first));
	assert_null(key_ring_find(secret_ring_public(&ring), first, NOW + DAY));
	assert_non_null(secret_ring_find(&ring, second));
}

static void boundaries(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	assert_false(secret_ring_due(&ring, NOW + 30 * DAY - 1, 30 * DAY));
	assert_true(secret_ring_due(&ring, NOW + 30 * DAY, 30 * DAY));
	/* The next one must have been there for whoever fetches the keys. */
	ring.keys[1].made = NOW + 30 * DAY - SECRET_RING_LEAD + 1;
	assert_false(secret_ring_due(&ring, NOW + 30 * DAY, 30 * DAY));
	assert_true(secret_ring_due(&ring, NOW + 30 * DAY + 1, 30 * DAY));
	assert_int_equal(secret_ring_rotate(&ring, NOW + 30 * DAY), 0);
	assert_null(secret_ring_over(&ring, NOW + 30 * DAY + 3899, 3900));
	assert_ptr_equal(secret_ring_over(&ring, NOW + 30 * DAY + 3900, 3900), ring.keys[0].key);
}

static void full(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0};
	char current[KID_BYTES];

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	while (ring.count < SECRET_RING_MAX)
		assert_int_equal(secret_ring_rotate(&ring, NOW + (int64_t)ring.count), 0);
	strcpy(current, key_public(secret_ring_current(&ring))->kid);
	assert_int_equal(secret_ring_rotate(&ring, NOW + 99), -ENOSPC);
	assert_string_equal(key_public(secret_ring_current(&ring))->kid, current);
	assert_int_equal(secret_ring_public(&ring)->count, SECRET_RING_MAX);
	assert_int_equal(secret_ring_forget(&ring), 0);
	assert_int_equal(secret_ring_rotate(&ring, NOW + 99), 0);
}

/* Whatever the clock says meanwhile, no key is over sooner and the order holds. */
static void clock_jumps(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0}, back = {0};
	unsigned char bytes[SECRET_RING_BYTES];

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	assert_int_equal(secret_ring_rotate(&ring, NOW + 1000 * DAY), 0); /* the clock was ahead */
	assert_false(secret_ring_due(&ring, NOW + 5 * DAY, DAY));
	assert_null(secret_ring_over(&ring, NOW + 5 * DAY, 3900));
	assert_true(secret_ring_settle(&ring, NOW + 5 * DAY));
	assert_false(secret_ring_settle(&ring, NOW + 5 * DAY));
	assert_int_equal(ring.keys[0].made, NOW);
	assert_null(secret_ring_over(&ring, NOW + 5 * DAY + 3899, 3900));
	assert_non_null(secret_ring_over(&ring, NOW + 5 * DAY + 3900, 3900));
	assert_true(secret_ring_due(&ring, NOW + 6 * DAY, DAY));
	assert_int_equal(secret_ring_rotate(&ring, NOW + 2 * DAY), 0); /* and is behind now */
	assert_int_equal(secret_ring_decode(bytes, secret_ring_encode(&ring, bytes), &back), 0);
}

/* ---- bytes ---- */

static void same(void **state)
{
	_cleanup_ring_ struct secret_ring ring = {0}, back = {0};
	unsigned char bytes[SECRET_RING_BYTES], again[SECRET_RING_BYTES];
	size_t size;

	(void)state;
	assert_int_equal(secret_ring_begin(NOW, &ring), 0);
	assert_int_equal(secret_ring_rotate(&ring, NOW + DAY), 0);
	assert_int_equal(secret_ring_rotate(&ring, NOW + DAY), 0);
	size = secret_ring_encode(&ring, bytes);
	assert_int_equal(size, 4 * SECRET_RING_ENTRY);
	assert_int_equal(secret_ring_decode(bytes, size, &back), 0);
	assert_int_equal(secret_ring_encode(&back, again), size);
	assert_memory_equal(bytes, again, size);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(kid_at(&back, i), kid_at(&ring, i));
		assert_int_equal(back.keys[i].made, ring.keys[i].made);
		assert_int_equal(back.keys[i].from, ring.keys[i].from);
		assert_int_equal(back.keys[i].until, ring.keys[i].until);
	}
}

enum field { SEED, MADE = 32, FROM = 40, UNTIL = 48 };

/* Of an old key, the current and the next one, with times 10, 20; 20, 30; 30. */
static void malformed(void **state)
{
	static const struct {
		const char *what;
		size_t key;
		enum field field;
		int64_t value;
	} cases[] = {
		{"made before time", 0, MADE, -1},
		{"made past all time", 2, MADE, JWT_TIME_MAX + 1},
		{"signing before it was made", 1, FROM, 19},
		{"old and never signed", 0, FROM, 0},
		{"old and still signing", 0, UNTIL, 0},
		{"old, and ended before it began", 0, UNTIL, 9},
		{"old, and signing with the current one", 0, UNTIL, 31},
		{"current and not signing", 1, FROM, 0},
		{"current and over", 1, UNTIL, 40},
		{"signing past all time", 1, FROM, JWT_TIME_MAX + 1},
		{"next and signing", 2, FROM, 30},
		{"next and over", 2, UNTIL, 30},
	};
	_cleanup_ring_ struct secret_ring ring = {0};
	unsigned char good[SECRET_RING_BYTES], bytes[SECRET_RING_BYTES + SECRET_RING_ENTRY] = {0};
	size_t size;

	(void)state;
	assert_int_equal(secret_ring_begin(10, &ring), 0);
	ring.keys[1].made = 20;
	assert_int_equal(secret_ring_rotate(&ring, 30), 0);
	size = secret_ring_encode(&ring, good);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret_ring back = {.count = 77};
		int64_t value = (int64_t)htole64((uint64_t)cases[i].value);

		memcpy(bytes, good, size);
		memcpy(bytes + cases[i].key * SECRET_RING_ENTRY + cases[i].field, &value, sizeof(value));
		if (secret_ring_decode(bytes, size, &back) != -EBADMSG || back.count != 77)
			fail_msg("%s", cases[i].what);
	}
	memcpy(bytes, good, size);
	memcpy(bytes, bytes + 2 * SECRET_RING_ENTRY, KEY_SEED_BYTES);
	assert_int_equal(secret_ring_decode(bytes, size, &ring), -EBADMSG); /* the same key twice */
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct secret_ring back = {0};
		int err;

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, good, size);
		err = secret_ring_decode(bytes, n, &back);
		assert_int_equal(!err, n == size);
		secret_ring_clear(&back);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins),    cmocka_unit_test(rotates),	    cmocka_unit_test(boundaries),
		cmocka_unit_test(full),	     cmocka_unit_test(clock_jumps), cmocka_unit_test(same),
		cmocka_unit_test(malformed),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
