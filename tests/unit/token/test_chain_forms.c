/* SPDX-License-Identifier: Apache-2.0 */
/* Links that are signed by the right key and are none: forms of text, header, payload and signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "chain_make.h"
#include "token/base64url.h"
#include "token/scan.h"
#include "vectors.h"

static struct made host;
static char good[4096]; /* the payload of a root's link */

static int setup(void **state)
{
	struct link_terms t;

	(void)state;
	if (sodium_init() < 0)
		return -1;
	made_open(&host, 1);
	t = made_terms(&host, "groot");
	t.details = "[{\"rule\":\"coder.yaml:7 allow read path /x/**\",\"type\":\"deputy_rule\"}]";
	t.details_len = strlen(t.details);
	t.slot = 7, t.gen = 3;
	if (made_add(&host, &t, NULL))
		return -1;
	memcpy(good, host.parents[0].link[0].payload.at, host.parents[0].link[0].payload.len);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_close(&host);
	return 0;
}

static enum chain_why why_of(const char *text)
{
	struct chain_report report;

	if (!chain_verify(&host.ring, &text, 1, NOW, &report))
		chain_report_free(&report);
	return report.why;
}

static void check(const char *header, const char *payload, enum chain_why want)
{
	char *text = made_forge(host.root, header, payload, strlen(payload));
	enum chain_why why = why_of(text);

	free(text);
	if (why != want)
		fail_msg("%s, not %s: %s %s", chain_why_name(why), chain_why_name(want), header ? header : "",
			 payload);
}

/* ---- payloads: a piece of the good one is replaced ---- */

