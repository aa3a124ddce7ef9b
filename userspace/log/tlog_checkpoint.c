/* SPDX-License-Identifier: Apache-2.0 */
#include "log/tlog_checkpoint.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proof/base64.h"

#define VARIANT sodium_base64_VARIANT_ORIGINAL

_Static_assert(CHECKPOINT_TEXT_BYTES >=
		       NOTE_NAME_MAX + 22 + sodium_base64_ENCODED_LEN(CHECKPOINT_HASH_MAX, VARIANT),
	       "the longest text");

/* The next line of what is left, without its newline, which must be there. */
static int line_take(const char **at, const char *end, const char **line, size_t *len)
{
	const char *newline = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (!newline || newline == *at)
		return -EBADMSG;
	*line = *at;
	*len = (size_t)(newline - *at);
	*at = newline + 1;
	return 0;
}

static int size_parse(const char *digits, size_t len, uint64_t *size)
{
	uint64_t n = 0;

	if (len > 1 && *digits == '0')
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)digits[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
			return -EBADMSG;
	}
	*size = n;
	return 0;
}

int tlog_checkpoint_parse(const char *text, size_t len, struct tlog_checkpoint *checkpoint)
{
	const char *at = text, *end = text + len, *origin, *size, *hash;
	size_t origin_len, size_len, hash_len;
	struct tlog_checkpoint c = {0};

	if (line_take(&at, end, &origin, &origin_len) || line_take(&at, end, &size, &size_len) ||
	    line_take(&at, end, &hash, &hash_len))
		return -EBADMSG;
	if (origin_len > NOTE_NAME_MAX || memchr(origin, '\0', origin_len) ||
	    size_parse(size, size_len, &c.size) ||
	    base64_decode(hash, hash_len, NULL, c.hash, sizeof(c.hash), &c.hash_len))
		return -EBADMSG;
	memcpy(c.origin, origin, origin_len);
	c.body = (size_t)(at - text);
	*checkpoint = c;
	return 0;
}

size_t tlog_checkpoint_format(const struct tlog_checkpoint *checkpoint, char text[CHECKPOINT_TEXT_BYTES])
{
	char base64[sodium_base64_ENCODED_LEN(CHECKPOINT_HASH_MAX, VARIANT)];

	sodium_bin2base64(base64, sizeof(base64), checkpoint->hash, checkpoint->hash_len, VARIANT);
	return (size_t)snprintf(text, CHECKPOINT_TEXT_BYTES, "%s\n%llu\n%s\n", checkpoint->origin,
				(unsigned long long)checkpoint->size, base64);
}

int tlog_checkpoint_sign(const struct secret_key *secret, const struct note_key *key,
			 const struct merkle *tree, char note[CHECKPOINT_NOTE_BYTES])
{
	struct tlog_checkpoint c = {.size = tree->size, .hash_len = MERKLE_HASH};
	char text[CHECKPOINT_TEXT_BYTES], line[NOTE_LINE_BYTES];
	int err = merkle_root(tree, c.hash);

	if (err)
		return err;
	strcpy(c.origin, key->name);
	err = note_sign(secret, key, text, tlog_checkpoint_format(&c, text), 0, line);
	if (!err)
		snprintf(note, CHECKPOINT_NOTE_BYTES, "%s\n%s", text, line);
	return err;
}

int tlog_checkpoint_open(const char *bytes, size_t len, const struct note_key *key, struct signed_note *note,
			 struct tlog_checkpoint *checkpoint)
{
	int err = note_parse(bytes, len, note);

	if (!err)
		err = tlog_checkpoint_parse(note->text, note->text_len, checkpoint);
	if (!err && checkpoint->hash_len != MERKLE_HASH)
		err = -EBADMSG;
	if (err || !key)
		return err;
	return strcmp(checkpoint->origin, key->name) ? -ENOKEY : note_verify(note, key, NULL);
}
