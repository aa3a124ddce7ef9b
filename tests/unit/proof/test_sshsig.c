/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that ssh-keygen(1) made, whole and damaged. */
#include "signing.h"

#include "proof/base64.h"

#define MESSAGE "what the owner signs\n"

static int check(const char *text, size_t len, const char *name_space, const char *message,
		 struct sshsig_facts *facts)
{
	struct sshsig sig;
	int err = sshsig_decode_text(text, len, &sig);

	if (err)
		return err;
	err = sshsig_verify(&sig, name_space, message, strlen(message), facts);
	sshsig_free(&sig);
	return err;
}

/* The signature's bytes, by the armour's rules and no code of ours but base64's. */
static size_t raw_of(const char *text, uint8_t *raw, size_t room)
{
	const char *from = strchr(text, '\n') + 1, *end = strstr(text, "-----END");
	size_t size;

	assert_int_equal(base64_decode(from, (size_t)(end - from), "\n", raw, room, &size), 0);
	return size;
}

static int check_raw(const uint8_t *raw, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1); /* of exactly this size: a read past its end is seen */
	struct sshsig_facts facts;
	struct sshsig sig;
	int err;

	memcpy(copy, raw, size);
	err = sshsig_decode(copy, size, &sig);
	free(copy);
	if (err)
		return err;
	err = sshsig_verify(&sig, NAMESPACE, MESSAGE, strlen(MESSAGE), &facts);
	sshsig_free(&sig);
	return err;
}

static void good(void **state)
{
	static const char *const hashes[] = {"sha256", "sha512"};

	for (size_t i = 0; i < made_key_count * 2; i++) {
		const char *name = made_keys[i / 2].name, *hash = hashes[i % 2];
		struct sshkey *key = load_key(*state, name);
		struct sshsig_facts facts;
		size_t len;
		char *text = keygen_sign(*state, name, hash, MESSAGE, &len);

		assert_int_equal(check(text, len, NAMESPACE, MESSAGE, &facts), 0);
		assert_string_equal(facts.fingerprint, sshkey_fingerprint(key));
		assert_string_equal(facts.key_type, sshkey_type(key));
		assert_string_equal(facts.assurance, "ssh");
		assert_int_equal(facts.counter, 0);
		assert_false(facts.verified);
		assert_int_equal(
			shell(*state, "ssh-keygen -lf %s.pub | grep -qF '%s'", name, facts.fingerprint), 0);
		assert_int_equal(check(text, len, "file", MESSAGE, &facts), -ENOTUNIQ);
		assert_int_equal(check(text, len, NAMESPACE "x", MESSAGE, &facts), -ENOTUNIQ);
		assert_int_equal(check(text, len, NAMESPACE, MESSAGE "x", &facts), -EKEYREJECTED);
		sshkey_free(key);
		free(text);
	}
}

/* One made for another namespace cannot be passed for one of ours by renaming it. */
static void renamed(void **state)
{
	uint8_t raw[SSHSIG_MAX], *at;
	size_t len, size;
	char *text;

	assert_int_equal(shell(*state, "printf 'what the owner signs\\n' >m && rm -f m.sig && "
				       "ssh-keygen -Y sign -n grant@reputy -f ed25519 m"),
			 0);
	text = slurp(*state, "m.sig", &len);
	size = raw_of(text, raw, sizeof(raw));
	at = memmem(raw, size, "grant@reputy", 12);
	assert_non_null(at);
	memcpy(at, NAMESPACE, 12);
	assert_int_equal(check_raw(raw, size), -EKEYREJECTED);
	free(text);
}

static void written_as_openssh_does(void **state)
{
	for (size_t i = 0; i < made_key_count; i++) {
		struct sshsig sig;
		size_t len;
		char *text = keygen_sign(*state, made_keys[i].name, "sha512", MESSAGE, &len), *again;

		assert_int_equal(sshsig_decode_text(text, len, &sig), 0);
		assert_int_equal(sshsig_encode_text(sig.key, NAMESPACE, sig.hash, sig.signature, &again), 0);
		assert_string_equal(again, text);
		sshsig_free(&sig);
		free(again);
		free(text);
	}
}

