/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forge.h"
#include "proof/dpop.h"

#define NOW 1700000000
#define URI "https://deputy.invalid/v1/token"

static const char good[] = "\"jti\":\"a\",\"htm\":\"POST\",\"htu\":\"" URI "\",\"iat\":1700000000";

static char *jwk_text(const char *alg)
{
	json_t *jwk = forge_jwk(forge_key(alg));
	char *text = json_dumps(jwk, JSON_COMPACT);

	json_decref(jwk);
	return text;
}

/* A proof with these members in place of the right ones; NULL: the right ones. */
static char *forge(const char *alg, const char *header, const char *claims)
{
	char *jwk = jwk_text(alg), h[4096], p[16384];
	char *text;

	snprintf(h, sizeof(h), "{\"alg\":\"%s\",%s%s}", alg,
		 header ?: "\"typ\":\"dpop+jwt\",\"jwk\":", header ? "" : jwk);
	snprintf(p, sizeof(p), "{%s}", claims ?: good);
	text = forge_jws(forge_key(alg), alg, h, p);
	free(jwk);
	return text;
}

static int check_as(const struct dpop_request *r, const char *alg, const char *header, const char *claims,
		    struct dpop_proof *proof)
{
	char *text = forge(alg, header, claims);
	struct why why = {""};
	int err = dpop_verify(text, strlen(text), r, proof, &why);

	free(text);
	return err;
}

static int check(const char *alg, const char *header, const char *claims)
{
	static const struct dpop_request r = {"POST", URI, NULL, NOW};
	struct dpop_proof proof;

	return check_as(&r, alg, header, claims, &proof);
}

