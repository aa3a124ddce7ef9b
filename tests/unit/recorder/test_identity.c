/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <errno.h>

static int book_new(void **state)
{
	*state = identity_book_new();
	return *state ? 0 : -1;
}

static int book_free(void **state)
{
	identity_book_free(*state);
	return 0;
}

static int add(struct identity_book *book, uint32_t slot, uint32_t gen, uint64_t now)
{
	struct record_message m = sample_grant(slot, gen);

	return identity_add(book, &m, sample_labels, sizeof(sample_labels), now);
}

static void test_find(void **state)
{
	const struct identity *who;

	assert_int_equal(add(*state, SLOT, GEN, 0), 0);
	who = identity_find(*state, SLOT, GEN);
	assert_non_null(who);
	assert_string_equal(who->user, "alice");
	assert_string_equal(identity_rule(who, 1), "coder.yaml:7 allow read path /home/**");
	assert_string_equal(identity_rule(who, 2), "coder.yaml:8 deny read path **/.env");
	assert_null(identity_rule(who, 0));
	assert_null(identity_rule(who, 3));
	assert_null(identity_find(*state, SLOT, GEN + 1));
	assert_null(identity_find(*state, SLOT + 1, GEN));
	assert_null(identity_find(*state, 0, GEN));
	assert_null(identity_find(*state, SLOTS_MAX, GEN));
	assert_null(identity_find(*state, UINT32_MAX, GEN));
}

static void test_renewed(void **state)
{
	struct record_message m = sample_grant(SLOT, GEN);
	struct identity *who;

	assert_int_equal(add(*state, SLOT, GEN, 0), 0);
	who = identity_find(*state, SLOT, GEN);
	strcpy(m.chain, "sha256:another");
	strcpy(m.user, "mallory");
	identity_renew(who, &m);
	assert_string_equal(who->chain, "sha256:another");
	assert_string_equal(who->user, "alice");
	assert_string_equal(identity_rule(who, 2), "coder.yaml:8 deny read path **/.env");
}

static void test_no_rules(void **state)
{
	struct record_message m = sample_grant(SLOT, GEN);

	assert_int_equal(identity_add(*state, &m, "", 0, 0), 0);
	assert_null(identity_rule(identity_find(*state, SLOT, GEN), 1));
}

static void assert_refused(struct identity_book *book, const struct record_message *m, const char *labels,
			   size_t len)
{
	assert_int_equal(identity_add(book, m, labels, len, 0), -EPROTO);
}

static void test_malformed(void **state)
{
	struct record_message good = sample_grant(SLOT, GEN), bad;
	char *labels = calloc(1, IDENTITY_LABELS_MAX + 1);

	assert_refused(*state, &good, "no end", 6);
	bad = good;
	bad.slot = 0;
	assert_refused(*state, &bad, "", 0);
	bad.slot = SLOTS_MAX;
	assert_refused(*state, &bad, "", 0);
	bad = good;
	memset(bad.grant, 'g', sizeof(bad.grant));
	assert_refused(*state, &bad, "", 0);
	bad = good;
	memset(bad.text, 'g', sizeof(bad.text));
	assert_refused(*state, &bad, "", 0);
	assert_refused(*state, &good, labels, IDENTITY_LABELS_MAX + 1);
	assert_refused(*state, &good, labels, TABLE_RULES + 1);
	memset(labels, 'x', IDENTITY_LABEL_MAX);
	assert_refused(*state, &good, labels, IDENTITY_LABEL_MAX + 1);
	labels[IDENTITY_LABEL_MAX - 1] = '\0';
	assert_int_equal(identity_add(*state, &good, labels, IDENTITY_LABEL_MAX, 0), 0);
	assert_refused(*state, &good, "", 0); /* announced twice */
	free(labels);
}

static void test_as_many_rules_as_a_table_has(void **state)
{
	struct record_message m = sample_grant(SLOT, GEN);
	char *labels = calloc(1, TABLE_RULES);

	assert_int_equal(identity_add(*state, &m, labels, TABLE_RULES, 0), 0);
	assert_string_equal(identity_rule(identity_find(*state, SLOT, GEN), TABLE_RULES), "");
	free(labels);
}

static void test_forgotten_in_time(void **state)
{
	assert_int_equal(add(*state, 1, GEN, 0), 0);
	assert_int_equal(add(*state, 2, GEN, 0), 0);
	identity_end(*state, identity_find(*state, 1, GEN), 1000);
	identity_end(*state, identity_find(*state, 1, GEN), 2000); /* ends only once */
	identity_forget_old(*state, 1000 + IDENTITY_KEPT_NS - 1);
	assert_non_null(identity_find(*state, 1, GEN));
	identity_forget_old(*state, 1000 + IDENTITY_KEPT_NS);
	assert_null(identity_find(*state, 1, GEN));
	identity_forget_old(*state, UINT64_MAX);
	assert_non_null(identity_find(*state, 2, GEN));
}

