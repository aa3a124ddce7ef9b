/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/segment.h"

#define FILES_MAX 32

static struct secret_key *key_of(unsigned char byte, const char *name, enum signature_type type,
				 struct note_key *key)
{
	unsigned char seed[KEY_SEED_BYTES];
	struct secret_key *secret;

	memset(seed, byte, sizeof(seed));
	assert_int_equal(key_from_seed(seed, &secret), 0);
	assert_int_equal(note_key_make(name, type, key_public(secret), key), 0);
	return secret;
}

void stage_open(struct stage *s)
{
	assert_true(sodium_init() >= 0);
	*s = (struct stage){.path = "/dev/shm/deputy-log.XXXXXX"}; /* thousands of syncs are for no disk */
	if (!mkdtemp(s->path)) {
		strcpy(s->path, "/tmp/deputy-log.XXXXXX");
		assert_non_null(mkdtemp(s->path));
	}
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->dir >= 0);
	s->secret = key_of(1, "deputy/host", SIGNATURE_ED25519, &s->key);
	s->witness = key_of(2, "witness.example/w1", SIGNATURE_WITNESS, &s->witness_key);
}

static void files_remove(const struct stage *s)
{
	DIR *d = opendir(s->path);
	const struct dirent *e;

	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(s->dir, e->d_name, 0);
	closedir(d);
}

void stage_close(struct stage *s)
{
	stage_stop(s);
	files_remove(s);
	rmdir(s->path);
	close(s->dir);
	key_free(s->secret);
	key_free(s->witness);
}

int stage_writer(struct stage *s)
{
	stage_stop(s);
	return log_writer_open(s->dir, 1, STAGE_TIME, &s->w, &s->repair, &s->place);
}

void stage_stop(struct stage *s)
{
	log_writer_free(s->w);
	s->w = NULL;
}

void stage_lines(struct stage *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t seq = log_writer_seq(s->w);
		size_t kept;
		char line[256];
		int len = snprintf(
			line, sizeof(line),
			"{\"seq\": %llu, \"time\": \"2026-11-25T12:00:00.000000000Z\", \"type\": \"file\", "
			"\"path\": \"/%.*s\"}\n",
			(unsigned long long)seq, (int)(seq % 23), "abcdefghijklmnopqrstuvwxyz");

		assert_int_equal(log_writer_append(s->w, line, (size_t)len, 1, &kept), 0);
		assert_int_equal(kept, 1);
	}
}

void stage_rotate(struct stage *s)
{
	assert_int_equal(log_writer_rotate(s->w, STAGE_TIME), 0);
}

void stage_checkpoint(struct stage *s)
{
	assert_int_equal(log_writer_checkpoint(s->w, s->secret, &s->key, NULL), 0);
}

void stage_cosign(struct stage *s, uint64_t time)
{
	char note[CHECKPOINT_NOTE_BYTES], line[NOTE_LINE_BYTES], entry[2 * CHECKPOINT_NOTE_BYTES];
	struct log_bytes file;
	char *end;
	int len;

	assert_int_equal(log_writer_checkpoint(s->w, s->secret, &s->key, note), 0);
	end = strstr(note, "\n\n");
	assert_int_equal(note_sign(s->witness, &s->witness_key, note, (size_t)(end + 1 - note), time, line),
			 0);
	len = snprintf(entry, sizeof(entry), "%s%s\n", note, line);
	stage_read(s, CHECKPOINTS_NAME, &file);
	file.at = realloc(file.at, file.len + (size_t)len);
	memcpy(file.at + file.len, entry, (size_t)len);
	stage_write(s, CHECKPOINTS_NAME, file.at, file.len + (size_t)len);
	log_bytes_free(&file);
}

/* ---- files ---- */

void stage_read(const struct stage *s, const char *name, struct log_bytes *bytes)
{
	assert_int_equal(log_bytes_load(s->dir, name, bytes), 0);
}

void stage_write(const struct stage *s, const char *name, const void *bytes, size_t len)
{
	int fd = openat(s->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t done;

	assert_true(fd >= 0);
	assert_int_equal(log_write_all(fd, bytes, len, &done), 0);
	close(fd);
}

void stage_remove(const struct stage *s, const char *name)
{
	assert_int_equal(unlinkat(s->dir, name, 0), 0);
}

struct stage_copy {
	size_t count;
	struct {
		char name[64];
		struct log_bytes bytes;
	} file[FILES_MAX];
};

struct stage_copy *stage_save(const struct stage *s)
{
	struct stage_copy *copy = calloc(1, sizeof(*copy));
	DIR *d = opendir(s->path);
	const struct dirent *e;

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		assert_true(copy->count < FILES_MAX);
		snprintf(copy->file[copy->count].name, 64, "%s", e->d_name);
		stage_read(s, e->d_name, &copy->file[copy->count++].bytes);
	}
	closedir(d);
	return copy;
}

void stage_restore(const struct stage *s, const struct stage_copy *copy)
{
	files_remove(s);
	for (size_t i = 0; i < copy->count; i++)
		stage_write(s, copy->file[i].name, copy->file[i].bytes.at, copy->file[i].bytes.len);
}

void stage_copy_free(struct stage_copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		log_bytes_free(&copy->file[i].bytes);
	free(copy);
}

/* ---- judged ---- */

static void take(void *arg, const struct log_finding *f)
{
	struct verdict *v = arg;

	if (v->count < sizeof(v->found) / sizeof(v->found[0]))
		v->found[v->count++] = *f;
}

void stage_verify(const struct stage *s, struct verdict *v)
{
	struct log_trust trust = {.log = &s->key, .witnesses = &s->witness_key, .witness_count = 1};

	v->count = 0;
	assert_int_equal(log_verify(s->dir, &trust, take, v, &v->report), 0);
}

void stage_sound(const struct stage *s)
{
	struct verdict v;

	stage_verify(s, &v);
	for (size_t i = 0; i < v.count; i++) {
		char text[256];

		log_finding_text(&v.found[i], text, sizeof(text));
		print_message("# %s\n", text);
	}
	assert_int_equal(v.report.damage, 0);
}
