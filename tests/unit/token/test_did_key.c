/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/base58.h"
#include "token/did_key.h"
#include "vectors.h"

/* ---- base58 ---- */

/* draft-msporny-base58-03 section 5, and zeros in front. */
static void base58_known(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *text;
	} cases[] = {
		{"Hello World!", 12, "2NEpo7TZRRrLZSi2U"},
		{"The quick brown fox jumps over the lazy dog.", 44,
		 "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
		{"\x00\x00\x28\x7f\xb4\xcd", 6, "11233QC4"},
		{"", 0, ""},
		{"\x00", 1, "1"},
		{"\x00\x00\x00", 3, "111"},
		{"\x00\x01", 2, "12"},
		{"\xff", 1, "5Q"},
		{"\x39", 1, "z"},
		{"\x3a", 1, "21"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[BASE58_LEN(64) + 1];
		unsigned char bytes[64];
		size_t size;

		assert_int_equal(base58_encode(cases[i].bytes, cases[i].size, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(base58_decode(text, strlen(text), bytes, cases[i].size, &size), 0);
		assert_int_equal(size, cases[i].size);
		assert_memory_equal(bytes, cases[i].bytes, size);
		if (size)
			assert_int_equal(base58_decode(text, strlen(text), bytes, size - 1, &size), -ENOSPC);
	}
}

static void base58_alphabet(void **state)
{
	static const char good[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

	(void)state;
	for (int c = 0; c < 256; c++) {
		char text[] = {'A', (char)c, 'A'};
		unsigned char bytes[4];
		size_t size;

		assert_int_equal(base58_decode(text, sizeof(text), bytes, sizeof(bytes), &size),
				 c && strchr(good, c) ? 0 : -EBADMSG);
	}
}

/* The largest numbers of every length, both ways; and one byte too many. */
static void base58_limits(void **state)
{
	unsigned char bytes[BASE58_BYTES_MAX], back[BASE58_BYTES_MAX + 8];
	char text[BASE58_LEN(BASE58_BYTES_MAX) + 3];
	size_t size, len = 0;

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		len = base58_encode(bytes, n, text);
		assert_true(len <= BASE58_LEN(n));
		assert_int_equal(base58_decode(text, len, back, sizeof(back), &size), 0);
		assert_int_equal(size, n);
		assert_memory_equal(back, bytes, n);
	}
	text[len] = '1';
	assert_int_equal(base58_decode(text, len + 1, back, sizeof(back), &size), -ENOSPC);
	memset(text, '1', BASE58_BYTES_MAX + 1);
	assert_int_equal(base58_decode(text, BASE58_BYTES_MAX, back, sizeof(back), &size), 0);
	assert_int_equal(base58_decode(text, BASE58_BYTES_MAX + 1, back, sizeof(back), &size), -ENOSPC);
}

/* ---- did:key ---- */

static void vector(const char *seed_hex, const char *did)
{
	unsigned char seed[KEY_SEED_BYTES];
	char text[DID_KEY_LEN + 1];
	struct secret_key *key;
	struct public_key back;

	assert_int_equal(sodium_hex2bin(seed, sizeof(seed), seed_hex, 64, NULL, NULL, NULL), 0);
	assert_int_equal(key_from_seed(seed, &key), 0);
	did_key_encode(key_public(key), text);
	assert_string_equal(text, did);
	assert_int_equal(did_key_decode(did, strlen(did), &back), 0);
	assert_memory_equal(&back, key_public(key), sizeof(back));
	key_free(key);
}

static void published(void **state)
{
	const char *dir = getenv("DEPUTY_VECTORS");
	char path[4096], line[1024], seed[65], did[128], key58[64], x25519[64], bytes[64];
	size_t ran = 0, size;
	struct public_key other;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/did-key/ed25519.tsv", dir ? dir : "../shared/vectors");
	f = fopen(path, "r");
	if (!f) {
		print_message("# SKIP: no vectors at %s\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%64s %127s %63s %63s", seed, did, key58, x25519), 4);
		vector(seed, did);
		assert_int_equal(base58_decode(key58, strlen(key58), bytes, sizeof(bytes), &size), 0);
		assert_int_equal(size, KEY_PUBLIC_BYTES);
		/* a well-made Multikey of another kind */
		assert_int_equal(did_key_from_multibase(x25519, strlen(x25519), &other), -EBADMSG);
		ran++;
	}
	fclose(f);
	print_message("# did:key: %zu keys\n", ran);
	assert_true(ran > 0);
}

static void methods(void **state)
{
	struct public_key a, b, back;
	char url[DID_KEY_METHOD_LEN + 1], other[DID_KEY_METHOD_LEN + 1], did[DID_KEY_LEN + 1];
	char key[DID_KEY_MULTIBASE_LEN + 1];

	(void)state;
	key_from_public((const unsigned char[KEY_PUBLIC_BYTES]){1}, &a);
	key_from_public((const unsigned char[KEY_PUBLIC_BYTES]){2}, &b);
	did_key_encode(&a, did);
	did_key_multibase(&a, key);
	did_key_method(&a, url);
	did_key_method(&b, other);
	assert_int_equal(strlen(url), DID_KEY_METHOD_LEN);
	assert_memory_equal(url, did, DID_KEY_LEN);
	assert_string_equal(url + DID_KEY_LEN + 1, key);
	assert_int_equal(did_key_from_method(url, strlen(url), &back), 0);
	assert_memory_equal(&back, &a, sizeof(a));
	strcpy(url + DID_KEY_LEN, other + DID_KEY_LEN); /* a's DID, b's fragment */
	assert_int_equal(did_key_from_method(url, strlen(url), &back), -EBADMSG);
	url[DID_KEY_LEN] = '/';
	assert_int_equal(did_key_from_method(url, strlen(url), &back), -EBADMSG);
	assert_int_equal(did_key_from_method(did, strlen(did), &back), -EBADMSG);
}

/* The extremes of a key still have 47 digits, and every change of a name is another key or none. */
static void spellings(void **state)
{
	unsigned char bytes[KEY_PUBLIC_BYTES];
	struct public_key key, back;
	char did[DID_KEY_LEN + 2];
	size_t refused = 0;

	(void)state;
	for (int fill = 0; fill < 256; fill += 255) {
		memset(bytes, fill, sizeof(bytes));
		key_from_public(bytes, &key);
		did_key_encode(&key, did);
		assert_int_equal(strlen(did), DID_KEY_LEN);
		assert_int_equal(did_key_decode(did, DID_KEY_LEN, &back), 0);
		assert_memory_equal(back.bytes, bytes, sizeof(bytes));
	}
	for (size_t i = 0; i < DID_KEY_LEN; i++) {
		char was = did[i];

		for (const char *c = "z1Aa0OIl:#\xff"; *c; c++) {
			if (*c == was)
				continue;
			did[i] = *c;
			if (did_key_decode(did, DID_KEY_LEN, &back))
				refused++;
			else
				assert_memory_not_equal(back.bytes, bytes, sizeof(bytes));
		}
		did[i] = was;
	}
	print_message("# %zu changed names refused\n", refused);
	assert_int_equal(did_key_decode(did, DID_KEY_LEN - 1, &back), -EBADMSG);
	did[DID_KEY_LEN] = '1';
	assert_int_equal(did_key_decode(did, DID_KEY_LEN + 1, &back), -EBADMSG);
	assert_int_equal(did_key_decode("", 0, &back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base58_known),	 cmocka_unit_test(base58_alphabet),
		cmocka_unit_test(base58_limits), cmocka_unit_test(published),
		cmocka_unit_test(methods),	 cmocka_unit_test(spellings),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
