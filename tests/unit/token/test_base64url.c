/* SPDX-License-Identifier: Apache-2.0 */
/* Against libsodium's, which is written another way: every byte in every place, and every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/base64url.h"

#define LONGEST 40

static int theirs(const char *text, size_t len, unsigned char *bytes, size_t *size)
{
	const char *end;

	return sodium_base642bin(bytes, LONGEST, text, len, NULL, size, &end,
				 sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
			       end != text + len
		       ? -EBADMSG
		       : 0;
}

static void assert_same(const char *text, size_t len)
{
	unsigned char ours[LONGEST], others[LONGEST];
	size_t size = 0, size_others = 0;
	int err = base64url_decode(text, len, ours, sizeof(ours), &size);

	for (size_t i = 0; i < len; i++) {
		if (text[i] & 0x80) { /* which 1.0.18 takes for letters */
			assert_int_equal(err, -EBADMSG);
			return;
		}
	}
	assert_int_equal(err, theirs(text, len, others, &size_others));
	if (err)
		return;
	assert_int_equal(size, size_others);
	assert_memory_equal(ours, others, size);
}

static void test_every_byte_everywhere(void **state)
{
	char text[10];

	(void)state;
	for (size_t len = 2; len <= sizeof(text); len++) {
		for (size_t at = 0; at < len; at++) {
			for (int byte = 0; byte < 256; byte++) {
				memset(text, 'A', sizeof(text));
				text[at] = (char)byte;
				assert_same(text, len);
			}
		}
	}
}

/* Nothing past what it decodes to is written. */
static void test_there_and_back(void **state)
{
	unsigned char bytes[LONGEST], back[LONGEST + 1];
	char text[BASE64URL_LEN(LONGEST) + 1];
	size_t size;

	(void)state;
	for (size_t n = 0; n <= LONGEST; n++) {
		size_t len;

		randombytes_buf(bytes, n);
		len = base64url_encode(bytes, n, text);
		assert_int_equal(len, BASE64URL_LEN(n));
		memset(back, 0x5a, sizeof(back));
		assert_int_equal(base64url_decode(text, len, back, n, &size), 0);
		assert_int_equal(size, n);
		assert_memory_equal(back, bytes, n);
		assert_int_equal(back[n], 0x5a);
		if (n)
			assert_int_equal(base64url_decode(text, len, back, n - 1, &size), -ENOSPC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_everywhere),
		cmocka_unit_test(test_there_and_back),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
