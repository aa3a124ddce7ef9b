/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of any bytes: three pieces of the input are a segment's lines, its hashes and the checkpoints.
 * The verifier ends, the store proves nothing that does not check, and a log that is opened is sound but for
 * what its beginning was, can be gone on with, and opens again without a repair.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log_file.h"
#include "log/log_writer.h"
#include "log/receipt.h"
#include "log/segment.h"

#define SEED_LINES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int dir = -1;
static struct log_bytes seed[3];
static const char *const names[3] = {"00000000000000000001.jsonl", "00000000000000000001.hashes",
				     CHECKPOINTS_NAME};

static void must(int bad)
{
	if (bad)
		abort();
}

static void file_write(const char *name, const void *bytes, size_t len)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t done;

	must(fd < 0 || log_write_all(fd, bytes, len, &done));
	close(fd);
}

static void line_add(struct log_writer *w)
{
	char line[64];
	size_t kept;
	int len = snprintf(line, sizeof(line), "{\"seq\": %llu, \"a\": 1}\n",
			   (unsigned long long)log_writer_seq(w));

	must(log_writer_append(w, line, (size_t)len, 1, &kept));
}

/* A sound log, for the input to spoil. */
static void seed_make(void)
{
	char path[] = "/dev/shm/deputy-fuzz.XXXXXX";
	unsigned char bytes[KEY_SEED_BYTES] = {1};
	struct log_repair repair;
	struct secret_key *secret;
	struct log_place place;
	struct log_writer *w;
	struct note_key key;

	must(sodium_init() < 0 || !mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY);
	must(dir < 0 || key_from_seed(bytes, &secret) ||
	     note_key_make("o", SIGNATURE_ED25519, key_public(secret), &key));
	must(log_writer_open(dir, 1, 0, &w, &repair, &place));
	for (int i = 0; i < SEED_LINES; i++)
		line_add(w);
	must(log_writer_checkpoint(w, secret, &key, NULL));
	log_writer_free(w);
	key_free(secret);
	for (int i = 0; i < 3; i++)
		must(log_bytes_load(dir, names[i], &seed[i]));
}

static void ignore(void *arg, const struct log_finding *f)
{
	char text[256];

	(void)arg;
	log_finding_text(f, text, sizeof(text));
}

/* The first byte of the input says which file is spoiled, the next two where and how; the rest goes there. */
static void spoil(const uint8_t *data, size_t size)
{
	unsigned which = data[0] % 3, how = data[0] / 3 % 3;
	const struct log_bytes *old = &seed[which];
	size_t at = ((size_t)data[1] << 8 | data[2]) % (old->len + 1), len = size - 3, tail;
	char *bytes;

	/* Instead of all, instead of as many bytes, or between. */
	if (how == 0)
		at = 0;
	tail = how == 0 ? old->len : how == 1 && at + len < old->len ? at + len : how == 1 ? old->len : at;
	bytes = malloc(old->len + len + 1);
	memcpy(bytes, old->at, at);
	memcpy(bytes + at, data + 3, len);
	memcpy(bytes + at + len, old->at + tail, old->len - tail);
	for (unsigned i = 0; i < 3; i++)
		if (i != which)
			file_write(names[i], seed[i].at, seed[i].len);
	file_write(names[which], bytes, at + len + old->len - tail);
	free(bytes);
}

static void store_try(void)
{
	struct log_store *store;
	struct receipt r;

	if (log_store_open(dir, &store))
		return;
	for (uint64_t i = 0; i < 4; i++)
		if (!receipt_make(store, log_store_first(store) + i, &r))
			receipt_free(&r);
	log_store_free(store);
}

static void writer_try(void)
{
	struct log_repair repair;
	struct log_place place;
	struct log_writer *w;

	if (log_writer_open(dir, 1, 0, &w, &repair, &place))
		return;
	line_add(w);
	must(log_writer_sync(w));
	log_writer_free(w);
	must(log_writer_open(dir, 1, 0, &w, &repair, &place));
	must(repair.bytes || repair.hashes || repair.lines || repair.checkpoint_bytes || repair.segment);
	log_writer_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_trust trust = {0};
	struct log_report report;

	if (dir < 0)
		seed_make();
	if (size < 3)
		return 0;
	spoil(data, size);
	log_verify(dir, &trust, ignore, NULL, &report);
	store_try();
	writer_try();
	return 0;
}
