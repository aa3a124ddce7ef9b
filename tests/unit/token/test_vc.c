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

#include "keys.h"
#include "token/data_integrity.h"
#include "token/did_key.h"
#include "token/vc.h"

#define NOW 1000000

static json_t *assurance;

static int setup(void **state)
{
	assurance = json_pack("{s:s, s:s}", "method", "ssh-sk", "signer", "SHA256:abc");
	return keys_setup(state);
}

static int teardown(void **state)
{
	json_decref(assurance);
	return keys_teardown(state);
}

static const struct vc_link good_links[] = {
	{"groot", NULL, "fix-issue", "coder", "sha256:ff", "sha256:01", "h.p1.s", 100, 2000000},
	{"gmid", "groot", "test", "coder", "sha256:ff", "sha256:02", "h.p2.s", 100, 1999999},
	{"gleaf", "gmid", "test", "tester", "sha256:fe", "sha256:03", "h.p3.s", 200, 1500000},
};

static struct vc_chain chain_of(const struct vc_link *links, size_t count)
{
	return (struct vc_chain){"uid:1000", assurance, links, count};
}

static json_t *good(void)
{
	struct vc_chain c = chain_of(good_links, 3);
	json_t *vc = NULL;

	assert_int_equal(vc_sign(key, &c, NOW, &vc), 0);
	return vc;
}

static int verify(const json_t *vc, int64_t now)
{
	return vc_verify(vc, key_public(key), now);
}

static void round_trip(void **state)
{
	json_auto_t *vc = good(), *parsed = NULL;
	const json_t *subject = json_object_get(vc, "credentialSubject"), *links;
	char *text = json_dumps(vc, JSON_INDENT(2));

	(void)state;
	assert_int_equal(vc_parse(text, strlen(text), &parsed), 0);
	assert_int_equal(verify(parsed, NOW), 0);
	links = json_object_get(subject, "links");
	assert_int_equal(json_array_size(links), 3);
	assert_true(json_is_null(json_object_get(json_array_get(links, 0), "parent")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(links, 2), "parent")),
			    "agent:gmid");
	assert_string_equal(json_string_value(json_object_get(subject, "id")), "agent:gleaf");
	assert_string_equal(json_string_value(json_object_get(vc, "validFrom")), "1970-01-01T00:03:20Z");
	assert_string_equal(json_string_value(json_object_get(vc, "validUntil")), "1970-01-18T08:40:00Z");
	free(text);
}

static void times(void **state)
{
	json_auto_t *vc = good();

	(void)state;
	assert_int_equal(verify(vc, 199), -EAGAIN);
	assert_int_equal(verify(vc, 200), 0);
	assert_int_equal(verify(vc, 1499999), 0);
	assert_int_equal(verify(vc, 1500000), -EKEYEXPIRED);
	assert_int_equal(verify(vc, INT64_MAX), -EKEYEXPIRED);
	assert_int_equal(verify(vc, -1), -EAGAIN);
}

static void other_issuer(void **state)
{
	struct vc_chain c = chain_of(good_links, 1);
	json_auto_t *vc = NULL;

	(void)state;
	assert_int_equal(vc_sign(other, &c, NOW, &vc), 0);
	assert_int_equal(verify(vc, NOW), -ENOKEY);
	assert_int_equal(vc_verify(vc, key_public(other), NOW), 0);
}

/* ---- what is no chain is neither issued nor believed ---- */

static void chains(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		struct vc_link link;
	} cases[] = {
		{"a root with a parent", 0, {"groot", "x", "p", "c", "d", "t", "w", 100, 2000000}},
		{"no parent", 1, {"gmid", NULL, "p", "c", "d", "t", "w", 100, 1999999}},
		{"another parent", 1, {"gmid", "gleaf", "p", "c", "d", "t", "w", 100, 1999999}},
		{"longer than its parent", 1, {"gmid", "groot", "p", "c", "d", "t", "w", 100, 2000001}},
		{"before its parent", 1, {"gmid", "groot", "p", "c", "d", "t", "w", 99, 1999999}},
		{"no life", 2, {"gleaf", "gmid", "p", "c", "d", "t", "w", 200, 200}},
		{"a negative life", 0, {"groot", NULL, "p", "c", "d", "t", "w", -1, 2000000}},
		{"a far end", 0, {"groot", NULL, "p", "c", "d", "t", "w", 100, 253402300800}},
		{"no token", 2, {"gleaf", "gmid", "p", "c", "d", "t", NULL, 200, 300}},
		{"no policy", 2, {"gleaf", "gmid", "p", NULL, "d", "t", "w", 200, 300}},
		{"no UTF-8", 2, {"gleaf", "gmid", "\xff", "c", "d", "t", "w", 200, 300}},
		{"no UTF-8 in an id", 2, {"gl\xff", "gmid", "p", "c", "d", "t", "w", 200, 300}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vc_link links[3];
		struct vc_chain c = chain_of(links, 3);
		json_t *vc = NULL;

		memcpy(links, good_links, sizeof(links));
		links[cases[i].at] = cases[i].link;
		if (vc_sign(key, &c, NOW, &vc) != -EINVAL || vc)
			fail_msg("%s", cases[i].what);
	}
}

