/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "log/log_internal.h"

uint64_t log_writer_seq(const struct log_writer *w)
{
	return w->first + w->tree.size;
}

uint64_t log_writer_bytes(const struct log_writer *w)
{
	return w->bytes;
}

uint64_t log_writer_segment(const struct log_writer *w)
{
	return w->segment;
}

const struct merkle *log_writer_tree(const struct log_writer *w)
{
	return &w->tree;
}

int log_take_back(struct log_writer *w)
{
	if (!w->torn)
		return 0;
	if (ftruncate(w->fd[SEGMENT_HASHES], (off_t)(w->hashed * MERKLE_HASH)) ||
	    ftruncate(w->fd[SEGMENT_LINES], (off_t)w->bytes) ||
	    (w->checkpoints >= 0 && ftruncate(w->checkpoints, (off_t)w->checkpoint_bytes)))
		return -errno;
	w->torn = false;
	return 0;
}

/* ---- hashes ---- */

int log_hashes_write(struct log_writer *w, const unsigned char (*hashes)[MERKLE_HASH], size_t count)
{
	size_t done;
	int err;

	if (w->hashed + count != log_segment_lines(w))
		return 0; /* some before are missing: log_hashes_catch_up() */
	err = log_write_all(w->fd[SEGMENT_HASHES], hashes, count * MERKLE_HASH, &done);
	w->hashed += done / MERKLE_HASH;
	w->torn |= done % MERKLE_HASH != 0;
	return err;
}

static int batch_room(struct log_writer *w, size_t count)
{
	void *more;

	if (count <= w->room)
		return 0;
	more = reallocarray(w->batch, count, sizeof(*w->batch));
	if (!more)
		return -ENOMEM;
	w->batch = more;
	w->room = count;
	return 0;
}

/* Of lines that are all there. */
static int batch_hash(const char *lines, size_t count, unsigned char (*hashes)[MERKLE_HASH])
{
	for (size_t i = 0; i < count; i++) {
		const char *newline = rawmemchr(lines, '\n');
		int err = merkle_leaf(lines, (size_t)(newline - lines), hashes[i]);

		if (err)
			return err;
		lines = newline + 1;
	}
	return 0;
}

int log_hashes_catch_up(struct log_writer *w)
{
	_cleanup_bytes_ struct log_bytes lines = {0};
	uint64_t missing = log_segment_lines(w) - w->hashed;
	const char *at;
	int err;

	if (!missing)
		return 0;
	err = log_take_back(w) ?: log_bytes_read(w->fd[SEGMENT_LINES], 0, &lines) ?: batch_room(w, missing);
	if (err)
		return err;
	at = log_bytes_line(&lines, w->hashed);
	if (!at || lines.len < w->bytes)
		return -EIO;
	err = batch_hash(at, missing, w->batch);
	return err ?: log_hashes_write(w, w->batch, missing);
}

/* ---- lines ---- */

static size_t lines_in(const char *text, size_t len)
{
	size_t count = 0;

	for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
		count++;
	return count;
}

static int tree_grow(struct log_writer *w, size_t count)
{
	for (size_t i = 0; i < count && !w->broken; i++)
		w->broken = merkle_append(&w->tree, w->batch[i]);
	return w->broken;
}

int log_writer_append(struct log_writer *w, const char *lines, size_t len, size_t count, size_t *kept)
{
	const char *newline;
	size_t done, whole;
	int err;

	*kept = 0;
	err = w->broken ?: log_take_back(w) ?: batch_room(w, count) ?: batch_hash(lines, count, w->batch);
	if (err)
		return err;
	err = log_write_all(w->fd[SEGMENT_LINES], lines, len, &done);
	newline = done ? memrchr(lines, '\n', done) : NULL;
	whole = newline ? (size_t)(newline - lines) + 1 : 0;
	*kept = err ? lines_in(lines, whole) : count;
	w->bytes += whole;
	w->torn |= whole != done;
	if (tree_grow(w, *kept))
		return w->broken;
	/* A hash that does not fit is made when it does: the line is what was promised. */
	log_hashes_write(w, (const unsigned char(*)[MERKLE_HASH])w->batch, *kept);
	log_take_back(w);
	return err;
}

int log_writer_sync(struct log_writer *w)
{
	int err = w->broken ?: log_hashes_catch_up(w);

	/* Lines first, so that whatever is lost there is no hash on the disk without its line. */
	if (fdatasync(w->fd[SEGMENT_LINES]) || fdatasync(w->fd[SEGMENT_HASHES]))
		return -errno;
	return err;
}

/* ---- segments ---- */

static int segment_create(const struct log_writer *w, uint64_t seq, int fds[2])
{
	char name[SEGMENT_NAME_BYTES];

	for (int i = 0; i < 2; i++) {
		segment_name(seq, i, name);
		fds[i] = openat(w->dir, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				LOG_FILE_MODE);
		if (fds[i] < 0)
			return -errno;
	}
	return 0;
}

