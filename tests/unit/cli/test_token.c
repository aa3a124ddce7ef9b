/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "token/token.h"

static const struct command command = {"token verify", "", "", cmd_token_verify};

static struct secret_key *key_of(unsigned char byte)
{
	unsigned char seed[KEY_SEED_BYTES];
	struct secret_key *key;

	memset(seed, byte, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &key), 0);
	return key;
}

/* A set of two keys, neither of which is `byte`'s own alone: the right one has to be picked. */
static char *keys_file(unsigned char first, unsigned char second)
{
	struct secret_key *a = key_of(first), *b = key_of(second);
	json_t *set = key_set(key_public(a)), *other = key_set(key_public(b));
	char *path = strdup("/tmp/test_token.XXXXXX");
	int fd = mkstemp(path);

	json_array_extend(json_object_get(set, "keys"), json_object_get(other, "keys"));
	json_array_append_new(json_object_get(set, "keys"), json_pack("{s:s}", "kty", "RSA"));
	json_dumpfd(set, fd, 0);
	close(fd);
	json_decref(set);
	json_decref(other);
	key_free(a);
	key_free(b);
	return path;
}

static char *token_of(unsigned char byte, int64_t life)
{
	struct secret_key *key = key_of(byte);
	json_int_t now = time(NULL);
	json_t *claims = json_pack("{s:s, s:s, s:I, s:I, s:I}", "iss", "x", "jti", "g1", "iat", now - 10,
				   "nbf", now - 10, "exp", now + life);
	char *text;

	assert_int_equal(token_sign(key, claims, &text), 0);
	json_decref(claims);
	key_free(key);
	return text;
}

static int verify(const char *keys, char *token)
{
	struct cli cli = {.socket = "/nonexistent", .command = &command};
	char *argv[] = {(char *)"verify", (char *)"--jwks", (char *)keys, token, NULL};

	return cmd_token_verify(&cli, 4, argv);
}

static void test_verify(void **state)
{
	char *keys = keys_file(1, 2), *first = token_of(1, 60), *second = token_of(2, 60),
	     *foreign = token_of(3, 60), *old = token_of(1, -1);

	(void)state;
	assert_int_equal(verify(keys, first), 0);
	assert_int_equal(verify(keys, second), 0);
	assert_int_equal(verify(keys, foreign), EX_NOPERM);
	assert_int_equal(verify(keys, old), EX_NOPERM);
	first[strlen(first) - 3] ^= 1;
	assert_int_equal(verify(keys, first), EX_NOPERM);
	unlink(keys);
	free(keys);
	free(first);
	free(second);
	free(foreign);
	free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
