/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#define PROFILE(name) "apiVersion: deputy/v1\nprofile: " name "\n"
#define WITH(list)                                                                                           \
	"apiVersion: deputy/v1\nname: t\nowner: {any_of: [uid:*]}\nprofiles: " list                          \
	"\npurposes: {p: {ttl: 1m}}\n"

#define FILE_HINT "a profile is a file of that name, with .yaml, among the host's profiles"
#define NAME_HINT "letters, digits, '.', '_' and '-', beginning with a letter, digit or '_'"

static const struct shelf shelf[] = {
	{"base",
	 PROFILE("base") "files: [{allow: read, path: /usr/**}]\nnetwork:\n  - {allow: connect, cidr: '::1', port: [1, 2]}\n"},
	{"git", PROFILE("git") "profiles: [base, ssh]\nexec: [{allow: /usr/bin/git}]\n"},
	{"ssh",
	 PROFILE("ssh") "profiles: base\nexec: [{allow: /usr/bin/ssh}]\nipc: [{allow: connect, unix: /run/agent}]\n"},
	{"self", PROFILE("self") "profiles: [self]\n"},
	{"a", PROFILE("a") "profiles: [base, b]\n"},
	{"b", PROFILE("b") "profiles:\n  - c\n"},
	{"c", PROFILE("c") "profiles: [a]\n"},
	{"liar", PROFILE("base")},
	{"typo", PROFILE("typo") "files:\n  - {allow: raed, path: /a}\n"},
	{"list", PROFILE("list") "purposes: {}\n"},
	{"broken", "a: [\n"},
	{"empty", ""},
	{"wants", PROFILE("wants") "profiles:\n  - nowhere\n"},
	{NULL, NULL},
};

/* The purpose's own rules, then each profile's once, whoever includes it, under its own file's name. */
static void appended(void **state)
{
	static const char *const labels[] = {
		"t.yaml:8 allow write path /w",
		"git.yaml:4 allow exec path /usr/bin/git",
		"base.yaml:3 allow read path /usr/**",
		"ssh.yaml:4 allow exec path /usr/bin/ssh",
		"ssh.yaml:5 allow connect unix /run/agent",
	};
	struct policy *policy =
		good(FILES("{allow: write, path: /w}") "  q: {ttl: 1s}\nprofiles: [git, base, git]\n", shelf);
	const struct rules *p = &policy->purposes[0].rules, *q = &policy->purposes[1].rules;

	(void)state;
	assert_int_equal(p->path_count, COUNT(labels));
	assert_int_equal(q->path_count, COUNT(labels) - 1);
	for (size_t i = 0; i < COUNT(labels); i++) {
		assert_string_equal(p->paths[i].label, labels[i]);
		if (i)
			assert_string_equal(q->paths[i - 1].label, labels[i]);
	}
	assert_string_equal(p->paths[2].file, "base.yaml");
	assert_int_equal(p->paths[2].line, 3);
	assert_int_equal(p->addr_count, 1);
	assert_int_equal(q->addr_count, 1);
	assert_int_equal(p->addrs[0].port_count, 2);
	assert_string_equal(p->addrs[0].label, "base.yaml:5 allow connect cidr ::1 port 1,2");
	policy_free(policy);
}

static const struct {
	const char *text;
	const char *want;
} mistakes[] = {
	{WITH("[bsae]"), "t.yaml:4:12: there is no profile 'bsae'\n\thint: " FILE_HINT "\n"},
	{WITH("bsae"), "t.yaml:4:11: there is no profile 'bsae'\n\thint: " FILE_HINT "\n"},
	{WITH("[wants]"), "wants.yaml:4:5: there is no profile 'nowhere'\n\thint: " FILE_HINT "\n"},
	{WITH("[../etc/passwd]"),
	 "t.yaml:4:12: a profile's name cannot be '../etc/passwd'\n\thint: " NAME_HINT "\n"},
	{WITH("[..]"), "t.yaml:4:12: a profile's name cannot be '..'\n\thint: " NAME_HINT "\n"},
	{WITH("[]"), "t.yaml:4:11: a profile's name: the list is empty\n"},
	{WITH("{a: b}"), "t.yaml:4:11: a profile's name must be a list, not a mapping\n"},
	{WITH("[[base]]"), "t.yaml:4:12: a profile's name must be a single value, not a list\n"},
	{WITH("[self]"), "self.yaml:3:12: profiles include each other: self -> self\n"},
	{WITH("[a]"), "c.yaml:3:12: profiles include each other: c -> a -> b -> c\n"},
	{WITH("[liar]"),
	 "liar.yaml:2:10: profile 'liar' calls itself 'base'\n\thint: a profile bears the name of its file\n"},
	{WITH("[typo]"), "typo.yaml:4:13: unknown operation 'raed'\n\thint: did you mean 'read'?\n"},
	{WITH("[list]"), "list.yaml:3:1: unknown key 'purposes' in a profile\n\thint: "
			 "one of: apiVersion, profile, profiles, files, network, exec, ipc, privileges\n"},
	{WITH("[empty]"), "empty.yaml:1:1: the file is empty\n\thint: begin with 'apiVersion: deputy/v1'\n"},
	{WITH("[broken, typo]"),
	 "broken.yaml:2:1: not YAML: did not find expected node content\n\thint: while parsing a flow node\n"
	 "typo.yaml:4:13: unknown operation 'raed'\n\thint: did you mean 'read'?\n"},
};

static void bad_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++)
		bad(mistakes[i].text, shelf, mistakes[i].want);
}

static void no_profiles_here(void **state)
{
	(void)state;
	bad(WITH("[base]"), NULL, "t.yaml:4:12: there is no profile 'base'\n\thint: " FILE_HINT "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appended),
		cmocka_unit_test(bad_profiles),
		cmocka_unit_test(no_profiles_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