static void segment_abandon(const struct log_writer *w, uint64_t seq, int fds[2])
{
	char name[SEGMENT_NAME_BYTES];

	for (int i = 2; i-- > 0;) {
		if (fds[i] < 0)
			continue;
		close(fds[i]);
		segment_name(seq, i, name);
		unlinkat(w->dir, name, 0);
	}
}

static int segment_start(const struct log_writer *w, uint64_t time, const int fds[2], struct merkle *tree,
			 size_t *len)
{
	char line[SEGMENT_HEAD_BYTES];
	unsigned char hash[MERKLE_HASH];
	size_t done;
	int err = segment_head_format(tree, log_writer_seq(w), time, line, len);

	if (!err)
		err = merkle_leaf(line, *len - 1, hash) ?: merkle_append(tree, hash);
	if (!err)
		err = log_write_all(fds[SEGMENT_LINES], line, *len, &done)
			      ?: log_write_all(fds[SEGMENT_HASHES], hash, sizeof(hash), &done);
	if (!err && (fdatasync(fds[0]) || fdatasync(fds[1]) || fsync(w->dir)))
		err = -errno;
	return err;
}

int log_segment_begin(struct log_writer *w, uint64_t time)
{
	uint64_t seq = log_writer_seq(w);
	struct merkle tree = w->tree;
	int fds[2] = {-1, -1};
	size_t len;
	int err = segment_create(w, seq, fds) ?: segment_start(w, time, fds, &tree, &len);

	if (err) {
		segment_abandon(w, seq, fds);
		return err;
	}
	for (int i = 0; i < 2; i++) {
		cleanup_close(&w->fd[i]);
		w->fd[i] = fds[i];
	}
	w->tree = tree;
	w->segment = seq;
	w->bytes = len;
	w->hashed = 1;
	return 0;
}

int log_writer_rotate(struct log_writer *w, uint64_t time)
{
	int err = log_take_back(w) ?: log_writer_sync(w);

	return err ?: log_segment_begin(w, time);
}

/* ---- checkpoints ---- */

static int checkpoint_write(struct log_writer *w, const char *note)
{
	_cleanup_free_ char *entry = NULL;
	size_t done;
	int err, len = asprintf(&entry, "%s\n", note);

	if (len < 0)
		return entry = NULL, -ENOMEM;
	err = log_write_all(w->checkpoints, entry, (size_t)len, &done);
	if (!err && fdatasync(w->checkpoints))
		err = -errno;
	if (err) {
		w->torn = true;
		log_take_back(w);
		return err;
	}
	w->checkpoint_bytes += (uint64_t)len;
	w->signed_size = w->tree.size;
	return 0;
}

int log_writer_checkpoint(struct log_writer *w, const struct secret_key *secret, const struct note_key *key,
			  char note[CHECKPOINT_NOTE_BYTES])
{
	char text[CHECKPOINT_NOTE_BYTES];
	int err = log_take_back(w) ?: log_writer_sync(w) ?: tlog_checkpoint_sign(secret, key, &w->tree, text);

	if (!err && w->signed_size != w->tree.size)
		err = checkpoint_write(w, text);
	if (!err && note)
		memcpy(note, text, sizeof(text));
	return err;
}

/* ---- retention ---- */

static int retention_say(struct log_writer *w, uint64_t before, uint64_t time)
{
	char line[SEGMENT_HEAD_BYTES];
	size_t kept, len = retention_format(before, log_writer_seq(w), time, line);
	int err = log_writer_append(w, line, len, 1, &kept);

	return err ?: log_writer_sync(w);
}

/* The oldest first, so that what is left is one piece wherever this ends. */
static int segments_remove(const struct log_writer *w, const struct segment *list, size_t count, bool hashes,
			   size_t *gone)
{
	char name[SEGMENT_NAME_BYTES];

	for (size_t i = 0; i < count; i++) {
		segment_name(list[i].seq, SEGMENT_LINES, name);
		if (list[i].has[SEGMENT_LINES] && unlinkat(w->dir, name, 0))
			return -errno;
		*gone += list[i].has[SEGMENT_LINES];
		segment_name(list[i].seq, SEGMENT_HASHES, name);
		if (!hashes && list[i].has[SEGMENT_HASHES] && unlinkat(w->dir, name, 0))
			return -errno;
	}
	return fsync(w->dir) ? -errno : 0;
}

int log_writer_retain(struct log_writer *w, size_t keep, bool hashes, uint64_t time, size_t *gone)
{
	_cleanup_free_ struct segment *list = NULL;
	size_t count = 0, old = 0;
	int err = segments_list(w->dir, &list, &count);

	*gone = 0;
	if (err)
		return err;
	old = count > keep ? count - (keep ? keep : 1) : 0;
	for (size_t i = 0; i < old; i++) /* what is gone already takes no place */
		if (list[i].has[SEGMENT_LINES] || (!hashes && list[i].has[SEGMENT_HASHES]))
			return retention_say(w, list[old].seq, time)
				       ?: segments_remove(w, list, old, hashes, gone);
	return 0;
}

void log_writer_free(struct log_writer *w)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++)
		cleanup_close(&w->fd[i]);
	cleanup_close(&w->checkpoints);
	free(w->batch);
	free(w);
}
