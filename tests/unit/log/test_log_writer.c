/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "log/segment.h"
#include "stage.h"

#define FIRST  "00000000000000000001.jsonl"
#define SECOND "00000000000000000010.jsonl"

/* Lines 1 (its head) to 9, then 10 (the next head) to 15. */
static void two_segments(struct stage *s)
{
	stage_open(s);
	assert_int_equal(stage_writer(s), 0);
	stage_lines(s, 8);
	stage_rotate(s);
	stage_lines(s, 5);
}

static void numbers_go_on(void **state)
{
	struct merkle before;
	struct stage s;

	(void)state;
	two_segments(&s);
	assert_int_equal(log_writer_seq(s.w), 16);
	assert_int_equal(log_writer_segment(s.w), 10);
	before = *log_writer_tree(s.w);
	assert_int_equal(stage_writer(&s), 0);
	assert_int_equal(log_writer_seq(s.w), 16);
	assert_int_equal(s.repair.bytes + s.repair.lines + s.repair.hashes, 0);
	assert_int_equal(log_writer_tree(s.w)->size, 15);
	assert_memory_equal(log_writer_tree(s.w)->node, before.node, 4 * MERKLE_HASH);
	stage_checkpoint(&s);
	stage_checkpoint(&s); /* says nothing new, so is not written */
	stage_sound(&s);
	stage_close(&s);
}

static void head_says_what_was(void **state)
{
	struct log_bytes lines;
	struct segment_head head;
	unsigned char hash[MERKLE_HASH], root[MERKLE_HASH], said[MERKLE_HASH];
	struct merkle tree = {0};
	struct stage s;

	(void)state;
	two_segments(&s);
	stage_read(&s, FIRST, &lines);
	for (const char *at = lines.at, *end; (end = strchr(at, '\n')); at = end + 1) {
		assert_int_equal(merkle_leaf(at, (size_t)(end - at), hash), 0);
		assert_int_equal(merkle_append(&tree, hash), 0);
	}
	log_bytes_free(&lines);
	stage_read(&s, SECOND, &lines);
	assert_int_equal(segment_head_parse(lines.at, strcspn(lines.at, "\n"), &head), 0);
	assert_int_equal(head.seq, 10);
	assert_int_equal(head.tree.size, 9);
	assert_int_equal(merkle_root(&tree, root) | merkle_root(&head.tree, said), 0);
	assert_memory_equal(root, said, MERKLE_HASH);
	lines.at[strcspn(lines.at, "\n") - 10] ^= 1; /* in a subtree's hash */
	assert_int_equal(segment_head_parse(lines.at, strcspn(lines.at, "\n"), &head), -EBADMSG);
	log_bytes_free(&lines);
	stage_close(&s);
}

/* ---- torn ---- */

static size_t whole_lines(const struct log_bytes *lines, size_t len, size_t *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < len; i++) {
		if (lines->at[i] != '\n')
			continue;
		count++;
		*bytes = i + 1;
	}
	return count;
}

/* Goes on, is sound, and still is when opened again, now without a repair. */
static void goes_on(struct stage *s)
{
	stage_lines(s, 2);
	stage_checkpoint(s);
	stage_sound(s);
	assert_int_equal(stage_writer(s), 0);
	assert_int_equal(s->repair.bytes + s->repair.lines + s->repair.hashes + s->repair.checkpoint_bytes,
			 0);
	assert_false(s->repair.segment);
}

/* Killed at any byte of the last segment's lines. */
static void lines_cut(void **state)
{
	struct log_bytes lines;
	struct stage_copy *copy;
	struct stage s;

	(void)state;
	two_segments(&s);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, SECOND, &lines);
	for (size_t len = 0; len <= lines.len; len++) {
		size_t bytes, count = whole_lines(&lines, len, &bytes);

		stage_restore(&s, copy);
		stage_write(&s, SECOND, lines.at, len);
		assert_int_equal(stage_writer(&s), 0);
		assert_int_equal(s.repair.segment, !count);
		if (count)
			assert_int_equal(s.repair.bytes, len - bytes);
		if (count)
			assert_int_equal(s.repair.lines, 6 - count);
		assert_int_equal(log_writer_seq(s.w), 10 + count);
		goes_on(&s);
	}
	log_bytes_free(&lines);
	stage_copy_free(copy);
	stage_close(&s);
}

/* Power failed: the file has its size, its end was never written. */
static void lines_unwritten(void **state)
{
	struct log_bytes lines;
	struct stage_copy *copy;
	struct stage s;

	(void)state;
	two_segments(&s);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, SECOND, &lines);
	for (size_t len = lines.len; len-- > 0;) {
		size_t bytes, count = whole_lines(&lines, len, &bytes);

		lines.at[len] = '\0';
		stage_restore(&s, copy);
		stage_write(&s, SECOND, lines.at, lines.len);
		assert_int_equal(stage_writer(&s), 0);
		assert_int_equal(log_writer_seq(s.w), 10 + count);
		goes_on(&s);
	}
	log_bytes_free(&lines);
	stage_copy_free(copy);
	stage_close(&s);
}

