/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a log to go on with it: what was torn is cut, what contradicts itself is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "log/log_internal.h"

/* Of the file of checkpoints only the last is needed. */
#define CHECKPOINTS_TAIL (2u * NOTE_BYTES_MAX)

/* One segment while it is read. */
struct reading {
	struct log_bytes lines, hashes;
	size_t at;	/* in the lines */
	uint64_t known; /* hashes in the file */
	bool unwritten; /* one of them is of a page that never came to the disk */
	const struct tlog_checkpoint *last;
};

static int refuse(struct log_place *place, uint64_t segment, uint64_t seq, const char *why)
{
	*place = (struct log_place){segment, seq, why};
	return -EBADMSG;
}

/* ---- checkpoints ---- */

int log_checkpoints_open(struct log_writer *w, struct tlog_checkpoint *last, struct log_repair *repair,
			 struct log_place *place)
{
	_cleanup_bytes_ struct log_bytes tail = {0};
	const char *note = NULL, *text;
	struct signed_note parsed;
	size_t at = 0, len = 0, n;
	off_t size, from;
	int err;

	w->checkpoints = openat(w->dir, CHECKPOINTS_NAME,
				O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOG_FILE_MODE);
	size = w->checkpoints < 0 ? -1 : lseek(w->checkpoints, 0, SEEK_END);
	if (size < 0)
		return -errno;
	from = size > CHECKPOINTS_TAIL ? size - CHECKPOINTS_TAIL : 0;
	err = log_bytes_read(w->checkpoints, (uint64_t)from, &tail);
	if (err)
		return err;
	while (checkpoints_next(&tail, &at, &text, &n)) {
		note = text;
		len = n;
	}
	w->checkpoint_bytes = (uint64_t)from + at;
	repair->checkpoint_bytes = tail.len - at;
	w->torn |= tail.len != at;
	if (!note)
		return from ? refuse(place, 0, 0, "no checkpoint is whole") : 0;
	/* The first that the tail has may lack its beginning. It is not the last one, by NOTE_BYTES_MAX. */
	if (tlog_checkpoint_open(note, len, NULL, &parsed, last))
		return refuse(place, 0, 0, "the last checkpoint is none");
	w->signed_size = last->size;
	return 0;
}

/* ---- one segment ---- */

static int segment_open(struct log_writer *w, uint64_t seq)
{
	char name[SEGMENT_NAME_BYTES];

	for (int i = 0; i < 2; i++) {
		int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (i == SEGMENT_HASHES ? O_CREAT : 0);

		segment_name(seq, i, name);
		cleanup_close(&w->fd[i]);
		w->fd[i] = openat(w->dir, name, flags, LOG_FILE_MODE);
		if (w->fd[i] < 0)
			return -errno;
	}
	w->segment = seq;
	return 0;
}

/* The next line; false where the torn tail begins, or all is read. */
static bool line_next(struct reading *r, const char **line, size_t *len)
{
	const char *start = r->lines.at + r->at;
	const char *newline = memchr(start, '\n', r->lines.len - r->at);

	if (!newline || memchr(start, '\0', (size_t)(newline - start)))
		return false;
	*line = start;
	*len = (size_t)(newline - start);
	r->at += *len + 1;
	return true;
}

static int line_take(struct log_writer *w, struct reading *r, const char *line, size_t len,
		     struct log_place *place)
{
	uint64_t seq = log_writer_seq(w), n = seq - w->segment;
	const unsigned char *known = (unsigned char *)r->hashes.at + n * MERKLE_HASH;
	unsigned char hash[MERKLE_HASH];
	int err;

	if (line_seq(line, len) != seq)
		return refuse(place, w->segment, seq, "the line there has another number");
	err = merkle_leaf(line, len, hash);
	if (err)
		return err;
	if (n < r->known && hash_is_torn(known, hash))
		r->unwritten = true;
	else if (n < r->known && memcmp(known, hash, sizeof(hash)))
		return refuse(place, w->segment, seq, "it has not the hash that was written with it");
	w->hashed += n < r->known && !r->unwritten;
	err = merkle_append(&w->tree, hash);
	if (err || w->tree.size != r->last->size)
		return err;
	err = merkle_root(&w->tree, hash);
	if (!err && memcmp(hash, r->last->hash, sizeof(hash)))
		return refuse(place, w->segment, seq, "up to there the last checkpoint has another root");
	return err;
}

static int lines_take(struct log_writer *w, struct reading *r, struct log_place *place)
{
	const char *line;
	size_t len;
	int err = 0;

	r->at = 0;
	while (!err && line_next(r, &line, &len))
		err = line_take(w, r, line, len, place);
	if (!err && w->tree.size < r->last->size)
		return refuse(place, w->segment, log_writer_seq(w), "a checkpoint has it, the log does not");
	return err;
}

