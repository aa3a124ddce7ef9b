/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes that an owner signs: their one form, and that each member counts. */
#include "signing.h"

#include <jansson.h>

#include "proof/statement.h"

#define NOW   1767225600
#define NONCE "AAECAwQFBgcICQoLDA0ODw" /* 16 bytes */

static const struct statement sample = {
	.aud = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	.nonce = NONCE,
	.policy_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	.purpose = "fix-issue",
	.workdir = "/home/alice/\"pr\xc3\xb6j\"\n",
	.ttl_seconds = 600,
	.iat = NOW,
};

#define SAMPLE                                                                                               \
	"{\"aud\":\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\",\"iat\":1767225600,\"nonce\":\"" NONCE     \
	"\",\"policy_digest\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","  \
	"\"purpose\":\"fix-issue\",\"ttl_seconds\":600,\"workdir\":\"/home/alice/\\\"pr\xc3\xb6j\\\"\\n\"}"

static int check_at(const char *text, size_t len, const struct statement *asked, int64_t now,
		    const char **member)
{
	char nonce[STATEMENT_NONCE_BYTES] = "", *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, text, len);
	err = statement_check(copy, len, asked, now, nonce, member);
	free(copy);
	assert_string_equal(nonce, err ? "" : NONCE);
	return err;
}

static int check(const char *text)
{
	const char *member;

	return check_at(text, strlen(text), &sample, NOW, &member);
}

static void bytes(void **state)
{
	struct statement s = sample;
	const char *member;
	char *text;

	(void)state;
	assert_int_equal(statement_write(&sample, &text), 0);
	assert_string_equal(text, SAMPLE);
	free(text);
	assert_int_equal(check(SAMPLE), 0);
	s.workdir = NULL;
	assert_int_equal(statement_write(&s, &text), 0);
	assert_non_null(strstr(text, ",\"workdir\":null}"));
	assert_int_equal(check_at(text, strlen(text), &s, NOW, &member), 0);
	assert_int_equal(check_at(text, strlen(text), &sample, NOW, &member), -EPERM);
	assert_string_equal(member, "workdir");
	free(text);
}

static void every_member(void **state)
{
	struct {
		const char *member;
		struct statement s;
	} cases[] = {{"aud", sample},	      {"policy_digest", sample}, {"purpose", sample},
		     {"ttl_seconds", sample}, {"ttl_seconds", sample},	 {"workdir", sample},
		     {"workdir", sample}};

	(void)state;
	cases[0].s.aud = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4K";
	cases[1].s.policy_digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee";
	cases[2].s.purpose = "fix-issues";
	cases[3].s.ttl_seconds = 601;
	cases[4].s.ttl_seconds = 599;
	cases[5].s.workdir = "/home/alice";
	cases[6].s.workdir = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *member = "";
		char *text;

		/* signed for that, asked for the sample, and the other way round */
		assert_int_equal(statement_write(&cases[i].s, &text), 0);
		assert_int_equal(check_at(text, strlen(text), &sample, NOW, &member), -EPERM);
		assert_string_equal(member, cases[i].member);
		assert_int_equal(check_at(text, strlen(text), &cases[i].s, NOW, &member), 0);
		assert_int_equal(check_at(SAMPLE, strlen(SAMPLE), &cases[i].s, NOW, &member), -EPERM);
		assert_string_equal(member, cases[i].member);
		free(text);
	}
}

static void age(void **state)
{
	const char *member;

	(void)state;
	for (int past = 0; past < 2; past++) {
		int err = past ? -ESTALE : 0;

		assert_int_equal(
			check_at(SAMPLE, strlen(SAMPLE), &sample, NOW + STATEMENT_AGE_MAX + past, &member),
			err);
		assert_int_equal(
			check_at(SAMPLE, strlen(SAMPLE), &sample, NOW - STATEMENT_SKEW_MAX - past, &member),
			err);
	}
}