static void hashes_cut(void **state)
{
	static const char name[] = "00000000000000000010.hashes";
	struct log_bytes hashes;
	struct stage_copy *copy;
	struct stage s;

	(void)state;
	two_segments(&s);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, name, &hashes);
	assert_int_equal(hashes.len, 6 * MERKLE_HASH);
	for (size_t len = 0; len <= hashes.len; len++) {
		struct log_bytes again;

		stage_restore(&s, copy);
		stage_write(&s, name, hashes.at, len);
		assert_int_equal(stage_writer(&s), 0);
		assert_int_equal(s.repair.hashes, 6 - len / MERKLE_HASH);
		assert_int_equal(s.repair.bytes, 0);
		stage_read(&s, name, &again);
		assert_int_equal(again.len, hashes.len);
		assert_memory_equal(again.at, hashes.at, hashes.len);
		log_bytes_free(&again);
		goes_on(&s);
	}
	/* A page of them that was not written. */
	memset(hashes.at + 2 * MERKLE_HASH, 0, 2 * MERKLE_HASH);
	stage_restore(&s, copy);
	stage_write(&s, name, hashes.at, hashes.len);
	assert_int_equal(stage_writer(&s), 0);
	assert_int_equal(s.repair.hashes, 4);
	goes_on(&s);
	/* All of the file. */
	stage_restore(&s, copy);
	stage_remove(&s, name);
	assert_int_equal(stage_writer(&s), 0);
	assert_int_equal(s.repair.hashes, 6);
	goes_on(&s);
	log_bytes_free(&hashes);
	stage_copy_free(copy);
	stage_close(&s);
}

static void checkpoints_cut(void **state)
{
	struct log_bytes file;
	struct stage_copy *copy;
	struct stage s;
	size_t one;

	(void)state;
	two_segments(&s);
	stage_checkpoint(&s);
	stage_read(&s, CHECKPOINTS_NAME, &file);
	one = file.len;
	log_bytes_free(&file);
	stage_lines(&s, 1);
	stage_cosign(&s, 1790000001);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, CHECKPOINTS_NAME, &file);
	for (size_t len = 0; len <= file.len; len++) {
		size_t at = 0, n;
		struct log_bytes part = {file.at, len};
		const char *note;

		stage_restore(&s, copy);
		stage_write(&s, CHECKPOINTS_NAME, file.at, len);
		while (checkpoints_next(&part, &at, &note, &n))
			;
		assert_true(at == 0 || at == one || at > one);
		assert_int_equal(stage_writer(&s), 0);
		assert_int_equal(s.repair.checkpoint_bytes, len - at);
		goes_on(&s);
	}
	log_bytes_free(&file);
	stage_copy_free(copy);
	stage_close(&s);
}

/* ---- what is no tear ---- */

/* What a checkpoint covers was on the disk: it is not cut, whoever cut it. */
static void covered_is_not_cut(void **state)
{
	struct log_bytes lines;
	struct stage_copy *copy;
	struct stage s;
	size_t covered;

	(void)state;
	two_segments(&s);
	stage_checkpoint(&s);
	stage_read(&s, SECOND, &lines);
	covered = lines.len;
	log_bytes_free(&lines);
	stage_lines(&s, 2);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, SECOND, &lines);
	for (size_t len = 0; len <= lines.len; len++) {
		stage_restore(&s, copy);
		stage_write(&s, SECOND, lines.at, len);
		assert_int_equal(stage_writer(&s), len < covered ? -EBADMSG : 0);
		if (len < covered)
			assert_non_null(s.place.why);
	}
	stage_restore(&s, copy);
	stage_remove(&s, SECOND);
	assert_int_equal(stage_writer(&s), -EBADMSG);
	stage_restore(&s, copy);
	for (int i = 0; i < 2; i++) {
		stage_remove(&s, i ? SECOND : FIRST);
		stage_remove(&s, i ? "00000000000000000010.hashes" : "00000000000000000001.hashes");
	}
	assert_int_equal(stage_writer(&s), -EBADMSG); /* and no new log begins in its place */
	log_bytes_free(&lines);
	stage_copy_free(copy);
	stage_close(&s);
}

/* Any byte of the last segment changed to one that no tear leaves. */
static void flipped_is_refused(void **state)
{
	struct log_bytes lines;
	struct stage_copy *copy;
	struct stage s;
	size_t opened = 0;

	(void)state;
	two_segments(&s);
	stage_stop(&s);
	copy = stage_save(&s);
	stage_read(&s, SECOND, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		lines.at[i] ^= 1;
		stage_restore(&s, copy);
		stage_write(&s, SECOND, lines.at, lines.len);
		opened += !stage_writer(&s);
		lines.at[i] ^= 1;
	}
	assert_int_equal(opened, 1); /* the last newline: that one is a tear */
	log_bytes_free(&lines);
	stage_copy_free(copy);
	stage_close(&s);
}

