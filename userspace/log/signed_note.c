/* SPDX-License-Identifier: Apache-2.0 */
#include "log/signed_note.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "proof/base64.h"

#define DASH	"\xe2\x80\x94 " /* U+2014 and a space */
#define VARIANT sodium_base64_VARIANT_ORIGINAL
#define ID	sizeof(uint32_t)
#define STAMP	sizeof(uint64_t)

/* Strangers' types too, the longest of which is ML-DSA's. */
#define FOREIGN_MAX 8192u

static bool note_bytes_ok(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < ' ' && bytes[i] != '\n')
			return false;
	return utf8_valid(bytes, len);
}

/* One line, without its newline. */
static int signature_parse(const char *line, size_t len, struct note_signature *s)
{
	const size_t dash = sizeof(DASH) - 1;
	const char *space = NULL;
	unsigned char bytes[FOREIGN_MAX];
	uint32_t id;
	size_t size;

	if (len > dash && !memcmp(line, DASH, dash))
		space = memchr(line + dash, ' ', len - dash);
	if (!space)
		return -EBADMSG;
	*s = (struct note_signature){.name = line + dash, .name_len = (size_t)(space - line) - dash};
	s->text = space + 1;
	s->text_len = len - (size_t)(s->text - line);
	if (note_name_check(s->name, s->name_len) ||
	    base64_decode(s->text, s->text_len, NULL, bytes, sizeof(bytes), &size) || size <= ID)
		return -EBADMSG;
	memcpy(&id, bytes, ID);
	s->id = be32toh(id);
	return 0;
}

static int signatures_parse(const char *at, const char *end, struct signed_note *note)
{
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		if (!newline || note->count == NOTE_SIGNATURES_MAX ||
		    signature_parse(at, (size_t)(newline - at), &note->signature[note->count]))
			return -EBADMSG;
		note->count++;
		at = newline + 1;
	}
	return note->count ? 0 : -EBADMSG;
}

int note_parse(const char *bytes, size_t len, struct signed_note *note)
{
	size_t end = len - 1;

	if (!len || len > NOTE_BYTES_MAX || bytes[end] != '\n' || !note_bytes_ok(bytes, len))
		return -EBADMSG;
	/* The text may have empty lines; the last one ends it. */
	while (end && !(bytes[end - 1] == '\n' && bytes[end] == '\n'))
		end--;
	if (!end)
		return -EBADMSG;
	note->text = bytes;
	note->text_len = end;
	note->count = 0;
	return signatures_parse(bytes + end + 1, bytes + len, note);
}

static bool signature_is_of(const struct note_signature *s, const struct note_key *key)
{
	return s->id == key->id && s->name_len == strlen(key->name) &&
	       !memcmp(s->name, key->name, s->name_len);
}

/* What a witness signs: two lines, then the text. The caller frees *message. */
static int witness_message(const char *text, size_t len, uint64_t time, char **message, size_t *size)
{
	int n = asprintf(message, "cosignature/v1\ntime %llu\n%.*s", (unsigned long long)time, (int)len,
			 text);

	if (n < 0)
		return -ENOMEM;
	*size = (size_t)n;
	return 0;
}

static int verify_witness(const struct signed_note *note, const struct note_key *key, uint64_t time,
			  const unsigned char *bytes)
{
	_cleanup_free_ char *message = NULL;
	size_t size;

	if (time > INT64_MAX)
		return -EKEYREJECTED;
	if (witness_message(note->text, note->text_len, time, &message, &size))
		return message = NULL, -ENOMEM;
	return key_verify(&key->public, message, size, bytes);
}

static int signature_verify(const struct signed_note *note, const struct note_signature *s,
			    const struct note_key *key, uint64_t *time)
{
	const size_t stamp = key->type == SIGNATURE_WITNESS ? STAMP : 0;
	unsigned char bytes[ID + STAMP + KEY_SIGN_BYTES];
	uint64_t at = 0;
	size_t size;
	int err;

	if (base64_decode(s->text, s->text_len, NULL, bytes, sizeof(bytes), &size) ||
	    size != ID + stamp + KEY_SIGN_BYTES)
		return -EKEYREJECTED;
	memcpy(&at, bytes + ID, stamp);
	at = be64toh(at);
	err = stamp ? verify_witness(note, key, at, bytes + ID + stamp)
		    : key_verify(&key->public, note->text, note->text_len, bytes + ID);
	if (!err && time)
		*time = at;
	return err;
}

int note_verify(const struct signed_note *note, const struct note_key *key, uint64_t *time)
{
	int err = -ENOKEY;

	for (size_t i = 0; i < note->count; i++) {
		if (!signature_is_of(&note->signature[i], key))
			continue;
		err = signature_verify(note, &note->signature[i], key, time);
		if (err)
			break;
	}
	return err;
}

static int sign_bytes(const struct secret_key *secret, const char *text, size_t len, uint64_t time,
		      bool witness, unsigned char signature[KEY_SIGN_BYTES])
{
	_cleanup_free_ char *message = NULL;
	size_t size;

	if (!witness) {
		key_sign(secret, text, len, signature);
		return 0;
	}
	if (witness_message(text, len, time, &message, &size))
		return message = NULL, -ENOMEM;
	key_sign(secret, message, size, signature);
	return 0;
}

int note_sign(const struct secret_key *secret, const struct note_key *key, const char *text, size_t len,
	      uint64_t time, char line[NOTE_LINE_BYTES])
{
	const size_t stamp = key->type == SIGNATURE_WITNESS ? STAMP : 0;
	unsigned char bytes[ID + STAMP + KEY_SIGN_BYTES];
	char base64[sodium_base64_ENCODED_LEN(sizeof(bytes), VARIANT)];
	uint32_t id = htobe32(key->id);
	uint64_t at = htobe64(time);
	int err = sign_bytes(secret, text, len, time, stamp, bytes + ID + stamp);

	if (err)
		return err;
	memcpy(bytes, &id, ID);
	memcpy(bytes + ID, &at, stamp);
	sodium_bin2base64(base64, sizeof(base64), bytes, ID + stamp + KEY_SIGN_BYTES, VARIANT);
	snprintf(line, NOTE_LINE_BYTES, DASH "%s %s\n", key->name, base64);
	return 0;
}