/* The sample with one text in place of another; the fields are otherwise as they should be. */
static void forms(void **state)
{
	static const struct {
		const char *find, *replace;
	} cases[] = {
		{"{\"aud\"", "{ \"aud\""},
		{"{\"aud\"", "\n{\"aud\""},
		{"\\n\"}", "\\n\"}\n"},
		{"\\n\"}", "\\n\"} "},
		{"\\n\"}", "\\n\"}x"},
		{"\\n\"}", "\\u000a\"}"},
		{"\xc3\xb6", "\\u00f6"},
		{"\xc3\xb6", "\xc3"},
		{":600", ":600.0"},
		{":600", ":6e2"},
		{":600", ":\"600\""},
		{":600", ":-600"},
		{":600", ":0"},
		{":600", ":99999999999999999"},
		{":600", ":999999999999999999999"},
		{":600", ":null"},
		{"1767225600", "1767225600.0"},
		{"1767225600", "-1"},
		{"1767225600", "null"},
		{"\"iat\":1767225600,", ""},
		{"\"iat\":1767225600,", "\"iat\":1767225600,\"iat\":1767225600,"},
		{"\"iat\":1767225600,", "\"ia\":0,\"iat\":1767225600,"},
		{"\"iat\":", "\"exp\":"},
		{"\"fix-issue\"", "null"},
		{"\"fix-issue\"", "[\"fix-issue\"]"},
		{"fix-issue", "fix\\u0000"},
		{NONCE, ""},
		{NONCE, "AAECAwQFBgcICQoLDA0O"}, /* 15 bytes */
		{NONCE, NONCE "=="},
		{NONCE, "AAECAwQFBgcICQoLDA0ODx"}, /* bits that no encoder sets */
		{NONCE, NONCE NONCE NONCE},	   /* more than 48 bytes */
		{"\"nonce\":\"" NONCE "\"", "\"nonce\":null"},
	};
	const char *member;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strstr(SAMPLE, cases[i].find);
		char text[1024];

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - SAMPLE), SAMPLE, cases[i].replace,
			 at + strlen(cases[i].find));
		if (check(text) != -EBADMSG)
			fail_msg("case %zu: %s", i, text);
	}
	for (size_t n = 0; n < strlen(SAMPLE); n++)
		assert_int_equal(check_at(SAMPLE, n, &sample, NOW, &member), -EBADMSG);
	assert_int_equal(check("null"), -EBADMSG);
	assert_int_equal(check("[]"), -EBADMSG);
}

static void limits(void **state)
{
	char *long_path = calloc(1, STATEMENT_MAX + 2), *text;
	struct statement s = sample;
	size_t fixed;
	const char *member;

	(void)state;
	memset(long_path, 'a', STATEMENT_MAX + 1);
	assert_int_equal(check_at(long_path, STATEMENT_MAX, &sample, NOW, &member), -EBADMSG);
	assert_int_equal(check_at(long_path, STATEMENT_MAX + 1, &sample, NOW, &member), -EMSGSIZE);
	s.workdir = "";
	assert_int_equal(statement_write(&s, &text), 0);
	fixed = strlen(text);
	free(text);
	s.workdir = long_path;
	long_path[STATEMENT_MAX - fixed + 1] = '\0';
	assert_int_equal(statement_write(&s, &text), -EMSGSIZE);
	long_path[STATEMENT_MAX - fixed] = '\0';
	assert_int_equal(statement_write(&s, &text), 0);
	assert_int_equal(check_at(text, strlen(text), &s, NOW, &member), 0);
	free(text);
	free(long_path);
}

/* What `ssh-keygen -Y sign` makes of it. */
static void signed_by_openssh(void **state)
{
	struct sshsig_facts facts;
	struct sshsig sig;
	size_t len;
	char *text = keygen_sign(*state, "ed25519", "sha512", SAMPLE, &len);

	assert_string_equal(NAMESPACE, STATEMENT_NAMESPACE);
	assert_int_equal(sshsig_decode_text(text, len, &sig), 0);
	assert_int_equal(sshsig_verify(&sig, STATEMENT_NAMESPACE, SAMPLE, strlen(SAMPLE), &facts), 0);
	sshsig_free(&sig);
	free(text);
}

/* FIPS 180-2 appendix B.1; `printf %s abc | openssl dgst -sha256 -binary | basenc --base64url` says the same.
 */
static void nonce(void **state)
{
	char text[STATEMENT_BOUND_BYTES];

	(void)state;
	statement_nonce("abc", 3, text);
	assert_string_equal(text, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes), cmocka_unit_test(every_member), cmocka_unit_test(age),
		cmocka_unit_test(forms), cmocka_unit_test(limits),	 cmocka_unit_test(signed_by_openssh),
		cmocka_unit_test(nonce),
	};

	return cmocka_run_group_tests_name("proof/statement", tests, signing_setup, signing_teardown);
}
