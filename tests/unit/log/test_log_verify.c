/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a log, and what the verifier says was done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/segment.h"
#include "stage.h"

#define FIRST	 "00000000000000000001"
#define SECOND	 "00000000000000000010"
#define THIRD	 "00000000000000000020"
#define LINES	 ".jsonl"
#define HASHES	 ".hashes"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct stage stage;
static struct stage_copy *copy;

/* 1 to 9, 10 to 19, 20 to 29: each segment's first line is its head. A checkpoint of 15 records and one of
 * all. */
static int setup(void **state)
{
	(void)state;
	stage_open(&stage);
	assert_int_equal(stage_writer(&stage), 0);
	stage_lines(&stage, 8);
	stage_rotate(&stage);
	stage_lines(&stage, 5);
	stage_checkpoint(&stage);
	stage_lines(&stage, 4);
	stage_rotate(&stage);
	stage_lines(&stage, 9);
	stage_cosign(&stage, 1790000077);
	stage_stop(&stage);
	copy = stage_save(&stage);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_copy_free(copy);
	stage_close(&stage);
	return 0;
}

static void sound(void **state)
{
	struct verdict v;

	(void)state;
	stage_verify(&stage, &v);
	assert_int_equal(v.count, 0);
	assert_int_equal(v.report.first, 1);
	assert_int_equal(v.report.next, 30);
	assert_int_equal(v.report.segments, 3);
	assert_int_equal(v.report.checkpoints, 3);
	assert_int_equal(v.report.covered, 29);
	assert_int_equal(v.report.witnessed, 29);
	assert_int_equal(v.report.witness_time, 1790000077);
}

/* ---- edits of lines; `a` and `b` count from 1 in the file ---- */

static char *line_at(const struct log_bytes *f, size_t n, size_t *len)
{
	char *at = f->at;

	while (--n)
		at = strchr(at, '\n') + 1;
	*len = strcspn(at, "\n") + 1;
	return at;
}

static void edit_alter(struct log_bytes *f, size_t a, size_t b)
{
	size_t len;
	char *line = line_at(f, a, &len);

	(void)b;
	line[len - 4] ^= 1; /* within the path */
}

static void edit_number(struct log_bytes *f, size_t a, size_t b)
{
	size_t len;

	(void)b;
	line_at(f, a, &len)[8] ^= 8; /* its number's first digit */
}

static void edit_remove(struct log_bytes *f, size_t a, size_t b)
{
	for (; b >= a; b--) {
		size_t len;
		char *line = line_at(f, b, &len);

		memmove(line, line + len, f->len - (size_t)(line - f->at) - len + 1);
		f->len -= len;
	}
}

/* A copy of line a before line b. */
static void edit_insert(struct log_bytes *f, size_t a, size_t b)
{
	size_t len, to_len;
	char line[4096], *to = line_at(f, a, &len);

	memcpy(line, to, len < sizeof(line) ? len : sizeof(line));
	f->at = realloc(f->at, f->len + len + 1);
	to = line_at(f, b, &to_len);
	memmove(to + len, to, f->len - (size_t)(to - f->at) + 1);
	memcpy(to, line, len);
	f->len += len;
}

/* Line a behind line b > a. */
static void edit_move(struct log_bytes *f, size_t a, size_t b)
{
	edit_insert(f, a, b + 1);
	edit_remove(f, a, a);
}

static void edit_nonsense(struct log_bytes *f, size_t a, size_t b)
{
	size_t len;

	edit_insert(f, a, b);
	memset(line_at(f, b, &len), 'x', 5);
}

static void edit_forge(struct log_bytes *f, size_t a, size_t b)
{
	edit_insert(f, a, b); /* the same number twice, the first time with other words */
	edit_alter(f, b, 0);
}

static void edit_cut(struct log_bytes *f, size_t a, size_t b)
{
	size_t len;

	(void)b;
	f->len = (size_t)(line_at(f, a, &len) - f->at);
}

struct edit {
	const char *what;
	const char *segment;
	void (*edit)(struct log_bytes *f, size_t a, size_t b);
	size_t a, b;
	struct log_finding want[3]; /* each of them, and no other damage; .line 0: wherever */
};

