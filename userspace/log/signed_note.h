/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes (C2SP signed-note): a text, an empty line, and a line for each signature over the text. Of the
 * signature types two are known here: Ed25519, and the timestamped Ed25519 of witnesses (C2SP
 * tlog-cosignature). sodium_init() must have been called.
 */
#ifndef DEPUTY_SIGNED_NOTE_H
#define DEPUTY_SIGNED_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "token/key.h"

#define NOTE_BYTES_MAX	    1000000u /* of a note, as others' verifiers have it */
#define NOTE_SIGNATURES_MAX 100u
#define NOTE_NAME_MAX	    255u
#define NOTE_KEY_BYTES	    336 /* a key as text, secret or not, and NUL */
#define NOTE_LINE_BYTES	    384 /* a signature's line, its newline, and NUL */

enum signature_type {
	SIGNATURE_ED25519 = 0x01,
	SIGNATURE_WITNESS = 0x04, /* cosignature/v1 */
};

/* Who verifies, "NAME+ID+BASE64" (a vkey). Name and id together name it. */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint32_t id;
	uint8_t type; /* enum signature_type */
	struct public_key public;
};

struct note_signature {
	const char *name; /* not ended by NUL */
	size_t name_len;
	const char *text; /* base64 of the id and the signature */
	size_t text_len;
	uint32_t id;
};

/* Points into the note. */
struct signed_note {
	const char *text; /* its last newline included, the empty line not */
	size_t text_len;
	size_t count;
	struct note_signature signature[NOTE_SIGNATURES_MAX];
};

/* No spaces, no plus, no control characters; UTF-8; not empty. */
int note_name_check(const char *name, size_t len);

/* -EINVAL: the name is none for a key. */
int note_key_make(const char *name, enum signature_type type, const struct public_key *public,
		  struct note_key *key);
/* -EBADMSG: no vkey, or its id is not that of its name and key; -EPROTONOSUPPORT: of another type. */
int note_key_parse(const char *text, size_t len, struct note_key *key);
void note_key_format(const struct note_key *key, char text[NOTE_KEY_BYTES]);

/* "PRIVATE+KEY+NAME+ID+BASE64" (a skey), and its public half. The caller frees *secret by key_free(); it
 * wipes `text`. As note_key_parse(), and -ENOMEM. */
int note_secret_parse(const char *text, size_t len, struct secret_key **secret, struct note_key *key);
/* The caller wipes `text`. */
void note_secret_format(const struct secret_key *secret, const struct note_key *key,
			char text[NOTE_KEY_BYTES]);

/* -EBADMSG: no signed note. Nothing is verified yet: the text must not be used before note_verify(). */
int note_parse(const char *bytes, size_t len, struct signed_note *note);
/* -ENOKEY: this key has not signed it; -EKEYREJECTED: it says so, and has not. `time`, which may be NULL, is
 * when a witness signed, seconds since 1970; 0 of the other type. */
int note_verify(const struct signed_note *note, const struct note_key *key, uint64_t *time);

/* The line by which `secret`, of which `key` is the public half, signs a text that ends with a newline,
 * NUL-ended besides. `time` as above. -ENOMEM. */
int note_sign(const struct secret_key *secret, const struct note_key *key, const char *text, size_t len,
	      uint64_t time, char line[NOTE_LINE_BYTES]);

#endif
