/* SPDX-License-Identifier: Apache-2.0 */
/* Folded links: word for word what was signed, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/claims.h"
#include "broker/fold.h"
#include "broker/record.h"
#include "signer.h"

#define ISSUED 1700000000
#define DIGEST "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define OTHER  "sha256:0061b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

static void say(struct grant *g, enum grant_text which, const char *text)
{
	assert_int_equal(grant_say(g, which, text), 0);
}

/* Below `above`, under a policy of its own when `digest` is another. */
static struct grant *sample(struct grant *above, const char *digest)
{
	static const char labels[] = "coder.yaml:7 allow read path /a\0coder.yaml:8 deny read path **/.env";
	struct grant *g = grant_new();
	const char *why;

	say(g, GRANT_OWNER, "uid:1234567");
	say(g, GRANT_ASSURANCE, "ssh");
	say(g, GRANT_PURPOSE, "fix-issue");
	say(g, GRANT_POLICY, "coder");
	say(g, GRANT_KEY, key_public(key)->kid);
	say(g, GRANT_DIGEST, digest);
	say(g, GRANT_TABLE, DIGEST);
	say(g, GRANT_STATUS_URI, "https://deputy.invalid/v1/status-list?list=abc.0");
	assert_int_equal(grant_label(g, labels, sizeof(labels)), 0);
	g->proof = json_pack("{s:s}", "issuer", "https://issuer.invalid");
	g->not_before = ISSUED;
	g->expires = ISSUED + 600;
	g->slot = above ? above->slot + 1 : 5;
	g->gen = 7;
	g->depth = above ? above->depth - 1 : 3;
	g->status_index = g->slot + 100;
	g->above = above;
	if (above)
		memcpy(g->parent, above->id, sizeof(g->parent));
	assert_int_equal(claims_sign(key, g, &why), 0);
	return g;
}

static void assert_folds(struct grant *g)
{
	char *before = strdup(g->link->text), *after;

	fold_link(g);
	assert_null(g->link->text);
	assert_int_equal(fold_text(g, g->link, &after), 0);
	assert_string_equal(after, before);
	free(before);
	free(after);
}

static void test_same(void **state)
{
	struct grant *root = sample(NULL, DIGEST), *child = sample(root, DIGEST), *own = sample(child, OTHER);
	struct chain_report report;
	char *text;

	(void)state;
	assert_folds(root);
	assert_folds(child);
	assert_folds(own); /* the policy of its own says within which it is */
	assert_int_equal(claims_chain(own, &text), 0);
	assert_int_equal(chain_verify_text(&ring, text, strlen(text), ISSUED, &report), 0);
	assert_int_equal(report.count, 3);
	assert_string_equal(report.link[2].terms.policy_within, DIGEST);
	assert_int_equal(report.link[2].terms.details_len > 2, 1);
	chain_report_free(&report);
	free(text);
	assert_int_equal(fold_open(own), 0);
	assert_non_null(own->link->text);
	assert_folds(own);
	assert_int_equal(fold_open(own), 0);
	assert_int_equal(fold_open(own), 0); /* open already */
	grant_free(own);
	grant_free(child);
	grant_free(root);
}

/* Of more rules than a link has room for: the table's digest stands in it. */
static void test_many_rules(void **state)
{
	struct grant *g = sample(NULL, DIGEST);
	char *labels = calloc(1, 100000);
	const char *why;

	(void)state;
	memset(labels, 'r', 99999);
	for (size_t at = 99; at < 100000; at += 100)
		labels[at] = '\0';
	assert_int_equal(grant_label(g, labels, 100000), 0);
	signed_link_drop(g->link);
	assert_int_equal(claims_sign(key, g, &why), 0);
	assert_non_null(g->link);
	assert_folds(g);
	free(labels);
	grant_free(g);
}

/* Whatever is another than when it was signed: it is neither folded then, nor does it come out. */
static void test_changed(void **state)
{
	static const struct {
		enum grant_text which;
		const char *text;
	} changes[] = {
		{GRANT_OWNER, "uid:0"},	      {GRANT_ASSURANCE, "peer"},
		{GRANT_PURPOSE, "deploy"},    {GRANT_POLICY, "other"},
		{GRANT_DIGEST, OTHER},	      {GRANT_TABLE, OTHER},
		{GRANT_STATUS_URI, "https:"}, {GRANT_STATUS_URI, "no \"quote"},
	};
	struct grant *g = sample(NULL, DIGEST);
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		char *was = strdup(grant_text_of(g, changes[i].which));

		say(g, changes[i].which, changes[i].text);
		fold_link(g);
		assert_non_null(g->link->text);
		say(g, changes[i].which, was);
		assert_folds(g);
		say(g, changes[i].which, changes[i].text);
		assert_int_equal(fold_text(g, g->link, &text), -EBADMSG);
		assert_int_equal(fold_open(g), -EBADMSG);
		assert_int_equal(claims_chain(g, &text), -EBADMSG);
		say(g, changes[i].which, was);
		assert_int_equal(fold_open(g), 0);
		free(was);
	}
	g->expires++; /* as when the kernel has another deadline than the record */
	fold_link(g);
	assert_non_null(g->link->text);
	g->expires--;
	assert_folds(g);
	g->link->seal.signature[63] ^= 1;
	assert_int_equal(fold_text(g, g->link, &text), -EBADMSG);
	g->link->seal.signature[63] ^= 1;
	g->link->seal.holder[0] ^= 1;
	assert_int_equal(fold_text(g, g->link, &text), -EBADMSG);
	assert_null(text);
	grant_free(g);
}

/* Without the grant above nothing is known of its hash. */
static void test_without_above(void **state)
{
	struct grant *root = sample(NULL, DIGEST), *child = sample(root, DIGEST);

	(void)state;
	signed_link_drop(child->link->above);
	child->link->above = NULL;
	fold_link(child);
	assert_non_null(child->link->text);
	grant_free(child);
	grant_free(root);
}

static void test_signer(void **state)
{
	struct grant *g = sample(NULL, DIGEST);

	(void)state;
	for (int folded = 0; folded < 2; folded++, fold_link(g)) {
		assert_true(fold_is_signed_by(g->link, key_public(key)->kid));
		assert_false(fold_is_signed_by(g->link, "another"));
	}
	assert_null(g->link->text);
	grant_free(g);
}

/* The next broker reads the same, folded or not. */
static void test_record(void **state)
{
	struct grant *g = sample(NULL, DIGEST), *back;
	char *whole, *folded;
	size_t size, size_folded;

	(void)state;
	assert_int_equal(record_encode(key, g, &whole, &size), 0);
	assert_folds(g);
	assert_int_equal(record_encode(key, g, &folded, &size_folded), 0);
	assert_int_equal(size_folded, size);
	assert_memory_equal(folded, whole, size);
	say(g, GRANT_PURPOSE, "deploy");
	free(folded);
	assert_int_not_equal(record_encode(key, g, &folded, &size_folded), 0);
	assert_int_equal(record_decode(&ring, whole, size, &back), 0);
	free(whole);
	grant_free(back);
	grant_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	cmocka_unit_test(test_many_rules),
		cmocka_unit_test(test_changed), cmocka_unit_test(test_without_above),
		cmocka_unit_test(test_signer),	cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, signer_setup, signer_teardown);
}