static void repair_note(const struct log_writer *w, const struct reading *r, struct log_repair *repair)
{
	uint64_t lines = log_segment_lines(w);

	repair->seq = log_writer_seq(w);
	repair->bytes = r->lines.len - r->at;
	repair->lines = r->known > lines ? r->known - lines : 0;
	repair->hashes = lines - w->hashed;
}

static int segment_load(struct log_writer *w, struct reading *r)
{
	int err = log_bytes_read(w->fd[SEGMENT_LINES], 0, &r->lines);

	if (!err)
		err = log_bytes_read(w->fd[SEGMENT_HASHES], 0, &r->hashes);
	r->known = r->hashes.len / MERKLE_HASH;
	return err;
}

static int segment_take(struct log_writer *w, struct reading *r, struct log_repair *repair,
			struct log_place *place)
{
	struct segment_head head;
	const char *line;
	size_t len;
	int err;

	if (!line_next(r, &line, &len) || segment_head_parse(line, len, &head) || head.seq != w->segment)
		return refuse(place, w->segment, w->segment, "it is no first line of this segment");
	w->first = head.seq - head.tree.size;
	w->tree = head.tree;
	err = lines_take(w, r, place);
	if (err)
		return err;
	w->bytes = r->at;
	w->torn |= r->at != r->lines.len || r->hashes.len != w->hashed * MERKLE_HASH;
	repair_note(w, r, repair);
	return log_take_back(w) ?: log_hashes_catch_up(w);
}

/* Begun, and killed before its first line was whole. */
static bool segment_is_torn(const struct log_bytes *lines)
{
	const char *newline = memchr(lines->at, '\n', lines->len);

	return lines->len <= SEGMENT_HEAD_BYTES &&
	       (!newline || memchr(lines->at, '\0', (size_t)(newline - lines->at)));
}

static int segment_remove(struct log_writer *w, uint64_t seq)
{
	char name[SEGMENT_NAME_BYTES];

	for (int i = 2; i-- > 0;) {
		segment_name(seq, i, name);
		if (unlinkat(w->dir, name, 0) && errno != ENOENT)
			return -errno;
	}
	return fsync(w->dir) ? -errno : 0;
}

/* ---- the log ---- */

static int segment_read(struct log_writer *w, uint64_t seq, const struct tlog_checkpoint *last, bool *torn,
			struct log_repair *repair, struct log_place *place)
{
	struct reading r = {.last = last};
	int err = segment_open(w, seq) ?: segment_load(w, &r);

	*torn = !err && segment_is_torn(&r.lines);
	if (!err && !*torn)
		err = segment_take(w, &r, repair, place);
	log_bytes_free(&r.lines);
	log_bytes_free(&r.hashes);
	return err;
}

static int log_begin(struct log_writer *w, uint64_t first, uint64_t time, struct log_place *place)
{
	if (w->signed_size)
		return refuse(place, 0, first, "a checkpoint has it, the log does not");
	if (!first)
		return -EINVAL;
	w->first = first;
	return log_take_back(w) ?: log_segment_begin(w, time);
}

/* The last segment, and when that is but begun the one before it. */
static int segments_open(struct log_writer *w, const struct segment *list, size_t count, uint64_t first,
			 uint64_t time, struct log_repair *repair, struct log_place *place)
{
	struct tlog_checkpoint last = {0};
	int err = log_checkpoints_open(w, &last, repair, place);
	bool torn = false;

	if (!err && count) {
		if (!list[count - 1].has[SEGMENT_LINES])
			return refuse(place, list[count - 1].seq, list[count - 1].seq, "its lines are gone");
		err = segment_read(w, list[--count].seq, &last, &torn, repair, place);
	}
	if (!err && torn) {
		first = list[count].seq;
		repair->segment = true;
		err = segment_remove(w, first);
		torn = false;
		if (!err && count)
			err = segment_read(w, list[count - 1].seq, &last, &torn, repair, place);
		if (!err && torn)
			return refuse(place, w->segment, w->segment, "it is no first line of this segment");
		if (!err && count && log_writer_seq(w) != first)
			return refuse(place, w->segment, log_writer_seq(w), "the segment ended later");
	}
	if (!err && !w->tree.size)
		err = log_begin(w, first, time, place);
	return err;
}

int log_writer_open(int dir, uint64_t first, uint64_t time, struct log_writer **writer,
		    struct log_repair *repair, struct log_place *place)
{
	struct log_writer *w = calloc(1, sizeof(*w));
	_cleanup_free_ struct segment *list = NULL;
	size_t count = 0;
	int err = w ? segments_list(dir, &list, &count) : -ENOMEM;

	*repair = (struct log_repair){0};
	*place = (struct log_place){0};
	if (w)
		*w = (struct log_writer){.dir = dir, .fd = {-1, -1}, .checkpoints = -1};
	if (!err)
		err = segments_open(w, list, count, first, time, repair, place);
	if (err)
		log_writer_free(w);
	else
		*writer = w;
	return err;
}
