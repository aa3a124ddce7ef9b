/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit holds at its value and refuses one more. */
#include "reading.h"

#define START "apiVersion: deputy/v1\nname: t\nowner: {any_of: [uid:*]}\n"

/* A text that grows. */
struct text {
	char *at;
	size_t len;
	FILE *out;
};

static void begin(struct text *t, const char *head)
{
	t->out = open_memstream(&t->at, &t->len);
	assert_non_null(t->out);
	fputs(head, t->out);
}

/* `item` `count` times with its number in it, between commas. */
static void repeat(struct text *t, const char *item, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		fputs(i ? "," : "", t->out);
		fprintf(t->out, item, i);
	}
}

/* `want` NULL: the text is right; else its only mistake. */
static void end(struct text *t, const char *tail, const struct shelf *shelf, const char *want)
{
	fputs(tail, t->out);
	assert_int_equal(fclose(t->out), 0);
	if (want)
		bad_text(t->at, t->len, shelf, want);
	else
		policy_free(good(t->at, shelf));
	free(t->at);
}

static void listed(const char *head, const char *item, unsigned count, const char *tail, const char *want)
{
	struct text t;

	begin(&t, head);
	repeat(&t, item, count);
	end(&t, tail, NULL, want);
}

static void owners(void **state)
{
	const char *head = "apiVersion: deputy/v1\nname: t\npurposes: {p: {ttl: 1m}}\nowner:\n  any_of: [";

	(void)state;
	listed(head, "uid:%u", POLICY_OWNERS_MAX, "]\n", NULL);
	listed(head, "uid:%u", POLICY_OWNERS_MAX, ",\n uid:last]\n", "t.yaml:6:2: more than 64 owners\n");
}

static void purposes(void **state)
{
	(void)state;
	listed(START "purposes: {", "p%u: {ttl: 1m}", POLICY_PURPOSES_MAX, "}\n", NULL);
	listed(START "purposes: {", "p%u: {ttl: 1m}", POLICY_PURPOSES_MAX, ",\n last: {ttl: 1m}}\n",
	       "t.yaml:5:2: more than 64 purposes\n");
}

static void ports(void **state)
{
	const char *head = START "purposes: {p: {ttl: 1m, network: [{allow: connect, cidr: '::1', port: [";

	(void)state;
	listed(head, "%u", POLICY_PORTS_MAX, "]}]}}\n", NULL);
	listed(head, "6553%u-65535", 5, "]}]}}\n", NULL);
	listed(head, "%u", POLICY_PORTS_MAX, ",\n 7]}]}}\n",
	       "t.yaml:5:2: more than 64 ports in one rule\n\thint: write ranges, or a second rule\n");
}

/* The longest label of a network rule. */
static void long_ports(void **state)
{
	struct text t;

	(void)state;
	begin(&t, START "purposes: {p: {ttl: 1m, network: [{allow: [connect, bind], port: [");
	for (unsigned i = 0; i < POLICY_PORTS_MAX; i++)
		fprintf(t.out, "%s10000-65535", i ? "," : "");
	end(&t, "], cidr: '1111:2222:3333:4444:5555:6666:7777:8888/128'}]}}\n", NULL, NULL);
}

static void rules_in_one_purpose(void **state)
{
	const char *head = START "purposes: {p: {ttl: 1m, files: [{allow: read, path: [";

	(void)state;
	listed(head, "/%x", POLICY_RULES_MAX, "]}]}}\n", NULL);
	listed(head, "/%x", POLICY_RULES_MAX, ",\n /last]}]}}\n", "t.yaml:5:2: more than 65535 rules\n");
}

/* Rules of every kind and purpose count together. */
static void rules_in_two_purposes(void **state)
{
	const char *head = START "purposes: {q: {ttl: 1m, exec: [{allow: /q}]},\n"
				 " p: {ttl: 1m, network: [{deny: send, cidr: [";

	(void)state;
	listed(head, "'::%x'", POLICY_RULES_MAX - 1, "]}]}}\n", NULL);
	listed(head, "'::%x'", POLICY_RULES_MAX - 1, ",\n '::1:1']}]}}\n",
	       "t.yaml:6:2: more than 65535 rules\n");
}

/* A profile's rules count once for each purpose. */
static void rules_of_profiles(void **state)
{
	struct text t;
	struct shelf shelf[] = {{"big", NULL}, {NULL, NULL}};
	const char *one = START "profiles:\n - big\npurposes: {p: {ttl: 1m}, q: {ttl: 1m, exec: [{allow: [";
	struct text policy;

	(void)state;
	begin(&t, "apiVersion: deputy/v1\nprofile: big\nfiles: [{allow: read, path: [");
	repeat(&t, "/%x", POLICY_RULES_MAX / 2);
	fputs("]}]\n", t.out);
	fclose(t.out);
	shelf[0].text = t.at;
	begin(&policy, one);
	repeat(&policy, "/%x", POLICY_RULES_MAX % 2);
	end(&policy, "]}]}}\n", shelf, NULL);
	begin(&policy, one);
	repeat(&policy, "/%x", POLICY_RULES_MAX % 2 + 1);
	end(&policy, "]}]}}\n", shelf, "t.yaml:5:2: more than 65535 rules\n");
	free(t.at);
}