static const struct edit edits[] = {
	{"a record altered",
	 SECOND,
	 edit_alter,
	 3,
	 0,
	 {{.kind = LOG_ALTERED, .segment = 10, .line = 3, .seq = 12}}},
	{"the last record",
	 THIRD,
	 edit_alter,
	 10,
	 0,
	 {{.kind = LOG_ALTERED, .segment = 20, .line = 10, .seq = 29}}},
	{"a record's number",
	 SECOND,
	 edit_number,
	 3,
	 0,
	 {{.kind = LOG_ALTERED, .segment = 10, .line = 3, .seq = 12}}},
	{"a head altered",
	 SECOND,
	 edit_alter,
	 1,
	 0,
	 {{.kind = LOG_HEAD, .segment = 10, .line = 1, .seq = 10},
	  {.kind = LOG_ALTERED, .segment = 10, .line = 1, .seq = 10}}},
	{"one removed",
	 SECOND,
	 edit_remove,
	 5,
	 5,
	 {{.kind = LOG_REMOVED, .segment = 10, .seq = 14, .to = 14}}},
	{"four removed", FIRST, edit_remove, 3, 6, {{.kind = LOG_REMOVED, .segment = 1, .seq = 3, .to = 6}}},
	{"the end of a segment",
	 FIRST,
	 edit_remove,
	 8,
	 9,
	 {{.kind = LOG_REMOVED, .segment = 1, .seq = 8, .to = 9}}},
	{"the end of the log",
	 THIRD,
	 edit_cut,
	 9,
	 0,
	 {{.kind = LOG_REMOVED, .segment = 20, .seq = 28, .to = 29}}},
	{"two neighbours swapped",
	 SECOND,
	 edit_move,
	 4,
	 5,
	 {{.kind = LOG_MOVED, .segment = 10, .line = 5, .seq = 13}}},
	{"one moved to the end",
	 SECOND,
	 edit_move,
	 3,
	 9,
	 {{.kind = LOG_MOVED, .segment = 10, .line = 9, .seq = 12}}},
	{"one twice", SECOND, edit_insert, 3, 7, {{.kind = LOG_INSERTED, .segment = 10, .line = 7}}},
	{"nonsense", SECOND, edit_nonsense, 3, 7, {{.kind = LOG_INSERTED, .segment = 10, .line = 7}}},
	{"a forged twin", SECOND, edit_forge, 4, 4, {{.kind = LOG_INSERTED, .segment = 10, .line = 4}}},
};

static bool is_same(const struct log_finding *f, const struct log_finding *want)
{
	return f->kind == want->kind && f->segment == want->segment &&
	       (!want->line || f->line == want->line) && f->seq == want->seq &&
	       (!want->to || f->to == want->to);
}

static void verdict_is(const char *what, const struct log_finding *want, size_t count)
{
	struct verdict v;
	size_t wanted = 0, damage = 0;

	stage_verify(&stage, &v);
	for (size_t i = 0; i < count && (want[i].segment || want[i].seq); i++, wanted++) {
		bool found = false;

		for (size_t j = 0; j < v.count; j++)
			found |= is_same(&v.found[j], &want[i]);
		if (found)
			continue;
		for (size_t j = 0; j < v.count; j++) {
			char text[256];

			log_finding_text(&v.found[j], text, sizeof(text));
			print_message("# %s\n", text);
		}
		fail_msg("%s: not found: %s", what, log_finding_name(want[i].kind));
	}
	for (size_t j = 0; j < v.count; j++)
		damage += !log_finding_is_warning(&v.found[j]);
	if (damage != wanted || v.report.damage != damage)
		fail_msg("%s: %zu findings", what, damage);
}

static void edited(const struct edit *e, bool hashes)
{
	struct log_bytes f;
	char name[SEGMENT_NAME_BYTES];

	stage_restore(&stage, copy);
	snprintf(name, sizeof(name), "%s%s", e->segment, LINES);
	stage_read(&stage, name, &f);
	e->edit(&f, e->a, e->b);
	stage_write(&stage, name, f.at, f.len);
	log_bytes_free(&f);
	snprintf(name, sizeof(name), "%s%s", e->segment, HASHES);
	if (!hashes)
		stage_remove(&stage, name);
}

