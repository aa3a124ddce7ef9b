/* SPDX-License-Identifier: Apache-2.0 */
#include "log/receipt.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "log/segment.h"
#include "proof/base64.h"

#define VARIANT	   sodium_base64_VARIANT_ORIGINAL
#define BASE64	   sodium_base64_ENCODED_LEN(MERKLE_HASH, VARIANT)
#define TLOG_PROOF "c2sp.org/tlog-proof@v1\n"

void receipt_free(struct receipt *r)
{
	log_bytes_free(&r->line);
	log_bytes_free(&r->note);
}

/* ---- made ---- */

/* Without the key: that the root is the one in the note. */
static int proof_holds(const struct receipt *r, struct tlog_checkpoint *checkpoint)
{
	unsigned char leaf[MERKLE_HASH];
	struct signed_note note;
	int err = tlog_checkpoint_open(r->note.at, r->note.len, NULL, &note, checkpoint);

	if (!err)
		err = merkle_leaf(r->line.at, r->line.len, leaf);
	return err ?: inclusion_check(r->index, checkpoint->size, leaf, checkpoint->hash, &r->proof);
}

static int receipt_prove(struct log_store *store, struct receipt *r)
{
	struct tlog_checkpoint checkpoint = {0};
	struct signed_note note;
	int err = log_store_checkpoint(store, r->index, &r->note);

	if (err == -ENOENT)
		return -EAGAIN;
	if (!err)
		err = tlog_checkpoint_open(r->note.at, r->note.len, NULL, &note, &checkpoint);
	if (!err)
		err = inclusion_make(r->index, checkpoint.size, log_store_subtree, store, &r->proof);
	return err ?: proof_holds(r, &checkpoint);
}

int receipt_make(struct log_store *store, uint64_t seq, struct receipt *receipt)
{
	struct receipt r = {.index = seq - log_store_first(store)};
	int err = seq < log_store_first(store) ? -ENOENT : log_store_line(store, seq, &r.line);

	if (!err)
		err = receipt_prove(store, &r);
	if (err)
		receipt_free(&r);
	else
		*receipt = r;
	return err;
}

/* ---- written ---- */

json_t *receipt_json(const struct receipt *r)
{
	json_auto_t *proof = json_array();

	for (size_t i = 0; i < r->proof.count; i++) {
		char text[BASE64];

		sodium_bin2base64(text, sizeof(text), r->proof.hash[i], MERKLE_HASH, VARIANT);
		if (json_array_append_new(proof, json_string(text)))
			return NULL;
	}
	return json_pack("{s:s, s:s%, s:I, s:O, s:s%}", "type", RECEIPT_TYPE, "record", r->line.at,
			 r->line.len, "index", (json_int_t)r->index, "proof", proof, "checkpoint", r->note.at,
			 r->note.len);
}

int receipt_tlog_proof(const struct receipt *r, char **text)
{
	size_t extra = sodium_base64_encoded_len(r->line.len, VARIANT), size;
	_cleanup_free_ char *record = malloc(extra);
	FILE *out = record ? open_memstream(text, &size) : NULL;

	if (!out)
		return -ENOMEM;
	sodium_bin2base64(record, extra, (unsigned char *)r->line.at, r->line.len, VARIANT);
	fprintf(out, TLOG_PROOF "extra %s\nindex %llu\n", record, (unsigned long long)r->index);
	for (size_t i = 0; i < r->proof.count; i++) {
		char hash[BASE64];

		fprintf(out, "%s\n",
			sodium_bin2base64(hash, sizeof(hash), r->proof.hash[i], MERKLE_HASH, VARIANT));
	}
	fprintf(out, "\n%.*s", (int)r->note.len, r->note.at);
	return fclose(out) ? -ENOMEM : 0;
}

/* ---- read ---- */

static int hash_add(const char *text, size_t len, struct merkle_proof *proof)
{
	size_t size;

	if (proof->count == PROOF_MAX ||
	    base64_decode(text, len, NULL, proof->hash[proof->count], MERKLE_HASH, &size) ||
	    size != MERKLE_HASH)
		return -EBADMSG;
	proof->count++;
	return 0;
}

static int bytes_copy(const char *text, size_t len, struct log_bytes *bytes)
{
	bytes->at = malloc(len + 1);
	if (!bytes->at)
		return -ENOMEM;
	memcpy(bytes->at, text, len);
	bytes->at[len] = '\0';
	bytes->len = len;
	return 0;
}

