/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of security tokens (sk-*), checked by ssh-keygen(1) too. */
#include "signing.h"

#include <sodium.h>

#define MESSAGE "touched\n"
#define UP	0x01
#define UV	0x04

static int check(const uint8_t *raw, size_t size, const char *message, struct sshsig_facts *facts)
{
	struct sshsig sig;
	int err = sshsig_decode(raw, size, &sig);

	if (err)
		return err;
	err = sshsig_verify(&sig, NAMESPACE, message, strlen(message), facts);
	sshsig_free(&sig);
	return err;
}

/* The exit status of `ssh-keygen -Y verify` with the key allowed to us. */
static int keygen_verify(const char *dir, const struct soft_token *t, const uint8_t *raw, size_t size)
{
	uint8_t blob[256];
	char b64[4096], line[4352];
	size_t n = token_blob(t, blob, sizeof(blob));
	struct sshkey *key;

	assert_int_equal(sshkey_parse(blob, n, &key), 0);
	sodium_bin2base64(b64, sizeof(b64), blob, n, sodium_base64_VARIANT_ORIGINAL);
	snprintf(line, sizeof(line), "alice %s %s\n", sshkey_type(key), b64);
	spill(dir, "allowed", line, strlen(line));
	sshkey_free(key);
	sodium_bin2base64(b64, sizeof(b64), raw, size, sodium_base64_VARIANT_ORIGINAL);
	snprintf(line, sizeof(line), "-----BEGIN SSH SIGNATURE-----\n%s\n-----END SSH SIGNATURE-----\n", b64);
	spill(dir, "token.sig", line, strlen(line));
	spill(dir, "token.message", MESSAGE, strlen(MESSAGE));
	return shell(dir,
		     "ssh-keygen -Y verify -f allowed -I alice -n " NAMESPACE " -s token.sig <token.message");
}

static void touched(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct soft_token *t = token_make(i, "ssh:");
		uint8_t raw[1024] = {0};
		struct sshsig_facts facts;
		size_t size = token_sshsig(t, MESSAGE, UP, 4711, raw, sizeof(raw));

		assert_int_equal(check(raw, size, MESSAGE, &facts), 0);
		assert_int_equal(keygen_verify(*state, t, raw, size), 0);
		assert_string_equal(facts.assurance, "ssh-sk");
		assert_int_equal(facts.counter, 4711);
		assert_false(facts.verified);
		assert_int_equal(check(raw, size, MESSAGE "x", &facts), -EKEYREJECTED);
		for (size_t n = 0; n < size; n++)
			assert_int_equal(check(raw, n, MESSAGE, &facts), -EBADMSG);
		assert_int_equal(check(raw, size + 1, MESSAGE, &facts), -EBADMSG);
		for (size_t bit = 0; bit < size * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (check(raw, size, MESSAGE, &facts) == 0)
				fail_msg("bit %zu", bit);
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		size = token_sshsig(t, MESSAGE, UP | UV, UINT32_MAX, raw, sizeof(raw));
		assert_int_equal(check(raw, size, MESSAGE, &facts), 0);
		assert_true(facts.verified);
		assert_int_equal(facts.counter, UINT32_MAX);
		token_free(t);
	}
}

static void untouched(void **state)
{
	static const uint8_t flags[] = {0, UV, 0x80, 0xfe};

	for (int i = 0; i < 2; i++) {
		struct soft_token *t = token_make(i, "ssh:");
		uint8_t raw[1024];
		struct sshsig_facts facts;

		for (size_t k = 0; k < sizeof(flags); k++) {
			size_t size = token_sshsig(t, MESSAGE, flags[k], 1, raw, sizeof(raw));

			assert_int_equal(check(raw, size, MESSAGE, &facts), -EPERM);
			/* which asks for no touch: nothing but that is wrong */
			assert_int_equal(keygen_verify(*state, t, raw, size), 0);
		}
		token_free(t);
	}
}

static void application(void **state)
{
	static const struct {
		const char *application;
		int err;
	} cases[] = {{"ssh:", 0},	{"ssh:laptop", 0}, {"ssh", -EINVAL}, {"https://ssh:", -EINVAL},
		     {"SSH:", -EINVAL}, {"", -EINVAL}};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct soft_token *t = token_make(i % 2, cases[i / 2].application);
		uint8_t raw[1024];
		struct sshsig_facts facts;
		size_t size = token_sshsig(t, MESSAGE, UP, 1, raw, sizeof(raw));

		assert_int_equal(check(raw, size, MESSAGE, &facts), cases[i / 2].err);
		token_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(touched),
		cmocka_unit_test(untouched),
		cmocka_unit_test(application),
	};

	return cmocka_run_group_tests_name("proof/token_key", tests, signing_setup, signing_teardown);
}