static void chain_length(void **state)
{
	struct vc_link links[VC_LINKS_MAX + 1];
	char ids[VC_LINKS_MAX + 1][8];
	struct vc_chain c = chain_of(links, 0);
	json_t *vc = NULL;

	(void)state;
	for (size_t i = 0; i <= VC_LINKS_MAX; i++) {
		snprintf(ids[i], sizeof(ids[i]), "g%zu", i);
		links[i] = (struct vc_link){ids[i], i ? ids[i - 1] : NULL, "p", "c", "d", "t", "w", 100,
					    2000000};
	}
	assert_int_equal(vc_sign(key, &c, NOW, &vc), -EINVAL);
	c.count = VC_LINKS_MAX + 1;
	assert_int_equal(vc_sign(key, &c, NOW, &vc), -EINVAL);
	c.count = VC_LINKS_MAX;
	assert_int_equal(vc_sign(key, &c, NOW, &vc), 0);
	assert_int_equal(verify(vc, NOW), 0);
	json_decref(vc);
	c.owner = NULL;
	assert_int_equal(vc_sign(key, &c, NOW, &vc), -EINVAL);
}

static void assurances(void **state)
{
	static const struct {
		const char *json;
		int err;
	} cases[] = {
		{"{\"method\":\"local\"}", 0},
		{"{\"method\":\"x\",\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\",\"7\":\"\"}",
		 0},
		{"{\"method\":\"x\",\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\"}",
		 -EINVAL},
		{"{}", -EINVAL},
		{"{\"method\":1}", -EINVAL},
		{"{\"method\":\"x\",\"y\":null}", -EINVAL},
		{"[\"method\"]", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *value = json_loads(cases[i].json, 0, NULL), *vc = NULL;
		struct vc_chain c = chain_of(good_links, 3);

		c.assurance = value;
		if (vc_sign(key, &c, NOW, &vc) != cases[i].err)
			fail_msg("%s", cases[i].json);
	}
}

/* The good credential, changed by `edit` and then properly signed: only the form is wrong. */
static json_t *forged(void (*edit)(json_t *vc))
{
	json_auto_t *vc = good(), *copy = json_deep_copy(vc);
	char method[DID_KEY_METHOD_LEN + 1];
	json_t *secured = NULL;

	json_object_del(copy, "proof");
	edit(copy);
	did_key_method(key_public(key), method);
	assert_int_equal(data_integrity_sign(key, copy, method, NOW, &secured), 0);
	return secured;
}

static json_t *member(json_t *vc, const char *name)
{
	return json_object_get(json_object_get(vc, "credentialSubject"), name);
}

static void nothing(json_t *vc)
{
	(void)vc;
}

static void context_more(json_t *vc)
{
	json_array_append_new(json_object_get(vc, "@context"), json_string("https://evil.example"));
}

static void context_order(json_t *vc)
{
	json_array_remove(json_object_get(vc, "@context"), 0);
}

static void type_more(json_t *vc)
{
	json_array_append_new(json_object_get(vc, "type"), json_string("AdministratorCredential"));
}

static void status_added(json_t *vc)
{
	json_object_set_new(vc, "credentialStatus", json_object());
}

static void until_later(json_t *vc)
{
	json_object_set_new(vc, "validUntil", json_string("2099-01-01T00:00:00Z"));
}

static void until_none(json_t *vc)
{
	json_object_del(vc, "validUntil");
}

static void subject_list(json_t *vc)
{
	json_t *subject = json_incref(json_object_get(vc, "credentialSubject"));

	json_object_set_new(vc, "credentialSubject", json_pack("[o]", subject));
}

static void subject_more(json_t *vc)
{
	json_object_set_new(json_object_get(vc, "credentialSubject"), "admin", json_true());
}

static void subject_id(json_t *vc)
{
	json_object_set_new(json_object_get(vc, "credentialSubject"), "id", json_string("agent:groot"));
}

static void link_gone(json_t *vc)
{
	json_array_remove(member(vc, "links"), 1);
}

static void link_first_gone(json_t *vc)
{
	json_array_remove(member(vc, "links"), 0);
}

static void links_swapped(json_t *vc)
{
	json_t *links = member(vc, "links"), *first = json_incref(json_array_get(links, 0));

	json_array_remove(links, 0);
	json_array_append_new(links, first);
}

static void links_none(json_t *vc)
{
	json_array_clear(member(vc, "links"));
}

static void links_many(json_t *vc)
{
	json_t *links = member(vc, "links");

	while (json_array_size(links) <= VC_LINKS_MAX)
		json_array_append(links, json_array_get(links, 2));
}

static void link_more(json_t *vc)
{
	json_object_set_new(json_array_get(member(vc, "links"), 0), "x", json_null());
}

static void link_longer(json_t *vc)
{
	json_object_set_new(json_array_get(member(vc, "links"), 1), "validUntil",
			    json_string("1971-01-01T00:00:00Z"));
}

static void link_time(json_t *vc)
{
	json_object_set_new(json_array_get(member(vc, "links"), 1), "validUntil", json_integer(5));
}

static void link_name(json_t *vc)
{
	json_object_set_new(json_array_get(member(vc, "links"), 1), "id", json_string("gmid"));
}

static void policy_more(json_t *vc)
{
	json_t *link = json_array_get(member(vc, "links"), 0);

	json_object_set_new(json_object_get(link, "policy"), "text", json_string(""));
}

static void assurance_none(json_t *vc)
{
	json_object_clear(member(vc, "assurance"));
}

static void forms(void **state)
{
	static void (*const edits[])(json_t *) = {
		context_more,	 context_order, type_more,    status_added, until_later,
		until_none,	 subject_list,	subject_more, subject_id,   link_gone,
		link_first_gone, links_swapped, links_none,   links_many,   link_more,
		link_longer,	 link_time,	link_name,    policy_more,  assurance_none,
	};
	json_auto_t *same = forged(nothing);

	(void)state;
	assert_int_equal(verify(same, NOW), 0);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		json_auto_t *vc = forged(edits[i]);

		if (verify(vc, NOW) != -EBADMSG)
			fail_msg("form %zu: %d", i, verify(vc, NOW));
	}
}

