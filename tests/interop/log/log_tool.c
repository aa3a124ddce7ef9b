/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a log as the recorder's side does, for others' implementations and for the command line's test:
 *   log_tool DIR RECORDS PER-SEGMENT   with a checkpoint after each segment, and one of all, cosigned; prints
 * the log's key and the witness's log_tool DIR retain                lets go of all but the last segment,
 * keeping hashes, and signs
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log_file.h"
#include "log/log_writer.h"

#define TIME 1790000000000000000ull

static struct secret_key *secret, *witness;
static struct note_key key, witness_key;

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "log_tool: error %d\n", err);
	exit(1);
}

static struct secret_key *key_make(unsigned char byte, const char *name, enum signature_type type,
				   struct note_key *k)
{
	unsigned char seed[KEY_SEED_BYTES];
	struct secret_key *s;
	char text[NOTE_KEY_BYTES];

	memset(seed, byte, sizeof(seed));
	must(key_from_seed(seed, &s));
	must(note_key_make(name, type, key_public(s), k));
	note_key_format(k, text);
	puts(text);
	return s;
}

static void record(struct log_writer *w, size_t n)
{
	char line[512];
	size_t kept;
	int len = snprintf(
		line, sizeof(line),
		"{\"seq\": %llu, \"time\": \"2026-11-25T12:00:00.%09zuZ\", \"type\": \"file\", \"op\": \"read\", "
		"\"path\": \"/home/alice/%zu-%.*s\"}\n",
		(unsigned long long)log_writer_seq(w), n, n * 7919, (int)(n % 26),
		"abcdefghijklmnopqrstuvwxyz");

	must(log_writer_append(w, line, (size_t)len, 1, &kept));
}

/* A witness's line belongs to the note that it signs: the whole note comes once more. */
static void cosign(struct log_writer *w, int dir)
{
	char note[CHECKPOINT_NOTE_BYTES], line[NOTE_LINE_BYTES];
	int fd = openat(dir, CHECKPOINTS_NAME, O_WRONLY | O_APPEND | O_CLOEXEC);

	must(log_writer_checkpoint(w, secret, &key, note));
	must(note_sign(witness, &witness_key, note, (size_t)(strstr(note, "\n\n") + 1 - note),
		       TIME / 1000000000, line));
	must(fd < 0 || dprintf(fd, "%s%s\n", note, line) < 0);
	close(fd);
}

static void records(struct log_writer *w, int dir, size_t count, size_t per_segment)
{
	for (size_t i = 0; i < count; i++) {
		if (i && i % per_segment == 0) {
			must(log_writer_checkpoint(w, secret, &key, NULL));
			must(log_writer_rotate(w, TIME));
		}
		record(w, i);
	}
	cosign(w, dir);
}

int main(int argc, char **argv)
{
	struct log_repair repair;
	struct log_place place;
	struct log_writer *w;
	size_t gone;
	int dir;

	if (argc < 3 || sodium_init() < 0)
		return 64;
	mkdir(argv[1], 0700);
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir < 0);
	secret = key_make(1, "deputy/interop", SIGNATURE_ED25519, &key);
	witness = key_make(2, "witness.example/w1", SIGNATURE_WITNESS, &witness_key);
	must(log_writer_open(dir, 1, TIME, &w, &repair, &place));
	if (!strcmp(argv[2], "retain")) {
		must(log_writer_retain(w, 1, true, TIME, &gone));
		cosign(w, dir);
	} else {
		records(w, dir, (size_t)atol(argv[2]), argc > 3 ? (size_t)atol(argv[3]) : 1000);
	}
	log_writer_free(w);
	key_free(secret);
	key_free(witness);
	close(dir);
	return 0;
}