static void damaged(void **state)
{
	for (size_t i = 0; i < made_key_count; i++) {
		uint8_t raw[SSHSIG_MAX] = {0};
		size_t len, size;
		char *text = keygen_sign(*state, made_keys[i].name, "sha512", MESSAGE, &len);

		size = raw_of(text, raw, sizeof(raw));
		free(text);
		assert_int_equal(check_raw(raw, size), 0);
		for (size_t n = 0; n < size; n++)
			assert_int_equal(check_raw(raw, n), -EBADMSG);
		assert_int_equal(check_raw(raw, size + 1), -EBADMSG);
		for (size_t bit = 0; bit < size * 8; bit++) {
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (check_raw(raw, size) == 0)
				fail_msg("%s: bit %zu of %zu", made_keys[i].name, bit, size * 8);
			raw[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

/* Every field as it is but one. */
static void fields(void **state)
{
	static const struct {
		const char *magic, *name_space, *reserved, *hash, *after;
		uint32_t version;
		int err;
	} cases[] = {
		{"SSHSIG", NAMESPACE, "", "sha512", "", 1, 0},
		{"SSHSIH", NAMESPACE, "", "sha512", "", 1, -EBADMSG},
		{"SSHSIG", NAMESPACE, "", "sha512", "", 0, -EBADMSG},
		{"SSHSIG", NAMESPACE, "", "sha512", "", 2, -EBADMSG},
		{"SSHSIG", "", "", "sha512", "", 1, -EBADMSG},
		{"SSHSIG", "file", "", "sha512", "", 1, -ENOTUNIQ},
		{"SSHSIG", NAMESPACE, "x", "sha512", "", 1, -EBADMSG},
		{"SSHSIG", NAMESPACE, "", "sha256", "", 1, -EKEYREJECTED},
		{"SSHSIG", NAMESPACE, "", "sha1", "", 1, -EBADMSG},
		{"SSHSIG", NAMESPACE, "", "", "", 1, -EBADMSG},
		{"SSHSIG", NAMESPACE, "", "sha512", "x", 1, -EBADMSG},
	};
	size_t len;
	char *text = keygen_sign(*state, "ed25519", "sha512", MESSAGE, &len);
	struct sshsig sig;

	assert_int_equal(sshsig_decode_text(text, len, &sig), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t raw[1024];
		struct wire_buffer to = {.bytes = raw, .room = sizeof(raw)};
		const struct octets blob = sshkey_blob(sig.key);

		wire_put_bytes(&to, cases[i].magic, 6);
		wire_put_u32(&to, cases[i].version);
		wire_put_string(&to, blob.bytes, blob.size);
		wire_put_string(&to, cases[i].name_space, strlen(cases[i].name_space));
		wire_put_string(&to, cases[i].reserved, strlen(cases[i].reserved));
		wire_put_string(&to, cases[i].hash, strlen(cases[i].hash));
		wire_put_string(&to, sig.signature.bytes, sig.signature.size);
		wire_put_bytes(&to, cases[i].after, strlen(cases[i].after));
		assert_int_equal(check_raw(raw, to.used), cases[i].err);
	}
	sshsig_free(&sig);
	free(text);
}

static void armour(void **state)
{
	static const struct {
		const char *find, *replace;
		int err;
	} cases[] = {
		{"-----BEGIN SSH SIGNATURE-----", "-----BEGIN SSH SIGNATURE-----", 0},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\r\n", 0},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----", 0},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n \r\n\t", 0},
		{"-----END SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\nx", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----", " -----BEGIN SSH SIGNATURE-----", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\n ", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\n*", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\n\xf3", -EBADMSG},
		{"-----BEGIN SSH SIGNATURE-----\n", "-----BEGIN SSH SIGNATURE-----\n=", -EBADMSG},
		{"SSH SIGNATURE", "PGP SIGNATURE", -EBADMSG},
		{"\n-----END SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", -EBADMSG},
		{"\n-----END SSH SIGNATURE-----", "", -EBADMSG},
	};
	size_t len;
	char *text = keygen_sign(*state, "ed25519", "sha512", MESSAGE, &len);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *at = strstr(text, cases[i].find), changed[2048];
		struct sshsig_facts facts;
		int n;

		assert_non_null(at);
		n = snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, cases[i].replace,
			     at + strlen(cases[i].find));
		if (check(changed, (size_t)n, NAMESPACE, MESSAGE, &facts) != cases[i].err)
			fail_msg("case %zu: %s", i, cases[i].replace);
		for (size_t k = 0; cases[i].err == 0 && k < (size_t)n - 20;
		     k++) { /* nowhere may it just end */
			if (check(changed, k, NAMESPACE, MESSAGE, &facts) != -EBADMSG)
				fail_msg("case %zu cut to %zu of %d", i, k, n);
		}
	}
	text[strlen(text) / 2] = '\0'; /* no white space */
	assert_int_equal(sshsig_decode_text(text, len, &(struct sshsig){0}), -EBADMSG);
	free(text);
}

static void lengths(void **state)
{
	char *text = calloc(1, SSHSIG_TEXT_MAX + 1);
	struct sshsig sig;

	(void)state;
	assert_int_equal(sshsig_decode_text(text, SSHSIG_TEXT_MAX, &sig), -EBADMSG);
	assert_int_equal(sshsig_decode_text(text, SSHSIG_TEXT_MAX + 1, &sig), -EMSGSIZE);
	assert_int_equal(sshsig_decode(text, SSHSIG_MAX, &sig), -EBADMSG);
	assert_int_equal(sshsig_decode(text, SSHSIG_MAX + 1, &sig), -EMSGSIZE);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(renamed),
		cmocka_unit_test(written_as_openssh_does),
		cmocka_unit_test(damaged),
		cmocka_unit_test(fields),
		cmocka_unit_test(armour),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("proof/sshsig", tests, signing_setup, signing_teardown);
}
