/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "token/base64url.h"
#include "token/key.h"
#include "vectors.h"

static size_t unhex(const char *hex, unsigned char *bytes, size_t room)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(bytes, room, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static bool wycheproof_agrees(const struct public_key *key, const json_t *test)
{
	unsigned char msg[4096], sig[4096];
	size_t msg_len = unhex(json_string_value(json_object_get(test, "msg")), msg, sizeof(msg));
	size_t sig_len = unhex(json_string_value(json_object_get(test, "sig")), sig, sizeof(sig));
	bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
	/* jws_split() lets no signature of another length through to key_verify() */
	bool good = sig_len == KEY_SIGN_BYTES && key_verify(key, msg, msg_len, sig) == 0;

	if (good != valid)
		print_error("tcId %lld\n", json_integer_value(json_object_get(test, "tcId")));
	return good == valid;
}

static void wycheproof(void **state)
{
	json_auto_t *v = vectors_load("wycheproof/ed25519_test.json");
	size_t g, t, ran = 0, agreed = 0;
	json_t *group, *test;

	(void)state;
	if (!v)
		skip();
	json_array_foreach (json_object_get(v, "testGroups"), g, group) {
		const char *pk =
			json_string_value(json_object_get(json_object_get(group, "publicKey"), "pk"));
		unsigned char bytes[KEY_PUBLIC_BYTES];
		struct public_key key;

		assert_int_equal(unhex(pk, bytes, sizeof(bytes)), sizeof(bytes));
		key_from_public(bytes, &key);
		json_array_foreach (json_object_get(group, "tests"), t, test) {
			ran++;
			agreed += wycheproof_agrees(&key, test);
		}
	}
	print_message("# wycheproof: %zu of %zu cases agree\n", agreed, ran);
	assert_int_equal(ran, json_integer_value(json_object_get(v, "numberOfTests")));
	assert_int_equal(agreed, ran);
}

/* RFC 8037 appendix A.1 to A.3. */
static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

static struct secret_key *rfc8037_key(void)
{
	unsigned char seed[KEY_SEED_BYTES];
	struct secret_key *key;

	assert_int_equal(unhex(seed_hex, seed, sizeof(seed)), sizeof(seed));
	assert_int_equal(key_from_seed(seed, &key), 0);
	return key;
}

static void thumbprint(void **state)
{
	struct secret_key *key = rfc8037_key();

	(void)state;
	assert_string_equal(key_public(key)->kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
	key_free(key);
}

static void jwk_set(void **state)
{
	struct secret_key *key = rfc8037_key();
	json_auto_t *set = key_set(key_public(key));
	const json_t *jwk = json_array_get(json_object_get(set, "keys"), 0);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(set, "keys")), 1);
	assert_string_equal(json_string_value(json_object_get(jwk, "x")),
			    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
	assert_string_equal(json_string_value(json_object_get(jwk, "kty")), "OKP");
	assert_string_equal(json_string_value(json_object_get(jwk, "crv")), "Ed25519");
	assert_string_equal(json_string_value(json_object_get(jwk, "kid")), key_public(key)->kid);
	assert_null(json_object_get(jwk, "d"));
	key_free(key);
}

static void base64url_forms(void **state)
{
	static const struct {
		const char *text;
		int err;
		size_t size;
	} cases[] = {
		{"", 0, 0},
		{"AA", 0, 1},
		{"AAA", 0, 2},
		{"AAAA", 0, 3},
		{"-_-_", 0, 3},
		{"A", -EBADMSG, 0},
		{"AB", -EBADMSG, 0},
		{"AAB", -EBADMSG, 0},
		{"AA==", -EBADMSG, 0},
		{"AA=", -EBADMSG, 0},
		{"A A", -EBADMSG, 0},
		{"AA\n", -EBADMSG, 0},
		{"+/+/", -EBADMSG, 0},
		{"AAAAA", -EBADMSG, 0},
		{"AAAAAAAA", -ENOSPC, 0},
		{"A\x80"
		 "AA",
		 -EBADMSG, 0},
		{"\xff"
		 "AAA",
		 -EBADMSG, 0},
		{"AAA\xc3", -EBADMSG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char bytes[4];
		size_t size = 0;
		int err = base64url_decode(cases[i].text, strlen(cases[i].text), bytes, sizeof(bytes), &size);

		if (err != cases[i].err || size != cases[i].size)
			fail_msg("\"%s\": %d, %zu bytes", cases[i].text, err, size);
	}
}

/* Beside libsodium's, on texts that are good but for a byte or two. */
static void base64url_sodium(void **state)
{
	unsigned char bytes[80], ours[80], theirs[80];
	char text[128];
	size_t ran = 0, good = 0;

	(void)state;
	for (size_t size = 0; size < sizeof(bytes); size++) {
		for (int round = 0; round < 200; round++, ran++) {
			size_t n, m, len, high = 0;
			int err, sodium;

			randombytes_buf(bytes, sizeof(bytes));
			len = base64url_encode(bytes, size, text);
			assert_int_equal(len, BASE64URL_LEN(size));
			assert_string_equal(text,
					    sodium_bin2base64((char[128]){0}, 128, bytes, size,
							      sodium_base64_VARIANT_URLSAFE_NO_PADDING));
			if (len && round % 4)
				text[randombytes_uniform((uint32_t)len)] = (char)randombytes_random();
			if (len && round % 4 == 3)
				len -= randombytes_uniform(3) % len;
			for (size_t i = 0; i < len; i++)
				high |= text[i] & 0x80;
			err = base64url_decode(text, len, ours, sizeof(ours), &n);
			sodium = high || sodium_base642bin(theirs, sizeof(theirs), text, len, NULL, &m, NULL,
							   sodium_base64_VARIANT_URLSAFE_NO_PADDING);
			assert_int_equal(!err, !sodium);
			if (err)
				continue;
			good++;
			assert_int_equal(n, m);
			assert_memory_equal(ours, theirs, n);
		}
	}
	print_message("# %zu texts as libsodium reads them, %zu good\n", ran, good);
	assert_true(good > ran / 4 && good < ran);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wycheproof),	    cmocka_unit_test(thumbprint),
		cmocka_unit_test(jwk_set),	    cmocka_unit_test(base64url_forms),
		cmocka_unit_test(base64url_sodium),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