static void tampered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++) {
		edited(&edits[i], true);
		verdict_is(edits[i].what, edits[i].want, COUNT(edits[i].want));
	}
}

/* Without hashes beside the lines, or with such as fit the lie, it shows all the same, if less exactly. */
static void tampered_without_hashes(void **state)
{
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < COUNT(edits); i++) {
		edited(&edits[i], false);
		stage_verify(&stage, &v);
		if (!v.report.damage)
			fail_msg("%s", edits[i].what);
	}
}

/* The forger makes the hash beside the line fit too: then the next claim of a root tells, and from where on.
 */
static void tampered_with_hashes(void **state)
{
	static const struct log_finding want[] = {{.kind = LOG_MISMATCH, .segment = 10, .seq = 10, .to = 15}};
	struct log_bytes f, h;
	size_t len;
	char *line;

	(void)state;
	stage_restore(&stage, copy);
	stage_read(&stage, SECOND LINES, &f);
	stage_read(&stage, SECOND HASHES, &h);
	line = line_at(&f, 4, &len);
	line[len - 4] ^= 1;
	assert_int_equal(merkle_leaf(line, len - 1, (unsigned char *)h.at + 3 * MERKLE_HASH), 0);
	stage_write(&stage, SECOND LINES, f.at, f.len);
	stage_write(&stage, SECOND HASHES, h.at, h.len);
	verdict_is("hash and line", want, COUNT(want));
	log_bytes_free(&f);
	log_bytes_free(&h);
}

/* Hashes that were damaged alone accuse no record. */
static void hashes_damaged(void **state)
{
	static const char *const names[] = {FIRST HASHES, SECOND HASHES, THIRD HASHES};
	struct log_bytes h;
	struct verdict v;

	(void)state;
	for (size_t n = 0; n < COUNT(names); n++) {
		stage_restore(&stage, copy);
		stage_read(&stage, names[n], &h);
		for (size_t i = 0; i < h.len; i++) {
			h.at[i] ^= 1;
			stage_write(&stage, names[n], h.at, h.len);
			h.at[i] ^= 1;
			stage_verify(&stage, &v);
			assert_int_equal(v.report.damage, 0);
			assert_int_equal(v.report.warnings, 1);
			assert_int_equal(v.found[0].kind, LOG_HASHES);
			assert_int_equal(v.found[0].seq, (n ? 10 * n : 1) + i / MERKLE_HASH);
		}
		log_bytes_free(&h);
	}
}

/* Any byte of any line, each of its bits. */
static void every_byte(void **state)
{
	static const char *const names[] = {FIRST LINES, SECOND LINES, THIRD LINES, CHECKPOINTS_NAME};
	size_t n = 0;

	(void)state;
	for (size_t k = 0; k < COUNT(names); k++) {
		struct log_bytes f;

		stage_restore(&stage, copy);
		stage_read(&stage, names[k], &f);
		for (size_t i = 0; i + (k == 3) < f.len;
		     i++) { /* the empty line at the end ends nothing more */
			unsigned bit = 1u << (i % 8);
			struct verdict v;

			f.at[i] ^= (char)bit;
			stage_write(&stage, names[k], f.at, f.len);
			f.at[i] ^= (char)bit;
			stage_verify(&stage, &v);
			/* A witness of another name or id is a stranger, not a liar: he is not counted. */
			if (!v.report.damage && v.report.checkpoints == 3 && v.report.witnessed == 29)
				fail_msg("%s: byte %zu, bit %u", names[k], i, bit);
			n++;
		}
		log_bytes_free(&f);
	}
	print_message("# %zu bytes\n", n);
}

