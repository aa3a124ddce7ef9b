/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/receipt.h"
#include "stage.h"

#define PER_SEGMENT 12

/* Segments of an odd number of records, a checkpoint amid each and at the end of all. */
static void log_make(struct stage *s, size_t segments)
{
	stage_open(s);
	assert_int_equal(stage_writer(s), 0);
	for (size_t i = 0; i < segments; i++) {
		if (i)
			stage_rotate(s);
		stage_lines(s, PER_SEGMENT / 2);
		stage_checkpoint(s);
		stage_lines(s, PER_SEGMENT / 2);
	}
	stage_cosign(s, 1790000077);
}

static void receipt_good(const struct stage *s, struct log_store *store, uint64_t seq)
{
	struct log_trust trust = {.log = &s->key, .witnesses = &s->witness_key, .witness_count = 1};
	struct receipt_report report;
	struct receipt r;

	assert_int_equal(receipt_make(store, seq, &r), 0);
	assert_int_equal(receipt_check(&r, &trust, &report), 0);
	assert_int_equal(report.seq, seq);
	assert_int_equal(r.index, seq - 1);
	assert_int_equal(report.witnesses, 1);
	assert_int_equal(report.witness_time, 1790000077);
	receipt_free(&r);
}

static void every_record(void **state)
{
	struct log_store *store;
	struct receipt r;
	struct stage s;

	(void)state;
	for (size_t segments = 1; segments < 6; segments++) {
		log_make(&s, segments);
		assert_int_equal(log_store_open(s.dir, &store), 0);
		for (uint64_t seq = 1; seq < log_writer_seq(s.w); seq++)
			receipt_good(&s, store, seq);
		assert_int_equal(receipt_make(store, 0, &r), -ENOENT);
		assert_int_equal(receipt_make(store, log_writer_seq(s.w), &r), -ENOENT);
		log_store_free(store);
		stage_lines(&s, 1);
		assert_int_equal(log_store_open(s.dir, &store), 0);
		assert_int_equal(receipt_make(store, log_writer_seq(s.w) - 1, &r), -EAGAIN);
		log_store_free(store);
		stage_close(&s);
	}
}

/* What retention leaves proves itself, with the hashes of what is gone and without. */
static void after_retention(void **state)
{
	struct log_store *store;
	struct receipt r;
	struct stage s;
	size_t gone;

	(void)state;
	for (size_t segments = 2; segments < 7; segments++) {
		for (int hashes = 0; hashes < 2; hashes++) {
			uint64_t from;

			log_make(&s, segments);
			from = log_writer_segment(s.w);
			assert_int_equal(log_writer_retain(s.w, 1, hashes, STAGE_TIME, &gone), 0);
			assert_int_equal(gone, segments - 1);
			stage_cosign(&s, 1790000077);
			assert_int_equal(log_store_open(s.dir, &store), 0);
			for (uint64_t seq = from; seq < log_writer_seq(s.w); seq++)
				receipt_good(&s, store, seq);
			assert_int_equal(receipt_make(store, from - 1, &r), -ENOENT);
			log_store_free(store);
			stage_close(&s);
		}
	}
}

static void consistency_since(struct log_store *store, uint64_t size, uint64_t base, bool hashes)
{
	struct merkle_proof proof;
	unsigned char then[MERKLE_HASH], now[MERKLE_HASH];

	for (uint64_t old = 1; old <= size; old++) {
		int err = consistency_make(old, size, log_store_subtree, store, &proof);

		if (!hashes && old < base)
			assert_true(!err || err == -ENOENT);
		else
			assert_int_equal(err, 0);
		if (err || (!hashes && old < base))
			continue;
		assert_int_equal(log_store_subtree(store, 0, old, then), 0);
		assert_int_equal(log_store_subtree(store, 0, size, now), 0);
		assert_int_equal(consistency_check(old, then, size, now, &proof), 0);
	}
}

static void consistency_after_retention(void **state)
{
	struct log_store *store;
	struct stage s;
	size_t gone;

	(void)state;
	for (int hashes = 0; hashes < 2; hashes++) {
		log_make(&s, 4);
		assert_int_equal(log_writer_retain(s.w, 2, hashes, STAGE_TIME, &gone), 0);
		assert_int_equal(log_store_open(s.dir, &store), 0);
		assert_int_equal(log_store_size(store), log_writer_tree(s.w)->size);
		consistency_since(store, log_store_size(store), 2 * (PER_SEGMENT + 1), hashes);
		log_store_free(store);
		stage_close(&s);
	}
}

/* ---- forms ---- */

static void forms_agree(const struct receipt *a, const struct receipt *b)
{
	assert_int_equal(a->index, b->index);
	assert_int_equal(a->proof.count, b->proof.count);
	assert_memory_equal(a->proof.hash, b->proof.hash, a->proof.count * MERKLE_HASH);
	assert_string_equal(a->line.at, b->line.at);
	assert_string_equal(a->note.at, b->note.at);
}

/* Each byte changed: no receipt, or not of this log, or, where JSON may be spelled in two ways, the same one.
 */
static size_t spoiled(const struct stage *s, char *text, const struct receipt *good)
{
	struct log_trust trust = {.log = &s->key};
	size_t taken = 0;

	for (size_t i = 0; text[i]; i++) {
		struct receipt_report report;
		struct receipt r;

		text[i] ^= 1;
		if (!receipt_parse(text, strlen(text), &r)) {
			if (!receipt_check(&r, &trust, &report)) {
				assert_int_equal(r.index, good->index);
				assert_string_equal(r.line.at, good->line.at);
				taken++;
			}
			receipt_free(&r);
		}
		text[i] ^= 1;
	}
	return taken;
}

static void two_forms(void **state)
{
	struct log_store *store;
	struct receipt good, r;
	struct stage s;
	json_t *json;
	char *text;

	(void)state;
	log_make(&s, 3);
	assert_int_equal(log_store_open(s.dir, &store), 0);
	assert_int_equal(receipt_make(store, 20, &good), 0);
	json = receipt_json(&good);
	text = json_dumps(json, JSON_COMPACT);
	assert_int_equal(receipt_parse(text, strlen(text), &r), 0);
	forms_agree(&good, &r);
	receipt_free(&r);
	/* The witness's line is not asked for here, so his name and key may change. */
	print_message("# JSON: %zu spellings of %zu\n", spoiled(&s, text, &good), strlen(text));
	free(text);
	json_decref(json);
	assert_int_equal(receipt_tlog_proof(&good, &text), 0);
	assert_int_equal(receipt_parse(text, strlen(text), &r), 0);
	forms_agree(&good, &r);
	receipt_free(&r);
	print_message("# tlog-proof: %zu spellings of %zu\n", spoiled(&s, text, &good), strlen(text));
	for (size_t len = 0; len < strlen(text); len++) {
		struct log_trust trust = {.log = &s.key, .witnesses = &s.witness_key, .witness_count = 1};
		struct receipt_report report;

		if (receipt_parse(text, len, &r))
			continue;
		assert_true(receipt_check(&r, &trust, &report) || !report.witnesses);
		receipt_free(&r);
	}
	free(text);
	receipt_free(&good);
	log_store_free(store);
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record),
		cmocka_unit_test(after_retention),
		cmocka_unit_test(consistency_after_retention),
		cmocka_unit_test(two_forms),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