/* RFC 9449 figures 2 and 13, and the thumbprint and hash of sections 6.1 and 7.1. */
static void rfc(void **state)
{
	static const char at_token[] =
		"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUk"
		"RZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
		"QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc"
		"2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMU"
		"vwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
	static const char at_resource[] =
		"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUk"
		"RZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE"
		"QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZ"
		"XNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0R"
		"aNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8"
		"y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
	const struct dpop_request token = {"POST", "https://server.example.com/token", NULL, 1562262620};
	const struct dpop_request resource = {"GET", "https://resource.example.org/protectedresource?x=1",
					      "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", 1562262620};
	struct dpop_proof a, b;
	struct why why;

	(void)state;
	assert_int_equal(dpop_verify(at_token, strlen(at_token), &token, &a, &why), 0);
	assert_string_equal(a.jkt, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
	assert_int_equal(a.until, 1562262616 + DPOP_PAST);
	assert_string_equal(a.nonce, "");
	assert_int_equal(dpop_verify(at_resource, strlen(at_resource), &resource, &b, &why), 0);
	assert_string_equal(b.jkt, a.jkt);
	assert_memory_not_equal(b.id, a.id, sizeof(a.id));
	assert_int_equal(dpop_verify(at_resource, strlen(at_resource), &token, &b, &why), -EACCES);
}

static void every_alg(void **state)
{
	static const char *const algs[] = {"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"};

	(void)state;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		assert_int_equal(check(algs[i], NULL, NULL), 0);
}

/* The key decides, so one that another signed with is refused, whatever it says. */
static void keys(void **state)
{
	char *jwk = jwk_text("ES384"), header[2048];
	static const struct {
		const char *header;
		int err;
	} cases[] = {
		{"\"typ\":\"dpop+jwt\"", -EBADMSG},
		{"\"typ\":\"dpop+jwt\",\"jwk\":1", -EBADMSG},
		{"\"typ\":\"dpop+jwt\",\"jwk\":{}", -EBADMSG},
		{"\"typ\":\"dpop+jwt\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}", -EBADMSG},
		{"\"typ\":\"dpop+jwt\",\"jwk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}",
		 -ENOTSUP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (check("EdDSA", cases[i].header, NULL) != cases[i].err)
			fail_msg("%s: %d", cases[i].header, check("EdDSA", cases[i].header, NULL));
	snprintf(header, sizeof(header), "\"typ\":\"dpop+jwt\",\"jwk\":%s", jwk);
	assert_int_equal(check("ES256", header, NULL), -EKEYREJECTED);
	assert_int_equal(check("ES384", header, NULL), 0);
	free(jwk);
}

static void private_key(void **state)
{
	json_t *jwk = forge_jwk(forge_key("EdDSA"));
	char header[2048], *text;

	(void)state;
	json_object_set_new(jwk, "d", json_string("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
	text = json_dumps(jwk, JSON_COMPACT);
	snprintf(header, sizeof(header), "\"typ\":\"dpop+jwt\",\"jwk\":%s", text);
	assert_int_equal(check("EdDSA", header, NULL), -EBADMSG);
	free(text);
	json_decref(jwk);
}

static void types(void **state)
{
	char *jwk = jwk_text("EdDSA"), header[2048];
	static const struct {
		const char *typ;
		int err;
	} cases[] = {
		{"\"typ\":\"dpop+jwt\",", 0},
		{"\"typ\":\"application/DPoP+jwt\",", 0},
		{"\"typ\":\"JWT\",", -EBADMSG},
		{"", -EBADMSG},
		{"\"typ\":\"dpop+jwt\",\"crit\":[\"x\"],", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(header, sizeof(header), "%s\"jwk\":%s", cases[i].typ, jwk);
		assert_int_equal(check("EdDSA", header, NULL), cases[i].err);
	}
	free(jwk);
}

#define BUT_HTU(htu) "\"jti\":\"a\",\"htm\":\"POST\",\"iat\":1700000000,\"htu\":\"" htu "\""
#define BUT_IAT(iat) "\"jti\":\"a\",\"htm\":\"POST\",\"htu\":\"" URI "\",\"iat\":" iat
#define BUT_JTI(jti) "\"htm\":\"POST\",\"iat\":1700000000,\"htu\":\"" URI "\"" jti

static void claims(void **state)
{
	static const struct {
		const char *claims;
		int err;
	} cases[] = {
		{BUT_HTU("HTTPS://Deputy.INVALID/v1/token"), 0},
		{BUT_HTU("https://deputy.invalid:443/v1/token?a=b#c"), 0},
		{BUT_HTU("https://deputy.invalid:/v1/token"), 0},
		{BUT_HTU("https://deputy.invalid:8443/v1/token"), -EACCES},
		{BUT_HTU("http://deputy.invalid/v1/token"), -EACCES},
		{BUT_HTU("http://deputy.invalid:443/v1/token"), -EACCES},
		{BUT_HTU("https://deputy.invalid/v1/token/"), -EACCES},
		{BUT_HTU("https://deputy.invalid/v1/Token"), -EACCES},
		{BUT_HTU("https://deputy.invalid"), -EACCES},
		{BUT_HTU("https://deputy.invalid.example/v1/token"), -EACCES},
		{BUT_HTU("https://x@deputy.invalid/v1/token"), -EACCES},
		{BUT_HTU("/v1/token"), -EACCES},
		{BUT_HTU("://"), -EACCES},
		{BUT_HTU(""), -EBADMSG},
		{"\"jti\":\"a\",\"htm\":\"post\",\"htu\":\"" URI "\",\"iat\":1700000000", -EACCES},
		{"\"jti\":\"a\",\"htm\":1,\"htu\":\"" URI "\",\"iat\":1700000000", -EBADMSG},
		{"\"jti\":\"a\",\"htu\":\"" URI "\",\"iat\":1700000000", -EBADMSG},
		{"\"jti\":\"a\",\"htm\":\"POST\",\"iat\":1700000000", -EBADMSG},
		{BUT_IAT("1699999941"), 0},
		{BUT_IAT("1699999940"), -EKEYEXPIRED},
		{BUT_IAT("1700000005"), 0},
		{BUT_IAT("1700000006"), -EAGAIN},
		{BUT_IAT("1700000000.75"), 0},
		{BUT_IAT("-1"), -EBADMSG},
		{BUT_IAT("1e300"), -EBADMSG},
		{BUT_IAT("\"1700000000\""), -EBADMSG},
		{BUT_IAT("1700000000,\"exp\":1700000001"), 0},
		{BUT_IAT("1700000000,\"exp\":1700000000"), -EKEYEXPIRED},
		{BUT_IAT("1700000000,\"exp\":\"x\""), -EBADMSG},
		{BUT_IAT("1700000000,\"nbf\":1700000006"), -EAGAIN},
		{BUT_JTI(""), -EBADMSG},
		{BUT_JTI(",\"jti\":\"\""), -EBADMSG},
		{BUT_JTI(",\"jti\":7"), -EBADMSG},
		{BUT_JTI(",\"jti\":\"a\",\"jti\":\"b\""), -EBADMSG},
		{BUT_JTI(",\"jti\":\"a\",\"nonce\":\"n\""), 0},
		{BUT_JTI(",\"jti\":\"a\",\"nonce\":\"\""), -EBADMSG},
		{BUT_JTI(",\"jti\":\"a\",\"nonce\":1"), -EBADMSG},
		{BUT_JTI(",\"jti\":\"a\\u0000b\""), -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (check("EdDSA", NULL, cases[i].claims) != cases[i].err)
			fail_msg("%s: %d", cases[i].claims, check("EdDSA", NULL, cases[i].claims));
}

static void long_texts(void **state)
{
	static const char *const names[] = {"jti", "nonce"};
	char text[300], claims_text[1024];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 2; i++)
		for (int n = 255; n <= 256; n++) {
			snprintf(claims_text, sizeof(claims_text), BUT_JTI("%s,\"%s\":\"%.*s\""),
				 i ? ",\"jti\":\"a\"" : "", names[i], n, text);
			assert_int_equal(check("EdDSA", NULL, claims_text), n > 255 ? -EBADMSG : 0);
		}
}

/* The proof's name: of key and jti, and of nothing else. */
static void names(void **state)
{
	const struct dpop_request r = {"POST", URI, NULL, NOW};
	struct dpop_proof a, again, other_jti, other_key;

	(void)state;
	assert_int_equal(check_as(&r, "ES256", NULL, BUT_IAT("1700000000"), &a), 0);
	assert_int_equal(check_as(&r, "ES256", NULL, BUT_IAT("1700000001"), &again), 0);
	assert_int_equal(check_as(&r, "ES256", NULL, BUT_JTI(",\"jti\":\"b\",\"nonce\":\"n\""), &other_jti),
			 0);
	assert_int_equal(check_as(&r, "EdDSA", NULL, BUT_IAT("1700000000"), &other_key), 0);
	assert_memory_equal(a.id, again.id, sizeof(a.id));
	assert_memory_not_equal(a.id, other_jti.id, sizeof(a.id));
	assert_memory_not_equal(a.id, other_key.id, sizeof(a.id));
	assert_string_equal(other_jti.nonce, "n");
}

static void with_token(void **state)
{
	const struct dpop_request r = {"POST", URI, "token", NOW};
	struct dpop_proof p;

	(void)state;
	/* SHA-256 of "token" */
	assert_int_equal(
		check_as(&r, "EdDSA", NULL,
			 BUT_JTI(",\"jti\":\"a\",\"ath\":\"PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A\""),
			 &p),
		0);
	assert_int_equal(
		check_as(&r, "EdDSA", NULL,
			 BUT_JTI(",\"jti\":\"a\",\"ath\":\"PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-B\""),
			 &p),
		-EACCES);
	assert_int_equal(check_as(&r, "EdDSA", NULL, good, &p), -EBADMSG);
}

/* Every change of one character, every text cut short; and at the limit of size and past it. */
static void changes(void **state)
{
	const struct dpop_request r = {"POST", URI, NULL, NOW};
	char *text = forge("ES256", NULL, NULL), *big = malloc(DPOP_TEXT_MAX + 2);
	size_t len = strlen(text);
	struct dpop_proof p;

	(void)state;
	assert_int_equal(dpop_verify(text, len, &r, &p, NULL), 0);
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		assert_int_not_equal(dpop_verify(text, i, &r, &p, NULL), 0);
		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(dpop_verify(text, len, &r, &p, NULL), 0);
		text[i] = was;
	}
	memset(big, 'A', DPOP_TEXT_MAX + 1);
	assert_int_equal(dpop_verify(big, DPOP_TEXT_MAX, &r, &p, NULL), -EBADMSG);
	assert_int_equal(dpop_verify(big, DPOP_TEXT_MAX + 1, &r, &p, NULL), -EMSGSIZE);
	free(big);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc),	       cmocka_unit_test(every_alg), cmocka_unit_test(keys),
		cmocka_unit_test(private_key), cmocka_unit_test(types),	    cmocka_unit_test(claims),
		cmocka_unit_test(long_texts),  cmocka_unit_test(names),	    cmocka_unit_test(with_token),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests(tests, NULL, forge_teardown);
}
