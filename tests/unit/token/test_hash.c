/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "token/hash.h"

/* FIPS 180-2, appendix B.1 and B.2, and of nothing. */
static const struct {
	const char *text, *hash;
} known[] = {
	{"", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	 "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static void test_known(void **state)
{
	char text[HASH_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		assert_int_equal(hash_text(known[i].text, strlen(known[i].text), text), 0);
		assert_string_equal(text, known[i].hash);
	}
}

static void test_joined(void **state)
{
	const char *text = known[2].text;
	unsigned char whole[HASH_BYTES], joined[HASH_BYTES];
	size_t len = strlen(text);

	(void)state;
	assert_int_equal(hash_sha256(text, len, whole), 0);
	for (size_t n = 0; n <= len; n++) {
		memset(joined, 0, sizeof(joined));
		assert_int_equal(hash_sha256_joined(text, n, text + n, len - n, joined), 0);
		assert_memory_equal(joined, whole, sizeof(whole));
	}
}

static void test_read(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85500",
		"sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 "};
	unsigned char hash[HASH_BYTES];
	char text[HASH_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < KNOWN; i++) {
		assert_int_equal(hash_read(known[i].hash, hash), 0);
		hash_write(hash, text);
		assert_string_equal(text, known[i].hash);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hash_read(bad[i], hash), -EBADMSG);
}

#define THREADS 8
#define TURNS	2000

/* Each has a context of its own, which goes with it. */
static void *hash_often(void *arg)
{
	size_t i = (size_t)arg % KNOWN, wrong = 0;
	char text[HASH_TEXT_BYTES];

	for (int turn = 0; turn < TURNS; turn++)
		wrong += hash_text(known[i].text, strlen(known[i].text), text) != 0 ||
			 strcmp(text, known[i].hash) != 0;
	return (void *)wrong;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	void *wrong;

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hash_often, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_ptr_equal(wrong, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
