/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "proof/jws_verify.h"
#include "token/base64url.h"

static const char *const algs[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
				   "PS512", "ES256", "ES384", "ES512", "EdDSA"};
#define ALGS (sizeof(algs) / sizeof(algs[0]))

static const char payload[] = "{\"sub\":\"alice\"}";

static int check_len(const char *text, size_t len, EVP_PKEY *key, const char *key_alg, struct why *why)
{
	char *set_text = forge_set(key, NULL, key_alg);
	struct jws_open jws;
	struct jwk_set set;
	int err = jwk_set_parse(set_text, strlen(set_text), &set, why);

	free(set_text);
	assert_int_equal(err, 0);
	err = jws_open(text, len, false, &jws, why);
	if (!err) {
		err = jws_verify(&jws, &set.keys[0], why);
		jws_open_free(&jws);
	}
	jwk_set_free(&set);
	return err;
}

static int check(const char *text, EVP_PKEY *key, const char *key_alg)
{
	return check_len(text, strlen(text), key, key_alg, NULL);
}

static char *sign(const char *alg)
{
	char header[64];

	snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", alg);
	return forge_jws(forge_key(alg), alg, header, payload);
}

static void every_alg(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALGS; i++) {
		char *text = sign(algs[i]);

		assert_int_equal(check(text, forge_key(algs[i]), NULL), 0);
		assert_int_equal(check(text, forge_key(algs[i]), algs[i]), 0);
		free(text);
	}
}

/* Each algorithm's text with each algorithm's key, pinned to it or not: only its own key verifies. */
static void no_confusion(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALGS; i++) {
		char *text = sign(algs[i]);

		for (size_t k = 0; k < ALGS; k++) {
			EVP_PKEY *key = forge_key(algs[k]);
			int free_key = key == forge_key(algs[i]) ? 0 : -EKEYREJECTED;

			assert_int_equal(check(text, key, algs[k]), i == k ? 0 : -EKEYREJECTED);
			assert_int_equal(check(text, key, NULL), free_key);
		}
		free(text);
	}
}

/* A header that says another algorithm than the one that signed, all within one key. */
static void wrong_digest(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < 6; k++) {
			char header[64], *text;

			snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", algs[k]);
			text = forge_jws(forge_key("RS256"), algs[i], header, payload);
			assert_int_equal(check(text, forge_key("RS256"), NULL), i == k ? 0 : -EKEYREJECTED);
			free(text);
		}
}

static void another_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALGS; i++) {
		EVP_PKEY *other = forge_new_key(algs[i], 0);
		char *text = sign(algs[i]);

		assert_int_equal(check(text, other, NULL), -EKEYREJECTED);
		free(text);
		EVP_PKEY_free(other);
	}
}

/* RS256's public key, in whichever form, as HS256's secret: the classic. */
static void public_key_as_secret(void **state)
{
	EVP_PKEY *key = forge_key("RS256");
	char *secret = forge_set(key, NULL, NULL), *text;
	unsigned char mac[32], *der = NULL;
	char *unsigned_text = forge_join("{\"alg\":\"HS256\"}", payload, mac, 0);
	size_t len = strlen(unsigned_text) - 1; /* without the second dot */
	int der_len = i2d_PUBKEY(key, &der);
	const struct {
		const void *bytes;
		int size;
	} secrets[] = {{secret, (int)strlen(secret)}, {der, der_len}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		HMAC(EVP_sha256(), secrets[i].bytes, secrets[i].size, (unsigned char *)unsigned_text, len,
		     mac, NULL);
		text = forge_join("{\"alg\":\"HS256\"}", payload, mac, sizeof(mac));
		assert_int_equal(check(text, key, NULL), -ENOTSUP);
		free(text);
	}
	OPENSSL_free(der);
	free(secret);
	free(unsigned_text);
}