static void segments_gone(void **state)
{
	static const struct {
		const char *gone[2];
		struct log_finding want[2];
	} cases[] = {
		{{FIRST LINES, FIRST HASHES}, {{.kind = LOG_MISSING, .seq = 1, .to = 9}}},
		{{FIRST LINES}, {{.kind = LOG_MISSING, .seq = 1, .to = 9}}},
		{{SECOND LINES, SECOND HASHES}, {{.kind = LOG_REMOVED, .segment = 1, .seq = 10, .to = 19}}},
		{{SECOND LINES}, {{.kind = LOG_REMOVED, .segment = 10, .seq = 10, .to = 19}}},
		{{THIRD LINES, THIRD HASHES}, {{.kind = LOG_TRUNCATED, .seq = 20, .to = 29}}},
		{{THIRD LINES}, {{.kind = LOG_REMOVED, .segment = 20, .seq = 20, .to = 29}}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		stage_restore(&stage, copy);
		for (size_t j = 0; j < 2; j++)
			if (cases[i].gone[j])
				stage_remove(&stage, cases[i].gone[j]);
		verdict_is(cases[i].gone[0], cases[i].want, COUNT(cases[i].want));
	}
}

static void ignore(void *arg, const struct log_finding *f)
{
	(void)arg;
	(void)f;
}

static void checkpoints(void **state)
{
	struct note_key stranger;
	struct verdict v;
	struct log_trust trust = {.log = &stranger};
	struct secret_key *secret;
	unsigned char seed[KEY_SEED_BYTES] = {9};

	(void)state;
	stage_restore(&stage, copy);
	assert_int_equal(key_from_seed(seed, &secret), 0);
	assert_int_equal(note_key_make("deputy/host", SIGNATURE_ED25519, key_public(secret), &stranger), 0);
	stage_verify(&stage, &v);
	assert_int_equal(v.report.checkpoints, 3);
	trust.log = &stranger;
	assert_int_equal(log_verify(stage.dir, &trust, ignore, NULL, &v.report), 0);
	assert_int_equal(v.report.damage, 3); /* none is of that key */
	assert_int_equal(v.report.covered, 0);
	key_free(secret);
}

/* One that is just being written takes nothing from those before it, and is told. */
static void checkpoint_unfinished(void **state)
{
	struct log_bytes f;
	struct verdict v;

	(void)state;
	stage_restore(&stage, copy);
	stage_read(&stage, CHECKPOINTS_NAME, &f);
	stage_write(&stage, CHECKPOINTS_NAME, f.at, f.len - 1);
	log_bytes_free(&f);
	stage_verify(&stage, &v);
	assert_int_equal(v.report.damage, 0);
	assert_int_equal(v.report.warnings, 1);
	assert_int_equal(v.found[0].kind, LOG_TORN);
	assert_int_equal(v.report.checkpoints, 2);
}

/* A root that the log's own key signed, and that is not the log's. */
static void forked_log(void **state)
{
	static const struct log_finding want[] = {{.kind = LOG_MISMATCH, .segment = 20, .seq = 20, .to = 29}};
	char note[CHECKPOINT_NOTE_BYTES + 1];
	struct merkle other = {.size = 29};

	(void)state;
	stage_restore(&stage, copy);
	assert_int_equal(tlog_checkpoint_sign(stage.secret, &stage.key, &other, note), 0);
	strcat(note, "\n");
	stage_write(&stage, CHECKPOINTS_NAME, note, strlen(note));
	verdict_is("another root", want, COUNT(want));
}

static void nothing_there(void **state)
{
	struct stage empty;
	struct verdict v;
	struct log_trust trust = {0};

	(void)state;
	stage_open(&empty);
	assert_int_equal(log_verify(empty.dir, &trust, NULL, NULL, &v.report), -ENOENT);
	stage_write(&empty, FIRST LINES, "{}\n", 3);
	assert_int_equal(log_verify(empty.dir, &trust, NULL, NULL, &v.report), -EBADMSG);
	stage_close(&empty);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(tampered),
		cmocka_unit_test(tampered_without_hashes),
		cmocka_unit_test(tampered_with_hashes),
		cmocka_unit_test(hashes_damaged),
		cmocka_unit_test(every_byte),
		cmocka_unit_test(segments_gone),
		cmocka_unit_test(checkpoints),
		cmocka_unit_test(checkpoint_unfinished),
		cmocka_unit_test(forked_log),
		cmocka_unit_test(nothing_there),
	};

	return cmocka_run_group_tests_name("log_verify", tests, setup, teardown);
}