static void payload_edits(void **state)
{
	static const struct {
		const char *from, *to;
		enum chain_why why;
	} cases[] = {
		{"{\"assurance\"", "{\"assurance\"", CHAIN_OK},
		/* what is not known is ignored, wherever it comes, in one spelling and once */
		{"{\"assurance\"", "{\"aa\":[1,{\"x\":null}],\"assurance\"", CHAIN_OK},
		{"\"table\"", "\"sub2\":{\"a\":true,\"b\":-5},\"table\"", CHAIN_OK},
		{",\"table\"", ",\"sub2\":\"\\u0001\\n\\\"\\\\\",\"table\"", CHAIN_OK},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":0,\"uri\":\"x\"}}", CHAIN_OK},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":4294967295,\"uri\":\"x\"}}", CHAIN_OK},
		{"\"idx\":7}}", "\"idx\":7},\"status_lists\":{\"idx\":\"0\"}}", CHAIN_OK},
		{"{\"deputy_slot\":{\"gen\":3,\"idx\":7}}", "{\"status_list\":{\"idx\":1,\"uri\":\"x\"}}",
		 CHAIN_OK},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":4294967296,\"uri\":\"x\"}}",
		 CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":-1,\"uri\":\"x\"}}", CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":\"0\",\"uri\":\"x\"}}", CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":0,\"uri\":\"\"}}", CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":0}}", CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"uri\":\"x\"}}", CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":{\"idx\":0,\"uri\":\"x\",\"z\":1}}",
		 CHAIN_CLAIMS},
		{"\"idx\":7}}", "\"idx\":7},\"status_list\":null}", CHAIN_CLAIMS},
		{"\"status\":{\"deputy_slot\":{\"gen\":3,\"idx\":7}},", "", CHAIN_OK},
		{"\"exp\":1000600", "\"exp\":1000600,\"exp\":1000600", CHAIN_CLAIMS},
		{"\"exp\":1000600,\"iat\":999990", "\"iat\":999990,\"exp\":1000600", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":{\"b\":1,\"a\":1},\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":{\"a\":1,\"a\":1},\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":1.0,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":1e3,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":01,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":-0,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":-,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":999999999999999,\"table\"", CHAIN_OK},
		{"\"table\"", "\"sub2\":1000000000000000,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":nul,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":[1,],\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\\u0041\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\\u0000\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\\ud800\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\\x\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\xff\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\xc0\xaf\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":\"\n\",\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"\\u0074able\":1,\"table\"", CHAIN_CLAIMS},
		{"\"table\"", "\"sub2\":[[[[[[[[[[[[[[1]]]]]]]]]]]]]],\"table\"", CHAIN_OK},
		{"\"table\"", "\"sub2\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]],\"table\"", CHAIN_CLAIMS},
		{"{\"assurance\"", "{ \"assurance\"", CHAIN_CLAIMS},
		{"\"exp\":", "\"exp\": ", CHAIN_CLAIMS},
		{"{\"assurance\"", "\xef\xbb\xbf{\"assurance\"", CHAIN_CLAIMS},
		{"{\"assurance\"", "[\"assurance\"", CHAIN_CLAIMS},
		/* times and counts */
		{"\"exp\":1000600", "\"exp\":253402300799", CHAIN_OK},
		{"\"exp\":1000600", "\"exp\":253402300800", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":\"1000600\"", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":1000600.5", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":true", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":null", CHAIN_CLAIMS},
		{"\"exp\":1000600,", "", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":999990", CHAIN_CLAIMS},
		{"\"exp\":1000600", "\"exp\":-1", CHAIN_CLAIMS},
		{"\"nbf\":999990", "\"nbf\":-1", CHAIN_CLAIMS},
		{"\"iat\":999990", "\"iat\":[]", CHAIN_CLAIMS},
		{"\"del_max\":7", "\"del_max\":8", CHAIN_CLAIMS},
		{"\"del_depth\":0", "\"del_depth\":1", CHAIN_CLAIMS},
		{"\"del_depth\":0", "\"del_depth\":false", CHAIN_CLAIMS},
		{"\"idx\":7", "\"idx\":16383", CHAIN_OK},
		{"\"idx\":7", "\"idx\":16384", CHAIN_CLAIMS},
		{"\"idx\":7", "\"idx\":0", CHAIN_CLAIMS},
		{"\"gen\":3", "\"gen\":4294967296", CHAIN_CLAIMS},
		{"\"gen\":3,", "", CHAIN_CLAIMS},
		/* who */
		{"\"iss\":\"deputy\"", "\"iss\":\"deputy2\"", CHAIN_CLAIMS},
		{"\"iss\":\"deputy\"", "\"iss\":\"grant:g\"", CHAIN_CLAIMS},
		{"\"jti\":\"groot\",", "", CHAIN_CLAIMS},
		{"\"sub\":\"agent:groot\"", "\"sub\":\"groot\"", CHAIN_CLAIMS},
		{"\"owner\":\"uid:1000\"", "\"owner\":\"oidc:zo\xc3\xab@example.com\"", CHAIN_OK},
		{"\"owner\":\"uid:1000\"", "\"owner\":\"\"", CHAIN_CLAIMS},
		{"\"owner\":\"uid:1000\"", "\"owner\":\"uid:1\\n\"", CHAIN_CLAIMS},
		{"\"owner\":\"uid:1000\"", "\"owner\":[\"uid:1000\"]", CHAIN_CLAIMS},
		{"\"par_hash\":null", "\"par_hash\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\"",
		 CHAIN_CLAIMS},
		{"\"par_hash\":null", "\"par_hash\":0", CHAIN_CLAIMS},
		{"\"parent\":null", "\"parent\":\"gx\"", CHAIN_CLAIMS},
		{"\"method\":\"ssh-sk\",", "", CHAIN_CLAIMS},
		{"\"method\":\"ssh-sk\"", "\"method\":1", CHAIN_CLAIMS},
		{"\"method\":\"ssh-sk\"",
		 "\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":\"1\",\"method\":\"x\"",
		 CHAIN_OK},
		{"\"method\":\"ssh-sk\"",
		 "\"a\":\"1\",\"b\":\"1\",\"c\":\"1\",\"d\":\"1\",\"e\":\"1\",\"f\":\"1\",\"g\":\"1\",\"method\":\"x\"",
		 CHAIN_CLAIMS},
		/* what */
		{"\"name\":\"coder\"}", "\"name\":\"coder\",\"within\":\"" POLICY "\"}", CHAIN_CLAIMS},
		{"\"name\":\"coder\"}", "\"name\":\"coder\",\"z\":1}", CHAIN_CLAIMS},
		{"sha256:9d", "sha256:9D", CHAIN_CLAIMS},
		{"sha256:9d", "sha256:9", CHAIN_CLAIMS},
		{"sha256:9d", "sha512:9d", CHAIN_CLAIMS},
		{"\"type\":\"deputy_rule\"", "\"typo\":\"deputy_rule\"", CHAIN_CLAIMS},
		{"\"type\":\"deputy_rule\"", "\"type\":1", CHAIN_CLAIMS},
		{"[{\"rule\"", "[1,{\"rule\"", CHAIN_CLAIMS},
		{"[{\"rule\"", "[{\"a\":{\"b\":[]},\"rule\"", CHAIN_OK},
		/* the holder: its key, and nothing beside it */
		{"\"crv\":\"Ed25519\"", "\"crv\":\"X25519\"", CHAIN_CLAIMS},
		{"\"kty\":\"OKP\"", "\"kid\":\"k\",\"kty\":\"OKP\"", CHAIN_CLAIMS},
		{"\"crv\":\"Ed25519\"", "\"crv\":\"Ed25519\",\"d\":\"AA\"", CHAIN_CLAIMS},
		{"\"x\":\"", "\"x\":\"AA", CHAIN_CLAIMS},
		{"\"cnf\":{\"jwk\"", "\"cnf\":{\"jku\":\"http://x\",\"jwk\"", CHAIN_CLAIMS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strstr(good, cases[i].from);
		char payload[8192];

		assert_non_null(at);
		snprintf(payload, sizeof(payload), "%.*s%s%s", (int)(at - good), good, cases[i].to,
			 at + strlen(cases[i].from));
		check(NULL, payload, cases[i].why);
	}
}

