/* SPDX-License-Identifier: Apache-2.0 */
/* `issuers` in deputyd.yaml: what is understood, and where each mistake is said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"

static char path[] = "/tmp/test_config.XXXXXX", said_path[] = "/tmp/test_config_said.XXXXXX";
static char said[1024]; /* on stderr */

static int setup(void **state)
{
	(void)state;
	close(mkstemp(path));
	close(mkstemp(said_path));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(said_path);
	return 0;
}

static int read_quietly(struct config *config)
{
	int err, kept = dup(2);
	FILE *f = freopen(said_path, "w+", stderr);

	err = config_read(path, true, config);
	rewind(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	fflush(f);
	dup2(kept, 2);
	close(kept);
	return err;
}

static int config_of(const char *text, struct config *config)
{
	FILE *f = fopen(path, "we");

	fputs(text, f);
	fclose(f);
	return read_quietly(config);
}

#define GOOD "issuer: https://a.example\n    audience: deputy\n    jwks: /etc/deputy/a.json\n"

static void defaults(void **state)
{
	const struct oidc_issuer *i;
	struct config c;

	(void)state;
	assert_int_equal(config_of("max_ttl: 1h\n", &c), 0);
	assert_null(c.issuers);
	config_free(&c);
	assert_int_equal(config_of("issuers:\n  - " GOOD, &c), 0);
	assert_int_equal(c.issuers->count, 1);
	i = &c.issuers->list[0];
	assert_string_equal(i->issuer, "https://a.example");
	assert_string_equal(i->jwks, "/etc/deputy/a.json");
	assert_int_equal(i->audience.count, 1);
	assert_string_equal(i->audience.list[0], "deputy");
	assert_int_equal(i->skew, 60);
	assert_int_equal(i->max_age, 600);
	assert_int_equal(i->max_auth_age, 0);
	assert_false(i->by_email);
	config_free(&c);
}

static void everything(void **state)
{
	static const char text[] = "issuers:\n"
				   "  - " GOOD "  - issuer: https://b.example/realm\n"
				   "    audience: [one, two]\n"
				   "    other_audiences: them\n"
				   "    jwks: /etc/deputy/b.json\n"
				   "    algorithms: [ES256, EdDSA]\n"
				   "    skew: 0s\n"
				   "    max_age: 5m\n"
				   "    max_auth_age: 1h\n"
				   "    owner: email\n"
				   "    domains: [example.com, example.org]\n"
				   "    require: {acr: [phr, phrh], hd: example.com, mfa: true}\n";
	const struct oidc_issuer *i;
	struct config c;

	(void)state;
	assert_int_equal(config_of(text, &c), 0);
	assert_int_equal(c.issuers->count, 2);
	i = &c.issuers->list[1];
	assert_int_equal(i->audience.count, 2);
	assert_string_equal(i->audience.list[1], "two");
	assert_string_equal(i->other_audiences.list[0], "them");
	assert_string_equal(i->algorithms.list[1], "EdDSA");
	assert_int_equal(i->skew, 0);
	assert_int_equal(i->max_age, 300);
	assert_int_equal(i->max_auth_age, 3600);
	assert_true(i->by_email);
	assert_string_equal(i->domains.list[1], "example.org");
	assert_int_equal(i->requires, 3);
	assert_string_equal(i->require[0].name, "acr");
	assert_string_equal(i->require[0].any_of.list[1], "phrh");
	assert_string_equal(i->require[2].any_of.list[0], "true");
	config_free(&c);
}

/* Each with the place and the words that it is told by. */
static const struct {
	const char *text, *at, *what;
} mistakes[] = {
	{"issuers: https://a.example\n", "1:10", "issuers: a list of issuers"},
	{"issuers:\n  - https://a.example\n", "2:5", "issuers: expected {issuer:"},
	{"issuers:\n  - " GOOD "issuers: []\n", "5:10", "issuers: given twice"},
	{"issuers:\n  - " GOOD "    colour: blue\n", "5:5", "colour: unknown key of an issuer"},
	{"issuers:\n  - " GOOD "    jwks: /etc/b.json\n", "5:5", "jwks: given twice"},
	{"issuers:\n  - " GOOD "    [a]: b\n", "5:5", "keys are plain words"},
	{"issuers:\n  - " GOOD "    skew: 301s\n", "5:11", "skew: a duration from 0s to 5m"},
	{"issuers:\n  - " GOOD "    skew: -1s\n", "5:11", "skew: a duration from 0s to 5m"},
	{"issuers:\n  - " GOOD "    max_age: 0s\n", "5:14", "max_age: a duration up to 24h"},
	{"issuers:\n  - " GOOD "    max_age: 25h\n", "5:14", "max_age: a duration up to 24h"},
	{"issuers:\n  - " GOOD "    max_auth_age: 10\n", "5:19", "max_auth_age: a duration up to 24h"},
	{"issuers:\n  - " GOOD "    owner: name\n", "5:12", "owner: email or sub"},
	{"issuers:\n  - " GOOD "    owner: email\n", "2:5", "owner: email and domains"},
	{"issuers:\n  - " GOOD "    domains: example.com\n", "2:5", "owner: email and domains"},
	{"issuers:\n  - " GOOD "    owner: email\n    domains: [Example.com]\n", "2:5", "in small letters"},
	{"issuers:\n  - " GOOD "    algorithms: [ES256, HS256]\n", "2:5", "algorithms: of RS256"},
	{"issuers:\n  - " GOOD "    algorithms: none\n", "2:5", "algorithms: of RS256"},
	{"issuers:\n  - " GOOD "    algorithms: []\n", "5:17", "algorithms: a list such as"},
	{"issuers:\n  - " GOOD "    require: mfa\n", "5:14", "require: claims and what each must be"},
	{"issuers:\n  - " GOOD "    require: {a: []}\n", "5:14", "require: claims and what each must be"},
	{"issuers:\n  - " GOOD "    require: {a: b, a: c}\n", "5:14", "require: claims and what each"},
	{"issuers:\n  - " GOOD "    require: {a: {b: c}}\n", "5:14", "require: claims and what each"},
	{"issuers:\n  - {issuer: https://a.example, audience: '', jwks: /a}\n", "2:43",
	 "audience: the client"},
	{"issuers:\n  - {issuer: https://a.example, audience: [[d]], jwks: /a}\n", "2:43",
	 "audience: the cl"},
	{"issuers:\n  - {issuer: https://a.example, jwks: /a}\n", "2:5", "audience: the client id"},
	{"issuers:\n  - {issuer: https://a.example, audience: d}\n", "2:5", "jwks: the absolute path"},
	{"issuers:\n  - {issuer: https://a.example, audience: d, jwks: a}\n", "2:5",
	 "jwks: the absolute path"},
	{"issuers:\n  - {issuer: http://a.example, audience: d, jwks: /a}\n", "2:5", "issuer: https://..."},
	{"issuers:\n  - {audience: d, jwks: /a}\n", "2:5", "issuer: https://..."},
	{"issuers:\n  - " GOOD "  - " GOOD, "5:5", "the same issuer twice"},
};

static void told(void **state)
{
	char at[64];
	struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		snprintf(at, sizeof(at), "%s:%s: ", path, mistakes[i].at);
		if (config_of(mistakes[i].text, &c) != -EINVAL || !strstr(said, at) ||
		    !strstr(said, mistakes[i].what))
			fail_msg("%zu: %s", i, said);
	}
}