/* The disk takes part of a batch: what is whole is kept, and the log goes on when there is room. */
static void disk_full(void **state)
{
	struct rlimit limit, old;
	struct log_bytes lines;
	struct stage s;
	char batch[4096];
	size_t len = 0, kept, before;

	(void)state;
	two_segments(&s);
	before = log_writer_seq(s.w);
	for (size_t i = 0; i < 20; i++)
		len += (size_t)snprintf(batch + len, sizeof(batch) - len, "{\"seq\": %zu, \"a\": \"%0*d\"}\n",
					before + i, 80, 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = log_writer_bytes(s.w) + len / 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(log_writer_append(s.w, batch, len, 20, &kept), -EFBIG);
	assert_int_equal(kept, 10 - 1 + (len / 2 == len / 20 * 10));
	assert_int_equal(log_writer_seq(s.w), before + kept);
	stage_read(&s, SECOND, &lines);
	assert_int_equal(lines.len, log_writer_bytes(s.w));
	assert_int_equal(lines.at[lines.len - 1], '\n');
	log_bytes_free(&lines);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	goes_on(&s);
	stage_close(&s);
}

/* The hashes have no room, the lines do: they catch up. */
static void hashes_full(void **state)
{
	struct rlimit limit, old;
	struct log_bytes hashes;
	struct stage s;
	size_t kept;

	(void)state;
	stage_open(&s);
	assert_int_equal(stage_writer(&s), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (size_t seq = 2; seq < 180; seq++) {
		char line[32];
		int len = snprintf(line, sizeof(line), "{\"seq\": %zu,}\n", seq);

		assert_int_equal(log_writer_append(s.w, line, (size_t)len, 1, &kept), 0);
	}
	assert_int_equal(log_writer_sync(s.w), -EFBIG);
	assert_int_equal(log_writer_checkpoint(s.w, s.secret, &s.key, NULL), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(log_writer_sync(s.w), 0);
	stage_read(&s, "00000000000000000001.hashes", &hashes);
	assert_int_equal(hashes.len, 179 * MERKLE_HASH);
	log_bytes_free(&hashes);
	goes_on(&s);
	stage_close(&s);
}

static void retention(void **state)
{
	struct verdict v;
	struct stage s;
	size_t gone;

	(void)state;
	for (int hashes = 0; hashes < 2; hashes++) {
		two_segments(&s);
		stage_checkpoint(&s);
		stage_lines(&s, 1);
		stage_rotate(&s);
		stage_lines(&s, 3);
		assert_int_equal(log_writer_retain(s.w, 3, hashes, STAGE_TIME, &gone), 0);
		assert_int_equal(gone, 0);
		assert_int_equal(log_writer_retain(s.w, 1, hashes, STAGE_TIME, &gone), 0);
		assert_int_equal(gone, 2);
		assert_int_equal(log_writer_retain(s.w, 1, hashes, STAGE_TIME, &gone), 0);
		assert_int_equal(gone, 0);
		goes_on(&s);
		stage_verify(&s, &v);
		assert_int_equal(v.report.first, 1);
		assert_int_equal(v.report.lines_from, 17);
		/* The old checkpoint can be judged by the hashes alone. */
		assert_int_equal(v.report.checkpoints, 1 + hashes);
		assert_int_equal(v.report.unjudged, !hashes);
		stage_close(&s);
	}
}

static void begins_anywhere(void **state)
{
	struct verdict v;
	struct stage s;

	(void)state;
	stage_open(&s);
	assert_int_equal(log_writer_open(s.dir, 0, STAGE_TIME, &s.w, &s.repair, &s.place), -EINVAL);
	assert_int_equal(log_writer_open(s.dir, 4711, STAGE_TIME, &s.w, &s.repair, &s.place), 0);
	assert_int_equal(log_writer_seq(s.w), 4712);
	stage_lines(&s, 3);
	goes_on(&s);
	stage_verify(&s, &v);
	assert_int_equal(v.report.first, 4711);
	assert_int_equal(v.report.next, 4717);
	assert_int_equal(v.report.covered, 6);
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_go_on),      cmocka_unit_test(head_says_what_was),
		cmocka_unit_test(lines_cut),	      cmocka_unit_test(lines_unwritten),
		cmocka_unit_test(hashes_cut),	      cmocka_unit_test(checkpoints_cut),
		cmocka_unit_test(covered_is_not_cut), cmocka_unit_test(flipped_is_refused),
		cmocka_unit_test(disk_full),	      cmocka_unit_test(hashes_full),
		cmocka_unit_test(retention),	      cmocka_unit_test(begins_anywhere),
	};

	return cmocka_run_group_tests_name("log_writer", tests, NULL, NULL);
}
