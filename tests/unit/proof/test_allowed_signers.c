/* SPDX-License-Identifier: Apache-2.0 */
/* allowed_signers files: what is allowed, as ssh-keygen(1) sees it too, and each mistake at its place. */
#include "signing.h"

#include <time.h>

#include "proof/allowed_signers.h"

#define T2026 1767225600 /* 2026-01-01T00:00:00Z */

static char ed25519[512], p256[512]; /* "TYPE BASE64 COMMENT" */
static struct sshkey *key;

static int setup(void **state)
{
	char *line;
	size_t len;

	setenv("TZ", "UTC", 1);
	if (signing_setup(state))
		return -1;
	line = slurp(*state, "ed25519.pub", &len);
	snprintf(ed25519, sizeof(ed25519), "%.*s", (int)strcspn(line, "\n"), line);
	free(line);
	line = slurp(*state, "p256.pub", &len);
	snprintf(p256, sizeof(p256), "%.*s", (int)strcspn(line, "\n"), line);
	free(line);
	key = load_key(*state, "ed25519");
	return 0;
}

static int teardown(void **state)
{
	sshkey_free(key);
	return signing_teardown(state);
}

static int parse(const char *text, size_t len, struct signers_errors *errors, struct allowed_signers *s)
{
	char *copy = malloc(len ? len : 1); /* of exactly this size: a read past its end is seen */
	int err;

	memcpy(copy, text, len);
	err = allowed_signers_parse(copy, len, errors, s);
	free(copy);
	return err;
}

static const struct find_case {
	const char *before; /* what stands before the key */
	const char *principal;
	int64_t time;
	int err;
} find_cases[] = {
	{"alice", "alice", T2026, 0},
	{"alice", NULL, T2026, 0},
	{"alice", "bob", T2026, -ENOENT},
	{"alice", "Alice", T2026, -ENOENT},
	{"alice", "alic", T2026, -ENOENT},
	{"alice", "alicex", T2026, -ENOENT},
	{"bob,alice", "alice", T2026, 0},
	{"\"bob,alice\"", "alice", T2026, 0},
	{"*@example.com", "alice@example.com", T2026, 0},
	{"*@example.com", "alice@example.com.evil", T2026, -ENOENT},
	{"*@*.com", "a@b.c.com", T2026, 0},
	{"a*b*c", "axxbyybzc", T2026, 0},
	{"a*b*c", "axxbyybz", T2026, -ENOENT},
	{"a?ice", "alice", T2026, 0},
	{"a?ice", "aice", T2026, -ENOENT},
	{"*,!mallory", "alice", T2026, 0},
	{"*,!mallory", "mallory", T2026, -ENOENT},
	{"!mallory,*", "mallory", T2026, -ENOENT},
	{"!mallory", "alice", T2026, -ENOENT},
	{"!mallory", NULL, T2026, -ENOENT},
	{"!m*,*", "mallory", T2026, -ENOENT},
	{"alice namespaces=\"grant@deputy\"", "alice", T2026, 0},
	{"alice NameSpaces=\"file,grant@*\"", "alice", T2026, 0},
	{"alice namespaces=\"file,git\"", "alice", T2026, -EACCES},
	{"alice namespaces=\"*,!grant@deputy\"", "alice", T2026, -EACCES},
	{"alice valid-after=\"20260101Z\"", "alice", T2026, 0},
	{"alice valid-after=\"20260101Z\"", "alice", T2026 - 1, -EAGAIN},
	{"alice valid-after=\"202601010000Z\"", "alice", T2026 - 1, -EAGAIN},
	{"alice valid-after=\"20260101000001Z\"", "alice", T2026, -EAGAIN},
	{"alice valid-after=\"20260101000001Z\"", "alice", T2026 + 1, 0},
	{"alice valid-before=\"20260101Z\"", "alice", T2026, 0},
	{"alice valid-before=\"20260101Z\"", "alice", T2026 + 1, -EKEYEXPIRED},
	{"alice valid-before=\"20260101\"", "alice", T2026 + 1, -EKEYEXPIRED},
	{"alice valid-after=\"20250101Z\",valid-before=\"20260201Z\",namespaces=\"grant@deputy\"", "alice",
	 T2026, 0},
	{"alice valid-after=\"20250101Z\",valid-before=\"20260201Z\",namespaces=\"git\"", "alice", T2026,
	 -EACCES},
	{" \talice\t ", "alice", T2026, 0},
};

