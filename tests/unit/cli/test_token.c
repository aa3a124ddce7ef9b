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
#include "token/jwt.h"

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

/* From `begin` to `end` seconds from now. */
static char *token_of(unsigned char byte, const char *typ, int begin, int end)
{
	struct secret_key *key = key_of(byte);
	json_int_t now = time(NULL);
	json_t *claims = json_pack("{s:s, s:s, s:I, s:I, s:I}", "iss", "x", "jti", "g1", "iat", now, "nbf",
				   now + begin, "exp", now + end);
	char *text;

	assert_int_equal(jwt_sign(key, typ, claims, &text), 0);
	json_decref(claims);
	key_free(key);
	return text;
}

/* The exit code; what was said goes to `said`. */
static int verify(const char *keys, char *token, char said[512])
{
	struct cli cli = {.socket = "/nonexistent", .command = &command};
	char *argv[] = {(char *)"verify", (char *)"--jwks", (char *)keys, token, NULL};
	FILE *file = tmpfile();
	int was = dup(STDERR_FILENO), code;

	dup2(fileno(file), STDERR_FILENO);
	code = cmd_token_verify(&cli, 4, argv);
	dup2(was, STDERR_FILENO);
	close(was);
	rewind(file);
	said[fread(said, 1, 511, file)] = '\0';
	fclose(file);
	return code;
}

#define KNOWN "; what can be verified is at+jwt, txntoken+jwt and deputy-grant+jwt, the link of a chain\n"

static void test_verify(void **state)
{
	static const struct {
		unsigned char key;
		const char *typ;
		int begin, end;
		const char *said; /* "" when it verifies */
	} cases[] = {
		{1, "at+jwt", -10, 60, ""},
		{2, "at+jwt", -10, 60, ""},
		{1, "txntoken+jwt", -10, 60, ""},
		{3, "at+jwt", -10, 60, "deputy: the token: signed by another key\n"},
		{3, "txntoken+jwt", -10, 60, "deputy: the token: signed by another key\n"},
		{1, "at+jwt", -10, -1, "deputy: the token: expired\n"},
		{1, "txntoken+jwt", 30, 60, "deputy: the token: not valid yet\n"},
		{1, "at+jwt", 60, -1, "deputy: the token: expired\n"},
		{1, "JWT", -10, 60, "deputy: the token: its type is \"JWT\"" KNOWN},
		{1, "secevent+jwt", -10, 60, "deputy: the token: its type is \"secevent+jwt\"" KNOWN},
		{1, "at+jw", -10, 60, "deputy: the token: its type is \"at+jw\"" KNOWN},
		{1, "deputy-grant+jwt", -10, 60,
		 "deputy: the chain: link 1: a claim is missing or malformed: assurance\n"},
	};
	char *keys = keys_file(1, 2), said[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *token = token_of(cases[i].key, cases[i].typ, cases[i].begin, cases[i].end);

		assert_int_equal(verify(keys, token, said), *cases[i].said ? EX_NOPERM : 0);
		assert_string_equal(said, cases[i].said);
		free(token);
	}
	unlink(keys);
	free(keys);
}

/* Of no form, of another signature, of a type that would move a cursor, and without times. */
static void test_malformed(void **state)
{
	struct secret_key *key = key_of(1);
	char *keys = keys_file(1, 2), *changed = token_of(1, "at+jwt", -10, 60), said[512], *timeless, *sly;
	json_t *none = json_object();
	const char *sly_header = "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"\\u001b[2J\"}";

	(void)state;
	changed[strlen(changed) - 3] ^= 1;
	assert_int_equal(jwt_sign(key, "at+jwt", none, &timeless), 0);
	assert_int_equal(jws_sign(key, sly_header, strlen(sly_header), "{}", 2, &sly), 0);
	assert_int_equal(verify(keys, (char *)"a.b.c", said), EX_NOPERM);
	assert_string_equal(said, "deputy: the token: not a token of ours\n");
	assert_int_equal(verify(keys, changed, said), EX_NOPERM);
	assert_string_equal(said, "deputy: the token: the signature is wrong\n");
	assert_int_equal(verify(keys, timeless, said), EX_NOPERM);
	assert_string_equal(said, "deputy: the token: not a token of ours\n");
	assert_int_equal(verify(keys, sly, said), EX_NOPERM);
	assert_string_equal(said, "deputy: the token: its type is \"\\x1b[2J\"" KNOWN);
	unlink(keys);
	free(keys);
	free(changed);
	free(timeless);
	free(sly);
	json_decref(none);
	key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_malformed),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