static void names(void **state)
{
	static const struct {
		const char *head, *tail, *want;
	} places[] = {
		{"apiVersion: deputy/v1\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\nname:\n ", "\n",
		 "t.yaml:5:2: a policy's name is longer than 64 characters\n"},
		{START "purposes: {\n ", ": {ttl: 1m}}\n",
		 "t.yaml:5:2: a purpose's name is longer than 64 characters\n"},
	};
	char name[POLICY_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		for (unsigned more = 0; more < 2; more++) {
			struct text t;

			begin(&t, places[i].head);
			memset(name, 'n', sizeof(name));
			name[POLICY_NAME_MAX + more] = '\0';
			fputs(name, t.out);
			end(&t, places[i].tail, NULL, more ? places[i].want : NULL);
		}
	}
}

static void profiles(void **state)
{
	static struct shelf shelf[POLICY_PROFILES_MAX + 2];
	static char names[POLICY_PROFILES_MAX + 1][8], texts[POLICY_PROFILES_MAX + 1][128];
	struct text t;

	(void)state;
	/* A chain: each includes the next, the last but one none, so that the limit is met deep down. */
	for (unsigned i = 0; i <= POLICY_PROFILES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "n%u", i);
		snprintf(texts[i], sizeof(texts[i]),
			 "apiVersion: deputy/v1\nprofile: n%u\nexec: [{allow: /n%u}]\n", i, i);
		if (i + 1 < POLICY_PROFILES_MAX)
			snprintf(texts[i] + strlen(texts[i]), 64, "profiles: [n%u]\n", i + 1);
		shelf[i] = (struct shelf){names[i], texts[i]};
	}
	begin(&t, START "profiles: [n0]\npurposes: {p: {ttl: 1m}}\n");
	end(&t, "", shelf, NULL);
	strcat(texts[POLICY_PROFILES_MAX - 1], "profiles: [n32]\n");
	begin(&t, START "profiles: [n0]\npurposes: {p: {ttl: 1m}}\n");
	end(&t, "", shelf, "n31.yaml:4:12: more than 32 profiles\n");
}

static void depth(void **state)
{
	struct text t;

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		begin(&t, "");
		for (unsigned i = 0; i < POLICY_DEPTH_MAX + more; i++)
			fputc('[', t.out);
		for (unsigned i = 0; i < POLICY_DEPTH_MAX + more; i++)
			fputc(']', t.out);
		end(&t, "\n", NULL,
		    more ? "t.yaml:1:17: nested deeper than 16 levels\n"
			 : "t.yaml:1:1: a policy must be a mapping, not a list\n");
	}
}

static void text_size(void **state)
{
	const char *head = START "purposes: {p: {ttl: 1m}}\n#";

	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct text t;

		begin(&t, head);
		for (size_t i = strlen(head); i < POLICY_TEXT_MAX + more; i++)
			fputc('x', t.out);
		end(&t, "", NULL, more ? "t.yaml:1:1: larger than 1048576 bytes\n" : NULL);
	}
}

/* Mistakes past the limit are counted, and the list may be walked by its count. */
static void errors(void **state)
{
	struct text t;
	struct policy_errors e = {0};
	struct policy *policy = NULL;

	(void)state;
	begin(&t, START "purposes: {p: {ttl: 1m, files: [{path: /a, allow: [");
	repeat(&t, "o%u", POLICY_ERRORS_MAX + 5);
	fputs("]}]}}\n", t.out);
	fclose(t.out);
	assert_int_equal(policy_parse("t.yaml", t.at, t.len, NULL, NULL, &e, &policy), -EINVAL);
	assert_int_equal(e.count, POLICY_ERRORS_MAX);
	assert_int_equal(e.more, 5);
	assert_string_equal(e.list[POLICY_ERRORS_MAX - 1].what, "unknown operation 'o99'");
	policy_errors_free(&e);
	assert_int_equal(e.count, 0);
	free(t.at);
}

/* Whatever fits into a file is read or refused in no time: nothing is quadratic in what a stranger writes. */
static void large_and_wrong(void **state)
{
	static const char *const items[] = {"k%u: v", "[",    "- ", "? ", "a: ", "'",
					    "!",      "{a: ", "\\", "%%", ",",	 "p%u"};
	static const char *const heads[] = {"", "{", "[", START "purposes: {",
					    START "purposes: {p: {ttl: 1m, files: ["};

	(void)state;
	for (size_t h = 0; h < COUNT(heads); h++) {
		for (size_t i = 0; i < COUNT(items); i++) {
			struct policy_errors e = {0};
			struct policy *policy = NULL;
			struct text t;

			begin(&t, heads[h]);
			for (unsigned k = 0; k < POLICY_TEXT_MAX / 16; k++) {
				fprintf(t.out, items[i], k);
				fputs(i == 0 || i > 9 ? "," : "", t.out);
			}
			fclose(t.out);
			assert_int_equal(policy_parse("t.yaml", t.at, t.len, NULL, NULL, &e, &policy),
					 -EINVAL);
			policy_errors_free(&e);
			free(t.at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),
		cmocka_unit_test(purposes),
		cmocka_unit_test(ports),
		cmocka_unit_test(long_ports),
		cmocka_unit_test(rules_in_one_purpose),
		cmocka_unit_test(rules_in_two_purposes),
		cmocka_unit_test(rules_of_profiles),
		cmocka_unit_test(names),
		cmocka_unit_test(profiles),
		cmocka_unit_test(depth),
		cmocka_unit_test(text_size),
		cmocka_unit_test(errors),
		cmocka_unit_test(large_and_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