static int text_copy(const json_t *text, struct log_bytes *bytes)
{
	return json_is_string(text) ? bytes_copy(json_string_value(text), json_string_length(text), bytes)
				    : -EBADMSG;
}

static int json_read(const json_t *object, struct receipt *r)
{
	const json_t *index = json_object_get(object, "index"), *proof = json_object_get(object, "proof"),
		     *one;
	const char *type = json_string_value(json_object_get(object, "type"));
	size_t i;
	int err = 0;

	if (!type || strcmp(type, RECEIPT_TYPE) != 0 || !json_is_integer(index) ||
	    json_integer_value(index) < 0 || !json_is_array(proof))
		return -EBADMSG;
	r->index = (uint64_t)json_integer_value(index);
	json_array_foreach (proof, i, one)
		err = err
			      ?: json_is_string(one)
				 ? hash_add(json_string_value(one), json_string_length(one), &r->proof)
				 : -EBADMSG;
	return err ?: text_copy(json_object_get(object, "record"), &r->line) ?:
			      text_copy(json_object_get(object, "checkpoint"), &r->note);
}

/* What is left of a text, line by line. */
struct rest {
	const char *at, *end;
};

static bool rest_line(struct rest *rest, const char **line, size_t *len)
{
	const char *newline = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));

	if (!newline)
		return false;
	*line = rest->at;
	*len = (size_t)(newline - rest->at);
	rest->at = newline + 1;
	return true;
}

static int extra_read(const char *text, size_t len, struct log_bytes *line)
{
	line->at = malloc(len + 1);
	if (!line->at)
		return -ENOMEM;
	if (base64_decode(text, len, NULL, line->at, len, &line->len))
		return -EBADMSG;
	line->at[line->len] = '\0';
	return 0;
}

static int index_read(const char *text, size_t len, uint64_t *index)
{
	uint64_t n = 0;

	if (!len || (len > 1 && *text == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)text[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
			return -EBADMSG;
	}
	*index = n;
	return 0;
}

/* What follows `name` in a line that begins with it. */
static bool after(const char *name, const char **line, size_t *len)
{
	size_t n = strlen(name);

	if (*len < n || memcmp(*line, name, n) != 0)
		return false;
	*line += n;
	*len -= n;
	return true;
}

static int tlog_proof_read(struct rest rest, struct receipt *r)
{
	const char *line = "";
	size_t len = 0;
	int err;

	/* Without the record there is nothing to check here. */
	if (!rest_line(&rest, &line, &len) || !after("extra ", &line, &len))
		return -EBADMSG;
	err = extra_read(line, len, &r->line);
	if (err || !rest_line(&rest, &line, &len) || !after("index ", &line, &len))
		return err ?: -EBADMSG;
	err = index_read(line, len, &r->index);
	while (!err && (err = rest_line(&rest, &line, &len) ? 0 : -EBADMSG) == 0 && len)
		err = hash_add(line, len, &r->proof);
	return err ?: bytes_copy(rest.at, (size_t)(rest.end - rest.at), &r->note);
}

int receipt_parse(const char *text, size_t len, struct receipt *receipt)
{
	const size_t skip = sizeof(TLOG_PROOF) - 1;
	json_auto_t *object = NULL;
	struct receipt r = {0};
	int err;

	if (len > skip && !memcmp(text, TLOG_PROOF, skip)) {
		err = tlog_proof_read((struct rest){text + skip, text + len}, &r);
	} else {
		object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		err = json_read(object, &r);
	}
	if (err)
		receipt_free(&r);
	else
		*receipt = r;
	return err;
}

/* ---- checked ---- */

static int witnesses_count(const struct signed_note *note, const struct log_trust *trust,
			   struct receipt_report *report)
{
	for (size_t i = 0; i < trust->witness_count; i++) {
		uint64_t time;
		int err = note_verify(note, &trust->witnesses[i], &time);

		if (err == -ENOKEY)
			continue;
		if (err)
			return err;
		if (!report->witnesses++ || time < report->witness_time)
			report->witness_time = time;
	}
	return 0;
}

int receipt_check(const struct receipt *r, const struct log_trust *trust, struct receipt_report *report)
{
	struct receipt_report found = {.seq = line_seq(r->line.at, r->line.len)};
	struct signed_note note;
	int err = tlog_checkpoint_open(r->note.at, r->note.len, trust->log, &note, &found.checkpoint);

	if (!err)
		err = proof_holds(r, &found.checkpoint);
	if (!err)
		err = witnesses_count(&note, trust, &found);
	if (!err)
		*report = found;
	return err;
}
