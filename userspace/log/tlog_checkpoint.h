/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints (C2SP tlog-checkpoint): signed notes that say how large a log is and what its root then is. A
 * log's own signature has the log's origin for its name, so that a key's checkpoints are of one log.
 */
#ifndef DEPUTY_TLOG_CHECKPOINT_H
#define DEPUTY_TLOG_CHECKPOINT_H

#include "log/merkle.h"
#include "log/signed_note.h"

#define CHECKPOINT_HASH_MAX   64u /* of others' logs; ours have MERKLE_HASH bytes */
#define CHECKPOINT_TEXT_BYTES (NOTE_NAME_MAX + 128u)
#define CHECKPOINT_NOTE_BYTES (CHECKPOINT_TEXT_BYTES + NOTE_LINE_BYTES)

struct tlog_checkpoint {
	char origin[NOTE_NAME_MAX + 1];
	uint64_t size; /* leaves */
	unsigned char hash[CHECKPOINT_HASH_MAX];
	size_t hash_len;
	size_t body; /* bytes of its three lines; extension lines come after */
};

/* The text of a note. -EBADMSG: it is of no checkpoint. */
int tlog_checkpoint_parse(const char *text, size_t len, struct tlog_checkpoint *checkpoint);
/* Its three lines, NUL-ended; returns their length. */
size_t tlog_checkpoint_format(const struct tlog_checkpoint *checkpoint, char text[CHECKPOINT_TEXT_BYTES]);

/* A tree's, signed by the log's key. NUL-ended; -EIO, -ENOMEM. */
int tlog_checkpoint_sign(const struct secret_key *secret, const struct note_key *key,
			 const struct merkle *tree, char note[CHECKPOINT_NOTE_BYTES]);
/*
 * Parses a note and its text. `key`, which may be NULL, is the log's.
 *   -EBADMSG      no checkpoint of a tree of SHA-256
 *   -ENOKEY       not signed by this key, or of another origin
 *   -EKEYREJECTED the signature is wrong
 */
int tlog_checkpoint_open(const char *bytes, size_t len, const struct note_key *key, struct signed_note *note,
			 struct tlog_checkpoint *checkpoint);

#endif