/* 16 issuers, and 32 entries of a list: at the limit and one past it. */
static int of_many(unsigned issuers, unsigned audiences)
{
	char text[65536];
	int n = sprintf(text, "issuers:\n"), err;
	struct config c;

	for (unsigned i = 0; i < issuers; i++) {
		n += sprintf(text + n, "  - {issuer: 'https://a%u.example', jwks: /a, audience: [d", i);
		for (unsigned j = 1; j < audiences; j++)
			n += sprintf(text + n, ", d%u", j);
		n += sprintf(text + n, "]}\n");
	}
	err = config_of(text, &c);
	if (!err) {
		assert_int_equal(c.issuers->count, issuers);
		assert_int_equal(c.issuers->list[issuers - 1].audience.count, audiences);
		config_free(&c);
	}
	return err;
}

static void limits(void **state)
{
	(void)state;
	assert_int_equal(of_many(OIDC_ISSUERS_MAX, OIDC_LIST_MAX), 0);
	assert_int_equal(of_many(OIDC_ISSUERS_MAX + 1, 1), -EINVAL);
	assert_non_null(strstr(said, "more than 16"));
	assert_int_equal(of_many(1, OIDC_LIST_MAX + 1), -EINVAL);
	assert_non_null(strstr(said, "audience: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything),
		cmocka_unit_test(told),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests_name("daemon/config_issuers", tests, setup, teardown);
}