/* The payload cut anywhere, and with something behind it. */
static void payload_ends(void **state)
{
	char payload[4100];

	(void)state;
	for (size_t n = 1; n < strlen(good); n++) {
		snprintf(payload, sizeof(payload), "%.*s", (int)n, good);
		check(NULL, payload, CHAIN_CLAIMS);
	}
	for (const char *c = " \n}x,"; *c; c++) {
		snprintf(payload, sizeof(payload), "%s%c", good, *c);
		check(NULL, payload, CHAIN_CLAIMS);
	}
	check(NULL, "", CHAIN_HEADER); /* no room for a link at all */
	check(NULL, "{}", CHAIN_CLAIMS);
	check(NULL, "null", CHAIN_CLAIMS);
}

/* ---- headers, with our kid where there is a %s ---- */

static void headers(void **state)
{
	static const struct {
		const char *header;
		enum chain_why why;
	} cases[] = {
		{LINK_HEADER_BEFORE "%s" LINK_HEADER_AFTER, CHAIN_OK},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}", CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"deputy-grant+jws\"}", CHAIN_HEADER},
		{"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"deputy-grant+jwt\"}", CHAIN_HEADER},
		{"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"deputy-grant+jwt\"}", CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\",\"typ\":\"deputy-grant+jwt\",\"kid\":\"%s\"}", CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"deputy-grant+jwt\",\"crit\":[]}", CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\",\"jku\":\"http://x\",\"kid\":\"%s\",\"typ\":\"deputy-grant+jwt\"}",
		 CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\", \"kid\":\"%s\",\"typ\":\"deputy-grant+jwt\"}", CHAIN_HEADER},
		{"{\"alg\":\"EdDSA\",\"kid\":\"%sx\",\"typ\":\"deputy-grant+jwt\"}", CHAIN_HEADER},
		{LINK_HEADER_BEFORE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" LINK_HEADER_AFTER,
		 CHAIN_KEY},
		{"{}", CHAIN_HEADER},
		{"", CHAIN_HEADER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char header[512];

		snprintf(header, sizeof(header), cases[i].header, key_public(host.root)->kid);
		check(header, good, cases[i].why);
	}
}

/* ---- texts ---- */

static void texts(void **state)
{
	char h[256], p[4096], s[256], bad[16384], tail;
	size_t good_ends = 0;

	(void)state;
	assert_int_equal(sscanf(host.links[0], "%255[^.].%4095[^.].%255s", h, p, s), 3);
	const char *const forms[][7] = {
		{h, ".", p},
		{h, p, s},
		{h, ".", p, "."},
		{h, ".", p, ".", s, "."},
		{h, ".", p, ".", s, ".", s},
		{".", p, ".", s},
		{h, "..", s},
		{".."},
		{"."},
		{""},
		{h, "=.", p, ".", s},
		{h, ".", p, "=.", s},
		{h, ".", p, ".", s, "="},
		{h, ".", p, ".", s, "\n"},
		{" ", h, ".", p, ".", s},
		{h, ". ", p, ".", s},
		{h, ".", p, ".", s, "AA"},
		{h, ".", p, "..", s},
		{h, "..", p, ".", s},
		{s, ".", p, ".", s},
		{p, ".", h, ".", s},
		{h, ".", s, ".", s},
		{"~", h, ".", p, ".", s},
		{h, ".", p, ".", s, "~"},
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		*bad = '\0';
		for (size_t k = 0; k < 7 && forms[i][k]; k++)
			strcat(bad, forms[i][k]);
		if (why_of(bad) == CHAIN_OK)
			fail_msg("form %zu: %s", i, bad);
	}
	/* the bits that belong to no byte */
	strcpy(bad, host.links[0]);
	tail = bad[strlen(bad) - 1];
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"; *c; c++) {
		bad[strlen(bad) - 1] = *c;
		good_ends += why_of(bad) == CHAIN_OK;
	}
	assert_int_equal(good_ends, 1);
	assert_true(tail);
}

