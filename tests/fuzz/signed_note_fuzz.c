/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a note, a checkpoint, a key or a receipt, or are refused; what is taken keeps within them. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "log/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(const char *at, size_t len, const char *start, size_t size)
{
	if (at < start || len > size || (size_t)(at - start) > size - len)
		abort();
}

static void note_try(const char *text, size_t size, const struct note_key *key)
{
	struct tlog_checkpoint checkpoint, again;
	char formatted[CHECKPOINT_TEXT_BYTES];
	struct signed_note note;

	if (note_parse(text, size, &note))
		return;
	within(note.text, note.text_len, text, size);
	if (!note.count || note.count > NOTE_SIGNATURES_MAX || note.text[note.text_len - 1] != '\n')
		abort();
	for (size_t i = 0; i < note.count; i++)
		within(note.signature[i].text, note.signature[i].text_len, text, size);
	if (!note_verify(&note, key, NULL))
		abort(); /* nobody has the key */
	if (tlog_checkpoint_parse(note.text, note.text_len, &checkpoint))
		return;
	/* One spelling each: what is read is written the same. */
	if (tlog_checkpoint_format(&checkpoint, formatted) != checkpoint.body ||
	    memcmp(formatted, note.text, checkpoint.body) != 0 ||
	    tlog_checkpoint_parse(formatted, checkpoint.body, &again))
		abort();
}

static void key_try(const char *text, size_t size)
{
	char again[NOTE_KEY_BYTES];
	struct note_key key;

	if (note_key_parse(text, size, &key))
		return;
	note_key_format(&key, again);
	if (strlen(again) != size || memcmp(again, text, size) != 0)
		abort();
}

static void receipt_try(const char *text, size_t size, const struct note_key *key)
{
	struct log_trust trust = {.log = key};
	struct receipt_report report;
	struct receipt r;

	if (receipt_parse(text, size, &r))
		return;
	if (r.proof.count > PROOF_MAX || !receipt_check(&r, &trust, &report))
		abort();
	receipt_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct public_key nobody = {.bytes = {1}};
	char *text = copy_of(data, size);
	static struct note_key key;

	if (!key.name[0] && (sodium_init() < 0 || note_key_make("o", SIGNATURE_ED25519, &nobody, &key)))
		abort();
	note_try(text, size, &key);
	key_try(text, size);
	receipt_try(text, size, &key);
	free(text);
	return 0;
}