/* A slot's next grant ends the one before, and there is a bound on how many ended ones are kept. */
static void test_slot_reused(void **state)
{
	struct identity_book *book = *state;

	for (uint32_t gen = 1; gen <= 2 * IDENTITY_KEPT; gen++) {
		assert_int_equal(add(book, SLOT, gen, gen), 0);
		assert_true(book->ended_count <= IDENTITY_KEPT);
	}
	assert_non_null(identity_find(book, SLOT, 2 * IDENTITY_KEPT));
	assert_non_null(identity_find(book, SLOT, IDENTITY_KEPT));
	assert_null(identity_find(book, SLOT, IDENTITY_KEPT - 1));
	assert_int_equal(book->label_bytes, sizeof(sample_labels)); /* all have the same */
	identity_forget_old(book, UINT64_MAX);
	assert_int_equal(book->label_bytes, sizeof(sample_labels));
}

/* Past the bound on labels a grant still has its names. */
static void test_label_bound(void **state)
{
	struct identity_book *book = *state;
	char *labels = malloc(IDENTITY_LABELS_MAX);
	uint32_t slot = 1;

	memset(labels, 'x', IDENTITY_LABELS_MAX);
	for (size_t at = IDENTITY_LABEL_MAX - 1; at < IDENTITY_LABELS_MAX; at += IDENTITY_LABEL_MAX)
		labels[at] = '\0';
	for (size_t bytes = 0; bytes <= IDENTITY_LABELS; bytes += IDENTITY_LABELS_MAX, slot++) {
		struct record_message m = sample_grant(slot, GEN);

		*labels = (char)('a' + slot);
		assert_int_equal(identity_add(book, &m, labels, IDENTITY_LABELS_MAX, 0), 0);
	}
	assert_int_equal(book->label_bytes, IDENTITY_LABELS);
	assert_non_null(identity_rule(identity_find(book, slot - 2, GEN), 1));
	assert_null(identity_rule(identity_find(book, slot - 1, GEN), 1));
	*labels = 'b'; /* those of the first, which are there already */
	assert_int_equal(identity_add(book, &(struct record_message){.slot = slot, .gen = GEN}, labels,
				      IDENTITY_LABELS_MAX, 0),
			 0);
	assert_ptr_equal(identity_rule(identity_find(book, slot, GEN), 2),
			 identity_rule(identity_find(book, 1, GEN), 2));
	free(labels);
}

/* Labels go with the last grant that has them, and count once until then. */
static void test_labels_shared(void **state)
{
	static const char other[] = "coder.yaml:7 allow read path /srv/**";
	struct identity_book *book = *state;
	struct record_message m = sample_grant(3, GEN);

	assert_int_equal(add(book, 1, GEN, 0), 0);
	assert_int_equal(add(book, 2, GEN, 0), 0);
	assert_int_equal(identity_add(book, &m, other, sizeof(other), 0), 0);
	assert_ptr_equal(identity_rule(identity_find(book, 1, GEN), 2),
			 identity_rule(identity_find(book, 2, GEN), 2));
	assert_string_equal(identity_rule(identity_find(book, 3, GEN), 1), other);
	assert_int_equal(book->label_bytes, sizeof(sample_labels) + sizeof(other));
	identity_end(book, identity_find(book, 1, GEN), 1);
	identity_end(book, identity_find(book, 3, GEN), 1);
	identity_forget_old(book, UINT64_MAX);
	assert_int_equal(book->label_bytes, sizeof(sample_labels));
	assert_string_equal(identity_rule(identity_find(book, 2, GEN), 2),
			    "coder.yaml:8 deny read path **/.env");
	assert_string_equal(identity_names(identity_find(book, 2, GEN)).owner, "uid:1000");
	identity_end(book, identity_find(book, 2, GEN), 1);
	identity_forget_old(book, UINT64_MAX);
	assert_int_equal(book->label_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_new, book_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_find),
		TEST(test_renewed),
		TEST(test_no_rules),
		TEST(test_malformed),
		TEST(test_as_many_rules_as_a_table_has),
		TEST(test_forgotten_in_time),
		TEST(test_slot_reused),
		TEST(test_label_bound),
		TEST(test_labels_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