/* The issuer and the key of the proof are one: who signs cannot issue in another's name. */
static void names(void **state)
{
	json_auto_t *vc = good(), *document = json_deep_copy(vc), *secured = NULL, *theirs = NULL;
	char method[DID_KEY_METHOD_LEN + 1];

	(void)state;
	json_object_del(document, "proof");
	did_key_method(key_public(other), method);
	assert_int_equal(data_integrity_sign(other, document, method, NOW, &secured), 0);
	assert_int_equal(verify(secured, NOW), -EBADMSG);
	assert_int_equal(vc_verify(secured, key_public(other), NOW), -EBADMSG);
	did_key_method(key_public(key), method);
	assert_int_equal(data_integrity_sign(other, document, method, NOW, &theirs), 0);
	assert_int_equal(verify(theirs, NOW), -EKEYREJECTED);
}

/* Every character of the text changed, one at a time. */
static void changes(void **state)
{
	json_auto_t *vc = good();
	char *text = json_dumps(vc, JSON_COMPACT);
	size_t refused = 0, unparsed = 0;

	(void)state;
	assert_int_equal(verify(vc, NOW), 0);
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];

		for (const char *c = "a1\" "; *c; c++) {
			json_auto_t *changed = NULL;

			if (*c == was)
				continue;
			text[i] = *c;
			if (vc_parse(text, strlen(text), &changed))
				unparsed++;
			else if (verify(changed, NOW) == 0)
				fail_msg("character %zu: '%c' for '%c'", i, *c, was);
			else
				refused++;
		}
		text[i] = was;
	}
	print_message("# %zu changed credentials refused, %zu no JSON\n", refused, unparsed);
	assert_true(refused > 1000);
	free(text);
}

static void parsing(void **state)
{
	static const char *const bad[] = {
		"", "[]", "null", "{\"a\":1,\"a\":1}", "{} {}", "{\"a\":\"\\u0000\"}"};
	char *pad = malloc(VC_MAX + 1);
	json_auto_t *vc = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vc_parse(bad[i], strlen(bad[i]), &vc), -EBADMSG);
	memset(pad, ' ', VC_MAX + 1);
	memcpy(pad, "{}", 2);
	assert_int_equal(vc_parse(pad, VC_MAX + 1, &vc), -EMSGSIZE);
	assert_int_equal(vc_parse(pad, VC_MAX, &vc), 0);
	assert_int_equal(verify(vc, NOW), -EBADMSG);
	free(pad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(times),	      cmocka_unit_test(other_issuer),
		cmocka_unit_test(chains),     cmocka_unit_test(chain_length), cmocka_unit_test(forms),
		cmocka_unit_test(assurances), cmocka_unit_test(names),	      cmocka_unit_test(changes),
		cmocka_unit_test(parsing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