/* RFC 8032 section 5.1.7: S plus the group's order is the same point, and no signature. */
static void malleable(void **state)
{
	static const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,	      0xd6,
						0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
	unsigned char sig[64];
	char bad[8192], *s;
	unsigned carry = 0;
	size_t n;

	(void)state;
	strcpy(bad, host.links[0]);
	s = strrchr(bad, '.') + 1;
	assert_int_equal(base64url_decode(s, strlen(s), sig, sizeof(sig), &n), 0);
	for (size_t i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (unsigned char)carry;
		carry >>= 8;
	}
	base64url_encode(sig, sizeof(sig), s);
	assert_int_equal(why_of(bad), CHAIN_SIGNATURE);
}

/* ---- published shapes ---- */

/* Published headers over our payload, published payloads under our header, and the published texts
 * themselves. */
static void cookbook(void **state)
{
	size_t ran = 0;

	(void)state;
	for (size_t i = 0; vectors_jws[i]; i++) {
		json_auto_t *v = vectors_load(vectors_jws[i]);
		const json_t *protected = json_object_get(json_object_get(v, "signing"), "protected");
		const char *compact =
			json_string_value(json_object_get(json_object_get(v, "output"), "compact"));
		const char *payload =
			json_string_value(json_object_get(json_object_get(v, "input"), "payload"));
		char *header;

		if (!v)
			continue;
		ran++;
		header = protected ? json_dumps(protected, JSON_COMPACT) : strdup("{\"alg\":\"EdDSA\"}");
		check(header, good, CHAIN_HEADER);
		if (payload)
			check(NULL, payload, CHAIN_CLAIMS);
		if (compact)
			assert_int_not_equal(why_of(compact), CHAIN_OK);
		free(header);
	}
	print_message("# JOSE cookbook: %zu shapes refused\n", ran);
	if (!ran)
		skip();
}

/* Published signatures, good ones and bad, where ours has to be. */
static void wycheproof(void **state)
{
	json_auto_t *v = vectors_load("wycheproof/ed25519_test.json");
	json_t *group, *test;
	size_t g, t, ran = 0;

	(void)state;
	if (!v)
		skip();
	json_array_foreach (json_object_get(v, "testGroups"), g, group) {
		json_array_foreach (json_object_get(group, "tests"), t, test) {
			const char *hex = json_string_value(json_object_get(test, "sig"));
			unsigned char sig[256];
			char bad[8192];
			size_t n;

			assert_int_equal(sodium_hex2bin(sig, sizeof(sig), hex, strlen(hex), NULL, &n, NULL),
					 0);
			strcpy(bad, host.links[0]);
			base64url_encode(sig, n, strrchr(bad, '.') + 1);
			ran++;
			assert_int_not_equal(why_of(bad), CHAIN_OK);
		}
	}
	print_message("# wycheproof: %zu signatures refused\n", ran);
}

/* What cannot be written without escapes, or would begin another claim, is not signed. */
static void sign_refuses(void **state)
{
	static const char *const bad[] = {"",	  "a\"b", "a\\b", "a\nb", "uid:1\",\"owner\":\"uid:0",
					  "\xff", NULL};
	struct link_terms t = made_terms(&host, "gx"), wrong;
	enum chain_why why;
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wrong = t, wrong.owner = bad[i];
		assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
		assert_int_equal(why, CHAIN_CLAIMS);
		wrong = t, wrong.assurance[1].value = bad[i];
		assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
	}
	static const char *const details[] = {"", "{}", "[1]", "[],\"b\":1", "[{\"type\":\"x\"}", "[ ]"};
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		wrong = t, wrong.details = details[i], wrong.details_len = strlen(details[i]);
		assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
	}
	wrong = t, wrong.assurance_count = LINK_ASSURANCE + 1;
	assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
	wrong = t, wrong.exp = -1;
	assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
	wrong = t, wrong.exp = INT64_MAX;
	assert_int_equal(link_sign(host.root, NULL, &wrong, &why, &text), -EINVAL);
	assert_int_equal(link_sign(host.root, &host.parents[0].link[0], &t, &why, &text), -EINVAL);
	assert_int_equal(why, CHAIN_KEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(payload_edits), cmocka_unit_test(payload_ends), cmocka_unit_test(headers),
		cmocka_unit_test(texts),	 cmocka_unit_test(malleable),	 cmocka_unit_test(cookbook),
		cmocka_unit_test(wycheproof),	 cmocka_unit_test(sign_refuses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