/* 0 when `ssh-keygen -Y verify` takes a signature made in this namespace with the file as allowed signers. */
static int keygen_verify(const char *dir, const char *file, const struct find_case *c)
{
	char at[32];
	const time_t t = c->time;
	struct tm tm;

	spill(dir, "allowed", file, strlen(file));
	strftime(at, sizeof(at), "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
	return shell(dir,
		     "ssh-keygen -Y verify -f allowed -I %s -n " NAMESPACE
		     " -O verify-time=%s -s message.sig <message",
		     c->principal, at);
}

static void finds(void **state)
{
	size_t len;

	free(keygen_sign(*state, "ed25519", "sha512", "x", &len));
	for (size_t i = 0; i < sizeof(find_cases) / sizeof(find_cases[0]); i++) {
		const struct find_case *c = &find_cases[i];
		char file[2048];
		int n = snprintf(file, sizeof(file), "# who may\n\n%s %s\nbob %s\n", c->before, ed25519,
				 p256);
		const struct allowed_signer *signer = NULL;
		struct allowed_signers s;
		struct signers_errors errors;
		int err = parse(file, (size_t)n, &errors, &s);

		if (err)
			fail_msg("case %zu: %s", i, errors.list[0].what);
		assert_int_equal(s.count, 2);
		err = allowed_signers_find(&s, key, NAMESPACE, c->time, c->principal, &signer);
		if (err != c->err)
			fail_msg("case %zu: %d", i, err);
		assert_int_equal(signer ? signer->line : 0, c->err ? 0 : 3);
		if (c->principal && (keygen_verify(*state, file, c) == 0) != (c->err == 0))
			fail_msg("case %zu: ssh-keygen is of another mind", i);
		allowed_signers_free(&s);
	}
}

/* Of several lines with the key one that allows it counts; if none does, the reason is the closest one's. */
static void several(void **state)
{
	const struct allowed_signer *signer = NULL;
	struct signers_errors errors;
	struct allowed_signers s;
	struct sshkey *other = load_key(*state, "rsa");
	char file[4096];
	int n = snprintf(file, sizeof(file),
			 "alice valid-before=\"20250101Z\" %s\nbob %s\nalice namespaces=\"git\" %s\n",
			 ed25519, ed25519, ed25519);

	assert_int_equal(parse(file, (size_t)n, &errors, &s), 0);
	assert_int_equal(allowed_signers_find(&s, key, NAMESPACE, T2026, "alice", &signer), -EKEYEXPIRED);
	assert_int_equal(allowed_signers_find(&s, key, NAMESPACE, T2026, "carol", &signer), -ENOENT);
	assert_int_equal(allowed_signers_find(&s, other, NAMESPACE, T2026, "alice", &signer), -ENOKEY);
	assert_null(signer);
	assert_int_equal(allowed_signers_find(&s, key, NAMESPACE, T2026, "bob", &signer), 0);
	assert_int_equal(signer->line, 2);
	assert_int_equal(allowed_signers_find(&s, key, NAMESPACE, T2026, NULL, &signer), 0);
	assert_int_equal(allowed_signers_find(&s, key, "git", T2026, "alice", &signer), 0);
	assert_int_equal(signer->line, 3);
	allowed_signers_free(&s);
	assert_int_equal(parse("", 0, &errors, &s), 0);
	assert_int_equal(allowed_signers_find(&s, key, NAMESPACE, T2026, "alice", &signer), -ENOKEY);
	sshkey_free(other);
}

/* A local time is the host's: ssh-keygen and we read it alike. */
static void local_time(void **state)
{
	static const char *const zones[] = {"UTC", "EST5", "IST-5:30"};
	size_t len;

	free(keygen_sign(*state, "ed25519", "sha512", "x", &len));
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		static const int64_t offsets[] = {0, 5 * 3600, -5 * 3600 - 1800};
		const struct allowed_signer *signer;
		struct signers_errors errors;
		struct allowed_signers s;
		char file[1024];
		int n = snprintf(file, sizeof(file), "alice valid-after=\"20260101\" %s\n", ed25519);

		setenv("TZ", zones[i], 1);
		tzset();
		assert_int_equal(parse(file, (size_t)n, &errors, &s), 0);
		assert_int_equal(
			allowed_signers_find(&s, key, NAMESPACE, T2026 + offsets[i] - 1, "alice", &signer),
			-EAGAIN);
		assert_int_equal(
			allowed_signers_find(&s, key, NAMESPACE, T2026 + offsets[i], "alice", &signer), 0);
		allowed_signers_free(&s);
		spill(*state, "allowed", file, (size_t)n);
		for (int early = 0; early < 2; early++)
			assert_int_equal(shell(*state,
					       "ssh-keygen -Y verify -f allowed -I alice -n " NAMESPACE
					       " -O verify-time=%s -s message.sig <message",
					       early ? "20251231235959" : "20260101") != 0,
					 early);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

static void mistakes(void **state)
{
	static const struct {
		const char *line; /* %s is the key */
		unsigned column;
		const char *what;
	} cases[] = {
		{"alice", 6, "the key is missing"},
		{"alice cert-authority %s", 7, "cert-authority: certificates are not supported"},
		{"alice namespaces=\"x\",cert-authority %s", 22,
		 "cert-authority: certificates are not supported"},
		{"alice cert-authority,namespaces=\"x\" %s", 7,
		 "cert-authority: certificates are not supported"},
		{"alice no-touch-required %s", 7, "no-touch-required ssh-ed25519"},
		{"alice shiny=\"x\" %s", 7, "shiny: unknown option"},
		{"alice namespaces=\"x\",shiny %s", 22, "shiny: unknown option"},
		{"alice namespaces=\"x\", %s", 22, " : unknown option"},
		{"alice namespaces=\"x\",=\"x\" %s", 22, "=: unknown option"},
		{"alice namespaces=x %s", 18, "the value is not quoted"},
		{"alice namespaces %s", 17, "namespaces needs a value: namespaces=\"...\""},
		{"alice namespaces=\"x %s", 18, "the quoted value does not end"},
		{"alice namespaces=\"\" %s", 18, "the list is empty"},
		{"alice namespaces=\"x\",namespaces=\"y\" %s", 33, "namespaces is there twice"},
		{"alice namespaces=\"x\"valid-after=\"20260101\" %s", 21, "text behind an option"},
		{"alice valid-after=\"20260101\",valid-after=\"20260101\" %s", 42,
		 "valid-after is there twice"},
		{"alice valid-after=\"\" %s", 19, ": no time"},
		{"alice valid-after=\"2026\" %s", 19, "2026: no time"},
		{"alice valid-after=\"202601011\" %s", 19, "202601011: no time"},
		{"alice valid-after=\"20261301\" %s", 19, "20261301: no time"},
		{"alice valid-after=\"20260230\" %s", 19, "20260230: no time"},
		{"alice valid-after=\"202601012400\" %s", 19, "202601012400: no time"},
		{"alice valid-after=\"20260101X\" %s", 19, "20260101X: no time"},
		{"alice valid-after=\"2026 101\" %s", 19, "2026 101: no time"},
		{"alice valid-after=\"+2026101\" %s", 19, "+2026101: no time"},
		{"alice valid-after=\"19690101Z\" %s", 19, "19690101Z: no time"},
		{"alice valid-after=\"20260102\",valid-before=\"20260101\" %s", 7,
		 "valid-before is not after valid-after"},
		{"\"alice %s", 1, "the quoted principals do not end"},
		{"\"alice\"x %s", 8, "text behind the quoted principals"},
		{"\"\" %s", 2, "the list is empty"},
		{"alice ssh-dss AAAAB3NzaC1kc3M=", 7, "ssh-dss AAAAB3NzaC1kc3M=: a type"},
		{"alice ssh-ed25519-cert-v01@openssh.com AAAA", 7, "ssh-ed25519-cert-v01@openssh.c: a type"},
		{"alice ssh-ed25519 AAAA", 7, "ssh-ed25519 AAAA: not in the form"},
		{"alice %s\r", 0, "a control character"},
		{"al\x01"
		 "ce %s",
		 3, "a control character"},
		{"al\xff"
		 "ce %s",
		 1, "the line is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[1024], file[4096], where[1024], shown[64];
		struct signers_errors errors;
		struct allowed_signers s;
		int n;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(line, sizeof(line), cases[i].line, ed25519);
#pragma GCC diagnostic pop
		n = snprintf(file, sizeof(file), "bob %s\n%s\nbob %s\n", p256, line, p256);
		assert_int_equal(parse(file, (size_t)n, &errors, &s), -EINVAL);
		assert_int_equal(errors.count, 1);
		assert_int_equal(errors.list[0].line, 2);
		if (strncmp(errors.list[0].what, cases[i].what, strlen(cases[i].what)) != 0 ||
		    errors.list[0].column != (cases[i].column ?: strlen(line)))
			fail_msg("case %zu: %u: %s", i, errors.list[0].column, errors.list[0].what);
		assert_int_equal(signers_error_format("allowed", &errors.list[0], where, sizeof(where)), 0);
		snprintf(shown, sizeof(shown), "allowed:2:%u: ", errors.list[0].column);
		assert_memory_equal(where, shown, strlen(shown));
	}
}

static void limits(void **state)
{
	char *text = malloc(SIGNERS_TEXT_MAX + 1), *p = text;
	struct signers_errors errors;
	struct allowed_signers s;

	(void)state;
	memset(text, '\n', SIGNERS_TEXT_MAX + 1);
	assert_int_equal(parse(text, SIGNERS_TEXT_MAX, &errors, &s), 0);
	assert_int_equal(s.count, 0);
	assert_int_equal(parse(text, SIGNERS_TEXT_MAX + 1, &errors, &s), -EMSGSIZE);
	text[5] = '\0';
	assert_int_equal(parse(text, 100, &errors, &s), -EINVAL);
	assert_int_equal(errors.list[0].line, 6);

	for (unsigned i = 0; i < SIGNERS_MAX; i++)
		p += sprintf(p, "alice %s\n", ed25519);
	assert_int_equal(parse(text, (size_t)(p - text), &errors, &s), 0);
	assert_int_equal(s.count, SIGNERS_MAX);
	allowed_signers_free(&s);
	p += sprintf(p, "alice %s\n", ed25519);
	assert_int_equal(parse(text, (size_t)(p - text), &errors, &s), -EINVAL);

	memset(text, '#', SIGNERS_LINE_MAX + 1);
	assert_int_equal(parse(text, SIGNERS_LINE_MAX, &errors, &s), 0);
	assert_int_equal(parse(text, SIGNERS_LINE_MAX + 1, &errors, &s), -EINVAL);

	for (unsigned extra = 0; extra < 2; extra++) {
		memset(text, 'a', SIGNERS_LIST_MAX + extra);
		sprintf(text + SIGNERS_LIST_MAX + extra, " %s", ed25519);
		assert_int_equal(parse(text, strlen(text), &errors, &s), extra ? -EINVAL : 0);
		if (!extra)
			allowed_signers_free(&s);
	}

	for (p = text; p < text + 2 * (SIGNERS_ERRORS_MAX + 3);)
		p = stpcpy(p, "x\n");
	assert_int_equal(parse(text, (size_t)(p - text), &errors, &s), -EINVAL);
	assert_int_equal(errors.count, SIGNERS_ERRORS_MAX);
	assert_int_equal(errors.more, 3);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),    cmocka_unit_test(several), cmocka_unit_test(local_time),
		cmocka_unit_test(mistakes), cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("proof/allowed_signers", tests, setup, teardown);
}