static void no_alg(void **state)
{
	static const struct {
		const char *header;
		int err;
	} cases[] = {
		{"{\"alg\":\"none\"}", -ENOTSUP},
		{"{\"alg\":\"None\"}", -ENOTSUP},
		{"{\"alg\":\"NONE\"}", -ENOTSUP},
		{"{\"alg\":\"\"}", -EBADMSG},
		{"{\"alg\":null}", -EBADMSG},
		{"{\"alg\":[\"RS256\"]}", -EBADMSG},
		{"{}", -ENOTSUP},
		{"{\"alg\":\"rs256\"}", -ENOTSUP},
		{"{\"alg\":\"RS256 \"}", -ENOTSUP},
		{"{\"alg\":\"RS256\\u0000\"}", -EBADMSG},
		{"{\"alg\":\"ES256K\"}", -ENOTSUP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *bare = forge_join(cases[i].header, payload, NULL, 0);
		char *text = forge_jws(forge_key("RS256"), "RS256", cases[i].header, payload);

		assert_int_equal(check(bare, forge_key("RS256"), NULL), cases[i].err);
		assert_int_equal(check(text, forge_key("RS256"), NULL), cases[i].err);
		free(bare);
		free(text);
	}
}

/* Each with a good signature, so that only the header is wrong. */
static void headers(void **state)
{
	static const struct {
		const char *more;
		int err;
	} cases[] = {
		{"", 0},
		{",\"typ\":\"JWT\",\"kid\":\"a\",\"x5t\":\"ignored\",\"unknown\":{}", 0},
		{",\"crit\":[\"exp\"],\"exp\":1", -EBADMSG},
		{",\"crit\":[]", -EBADMSG},
		{",\"b64\":false", -EBADMSG},
		{",\"b64\":true", -EBADMSG},
		{",\"jku\":\"https://evil.example\"", -EBADMSG},
		{",\"x5u\":\"https://evil.example\"", -EBADMSG},
		{",\"x5c\":[]", -EBADMSG},
		{",\"jwk\":{}", -EBADMSG},
		{",\"zip\":\"DEF\"", -EBADMSG},
		{",\"cty\":\"JWT\"", -EBADMSG},
		{",\"enc\":\"A128GCM\"", -EBADMSG},
		{",\"kid\":1", -EBADMSG},
		{",\"kid\":\"\"", -EBADMSG},
		{",\"typ\":1", -EBADMSG},
		{",\"alg\":\"RS256\"", -EBADMSG},
		{",\"typ\":\"JWT\",\"typ\":\"JWT\"", -EBADMSG},
		{"}{", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char header[256], *text;

		snprintf(header, sizeof(header), "{\"alg\":\"RS256\"%s}", cases[i].more);
		text = forge_jws(forge_key("RS256"), "RS256", header, payload);
		if (check(text, forge_key("RS256"), NULL) != cases[i].err)
			fail_msg("%s", header);
		free(text);
	}
}

static void types(void **state)
{
	(void)state;
	assert_true(jws_typ_is("JWT", "JWT"));
	assert_true(jws_typ_is("jwt", "JWT"));
	assert_true(jws_typ_is("application/jwt", "JWT"));
	assert_true(jws_typ_is("Application/dpop+JWT", "dpop+jwt"));
	assert_false(jws_typ_is("at+jwt", "JWT"));
	assert_false(jws_typ_is("JWT ", "JWT"));
	assert_false(jws_typ_is("application/", "JWT"));
	assert_false(jws_typ_is("application/application/jwt", "JWT"));
}

/* Every change of one character, and every text cut short. */
static void changes(void **state)
{
	static const char *const some[] = {"ES256", "EdDSA"};

	(void)state;
	for (size_t a = 0; a < 2; a++) {
		char *text = sign(some[a]);
		size_t len = strlen(text), n = 0;

		for (size_t i = 0; i < len; i++) {
			char was = text[i];

			assert_int_not_equal(check_len(text, i, forge_key(some[a]), NULL, NULL), 0);
			for (const char *c = "Ab3-_.= \x80"; *c; c++) {
				if (*c == was)
					continue;
				text[i] = *c;
				if (!check(text, forge_key(some[a]), NULL))
					fail_msg("%s: character %zu", some[a], i);
				n++;
			}
			text[i] = was;
		}
		print_message("# %s: %zu changed texts refused\n", some[a], n);
		assert_int_equal(check(text, forge_key(some[a]), NULL), 0);
		free(text);
	}
}

static void forms(void **state)
{
	char *text = sign("EdDSA"), more[256];
	static const char *const bad[] = {"", ".", "..", "...", "a.b", "e30.e30.", "e30..", "{}.{}.AA"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(check(bad[i], forge_key("EdDSA"), NULL), 0);
	for (const char *const *tail = (const char *const[]){".", "=", "==", " ", "\n", ".AA", NULL}; *tail;
	     tail++) {
		snprintf(more, sizeof(more), "%s%s", text, *tail);
		assert_int_equal(check(more, forge_key("EdDSA"), NULL), -EBADMSG);
	}
	snprintf(more, sizeof(more), " %s", text);
	assert_int_equal(check(more, forge_key("EdDSA"), NULL), -EBADMSG);
	free(text);
}

static int check_signature(const char *alg, const unsigned char *sig, size_t len)
{
	char header[64], *text;
	int err;

	snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", alg);
	text = forge_join(header, payload, sig, len);
	err = check(text, forge_key(alg), NULL);
	free(text);
	return err;
}

static size_t signature_of(const char *alg, unsigned char *sig)
{
	char header[64], *text;
	size_t size;

	snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", alg);
	text = forge_join(header, payload, NULL, 0);
	size = forge_sign(forge_key(alg), alg, text, strlen(text) - 1, sig);
	free(text);
	return size;
}

/* A length that is not the one: one byte less or more, at either end. */
static void lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALGS; i++) {
		unsigned char sig[1025] = {0};
		size_t size = signature_of(algs[i], sig + 1);

		assert_int_equal(check_signature(algs[i], sig + 1, size), 0);
		assert_int_equal(check_signature(algs[i], sig, size + 1), -EKEYREJECTED);
		assert_int_equal(check_signature(algs[i], sig + 1, size - 1), -EKEYREJECTED);
		assert_int_equal(check_signature(algs[i], sig + 2, size - 1), -EKEYREJECTED);
		assert_int_equal(check_signature(algs[i], sig, 0), -EKEYREJECTED);
		sig[size + 1] = 0;
		assert_int_equal(check_signature(algs[i], sig + 1, size + 1), -EKEYREJECTED);
	}
}

static void ecdsa_der(void **state)
{
	unsigned char sig[1024], der[256], *p = der;
	size_t n = signature_of("ES256", sig) / 2;
	ECDSA_SIG *s = ECDSA_SIG_new();
	int len;

	(void)state;
	ECDSA_SIG_set0(s, BN_bin2bn(sig, (int)n, NULL), BN_bin2bn(sig + n, (int)n, NULL));
	len = i2d_ECDSA_SIG(s, &p);
	assert_true(len > 64);
	assert_int_equal(check_signature("ES256", der, (size_t)len), -EKEYREJECTED);
	ECDSA_SIG_free(s);
}

/* CVE-2022-21449 and its kin: r and s of 0, n and 2^256-1 in every pairing, and beside one good value. */
static void ecdsa_values(void **state)
{
	static const unsigned char order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
						0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
						0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
						0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
	unsigned char good[1024], values[5][32] = {{0}, {0}};
	size_t n = signature_of("ES256", good);

	(void)state;
	assert_int_equal(n, 64);
	memcpy(values[1], order, 32);
	memset(values[2], 0xff, 32);
	memcpy(values[3], good, 32);
	memcpy(values[4], good + 32, 32);
	for (size_t r = 0; r < 5; r++)
		for (size_t s = 0; s < 5; s++) {
			unsigned char sig[64];

			memcpy(sig, values[r], 32);
			memcpy(sig + 32, values[s], 32);
			assert_int_equal(check_signature("ES256", sig, 64),
					 r == 3 && s == 4 ? 0 : -EKEYREJECTED);
		}
}

static void sizes(void **state)
{
	char *big = malloc(JWS_TEXT_MAX + 2), *text;
	size_t room = (JWS_TEXT_MAX - 20 - 86 - 2) / 4 * 3;
	struct why why;

	(void)state;
	memset(big, 'x', room);
	big[room] = '\0';
	text = forge_jws(forge_key("EdDSA"), "EdDSA", "{\"alg\":\"EdDSA\"}", big);
	assert_true(strlen(text) <= JWS_TEXT_MAX);
	assert_int_equal(check(text, forge_key("EdDSA"), NULL), 0);
	free(text);
	memset(big, 'A', JWS_TEXT_MAX + 1);
	assert_int_equal(check_len(big, JWS_TEXT_MAX, forge_key("EdDSA"), NULL, NULL), -EBADMSG);
	assert_int_equal(check_len(big, JWS_TEXT_MAX + 1, forge_key("EdDSA"), NULL, &why), -EMSGSIZE);
	assert_string_equal(why.text, "longer than 65536 bytes");
	free(big);
}

static void header_size(void **state)
{
	(void)state;
	for (int len = JWS_HEADER_MAX; len <= (int)JWS_HEADER_MAX + 2; len += 2) {
		char *header = malloc((size_t)len + 1), *text;
		/* all of it white space but what is needed */
		int n = snprintf(header, (size_t)len + 1, "{\"alg\":\"EdDSA\"%*s", len - 14, "}");

		assert_int_equal(n, len);
		text = forge_jws(forge_key("EdDSA"), "EdDSA", header, payload);
		assert_int_equal(check(text, forge_key("EdDSA"), NULL),
				 len > (int)JWS_HEADER_MAX ? -EMSGSIZE : 0);
		free(header);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_alg),
		cmocka_unit_test(no_confusion),
		cmocka_unit_test(wrong_digest),
		cmocka_unit_test(another_key),
		cmocka_unit_test(public_key_as_secret),
		cmocka_unit_test(no_alg),
		cmocka_unit_test(headers),
		cmocka_unit_test(types),
		cmocka_unit_test(changes),
		cmocka_unit_test(forms),
		cmocka_unit_test(lengths),
		cmocka_unit_test(ecdsa_der),
		cmocka_unit_test(ecdsa_values),
		cmocka_unit_test(sizes),
		cmocka_unit_test(header_size),
	};

	return cmocka_run_group_tests(tests, NULL, forge_teardown);
}
