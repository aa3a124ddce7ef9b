/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of one segment. A line says its number itself, so what is there is told from what should be: the
 * next record, one with another's hash, one further on (some are gone, or stand later), or none of ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "log/log_verify_internal.h"

struct one {
	const char *at; /* NULL: there is none */
	size_t len;
	uint64_t seq; /* 0: not a record */
};

struct walk {
	struct verifier *v;
	const struct log_bytes *lines;
	size_t at;
	uint64_t number; /* of the line, from 1 */
	struct one now, next;
	unsigned char hash[MERKLE_HASH]; /* of `now` */
	const unsigned char (*hashes)[MERKLE_HASH];
	uint64_t known; /* how many of them */
	uint64_t end;	/* number of the next segment, 0 for the last */
	uint64_t room;	/* records that can be told apart here */
	unsigned char *seen;
};

static struct one line_read(struct walk *w)
{
	const char *start = w->lines->at + w->at;
	const char *newline = memchr(start, '\n', w->lines->len - w->at);
	struct one o = {0};

	if (!newline)
		return o;
	o = (struct one){start, (size_t)(newline - start), line_seq(start, (size_t)(newline - start))};
	w->at += o.len + 1;
	return o;
}

static uint64_t expected(const struct walk *w)
{
	return w->v->first + w->v->index;
}

/* The hash that was written with record seq; NULL: not here. */
static const unsigned char *hash_of(const struct walk *w, uint64_t seq)
{
	static const unsigned char unwritten[MERKLE_HASH];
	uint64_t i = seq - w->v->segment;

	if (i >= w->known || !memcmp(w->hashes[i], unwritten, MERKLE_HASH))
		return NULL;
	return w->hashes[i];
}

/* The same, where the line that is read is taken for that record. */
static const unsigned char *hash_beside(const struct walk *w, uint64_t seq)
{
	const unsigned char *hash = hash_of(w, seq);

	return hash && hash_is_torn(hash, w->hash) ? NULL : hash;
}

static bool is_written(const struct walk *w, uint64_t seq)
{
	const unsigned char *hash = hash_beside(w, seq);

	return !hash || !memcmp(hash, w->hash, MERKLE_HASH);
}

static bool in_room(const struct walk *w, uint64_t seq)
{
	return seq >= w->v->segment && seq - w->v->segment < w->room;
}

static bool see(struct walk *w, uint64_t seq, bool set)
{
	uint64_t i = seq - w->v->segment;
	bool was = w->seen[i / 8] >> i % 8 & 1;

	if (set)
		w->seen[i / 8] |= (unsigned char)(1u << i % 8);
	return was;
}

static int find(struct walk *w, enum log_finding_kind kind, uint64_t seq)
{
	return verify_find(
		w->v,
		&(struct log_finding){
			.kind = kind, .segment = w->v->segment, .line = w->number, .seq = seq, .to = seq});
}

/* The line is record `seq`, the next one, whether or not it is as it was. */
static int line_take(struct walk *w, uint64_t seq)
{
	uint64_t before = retention_parse(w->now.at, w->now.len);
	int err = w->now.seq == seq && is_written(w, seq) ? 0 : find(w, LOG_ALTERED, seq);

	if (before > w->v->retained)
		w->v->retained = before;
	see(w, seq, true);
	return err ?: verify_leaf(w->v, w->hash, hash_beside(w, seq));
}

/* Records that are not where they should be; they may yet come. */
static int lines_miss(struct walk *w, uint64_t until)
{
	int err = 0;

	while (!err && expected(w) < until)
		err = verify_leaf(w->v, NULL, hash_of(w, expected(w)));
	return err;
}

static int line_ahead(struct walk *w)
{
	uint64_t seq = w->now.seq;

	/* One that is altered too is taken for what it says if the next line agrees. */
	if (!in_room(w, seq) || (!is_written(w, seq) && w->next.seq != seq + 1))
		return find(w, LOG_INSERTED, 0);
	return lines_miss(w, seq) ?: line_take(w, seq);
}

static int line_behind(struct walk *w)
{
	uint64_t seq = w->now.seq;

	if (!in_room(w, seq) || see(w, seq, false) || !hash_of(w, seq) || !is_written(w, seq))
		return find(w, LOG_INSERTED, 0);
	see(w, seq, true);
	return find(w, LOG_MOVED, seq);
}

static int line_judge(struct walk *w)
{
	uint64_t seq = expected(w);

	if (w->end && seq >= w->end) /* the next segment has it */
		return find(w, LOG_INSERTED, 0);
	if (w->now.seq == seq)
		return !is_written(w, seq) && w->next.seq == seq ? find(w, LOG_INSERTED, 0)
								 : line_take(w, seq);
	if (w->next.seq == seq + 1) /* its very number was altered */
		return line_take(w, seq);
	if (w->now.seq > seq)
		return line_ahead(w);
	return w->now.seq	    ? line_behind(w)
	       : w->next.seq == seq ? find(w, LOG_INSERTED, 0)
				    : line_take(w, seq);
}

static int removed(struct verifier *v, uint64_t from, uint64_t to)
{
	return verify_find(v, &(struct log_finding){
				      .kind = LOG_REMOVED, .segment = v->segment, .seq = from, .to = to - 1});
}

/* What never came, as ranges. */
static int lines_removed(struct walk *w, uint64_t end)
{
	uint64_t from = 0, seq = w->v->segment;
	int err = 0;

	for (; seq < end && in_room(w, seq) && !err; seq++) {
		bool seen = see(w, seq, false);

		if (seen && from)
			err = removed(w->v, from, seq);
		from = seen ? 0 : from ? from : seq;
	}
	if (!err && (from || seq < end))
		err = removed(w->v, from ? from : seq, end);
	return err;
}

static int lines_walk(struct walk *w)
{
	int err = 0;

	w->next = line_read(w);
	while (!err && w->next.at) {
		w->now = w->next;
		w->next = line_read(w);
		w->number++;
		err = merkle_leaf(w->now.at, w->now.len, w->hash);
		if (!err)
			err = line_judge(w);
	}
	return err;
}

static int lines_end(struct walk *w)
{
	struct verifier *v = w->v;
	uint64_t to = w->end ? w->end : v->segment + w->known;
	int err;

	w->number++;
	if (w->at != w->lines->len)
		err = w->end ? find(w, LOG_INSERTED, 0) : find(w, LOG_TORN, 0);
	else
		err = 0;
	if (to < expected(w))
		to = expected(w);
	if (!err)
		err = lines_miss(w, to < v->segment + w->room ? to : v->segment + w->room);
	if (!err && expected(w) < to) { /* a whole segment is gone */
		v->lost = true;
		v->index = to - v->first;
	}
	return err ?: lines_removed(w, to);
}

static uint64_t lines_count(const struct log_bytes *lines)
{
	uint64_t count = 0;

	for (const char *at = lines->at; (at = memchr(at, '\n', lines->len - (size_t)(at - lines->at))); at++)
		count++;
	return count;
}

int verify_lines(struct verifier *v, const struct log_bytes *lines,
		 const unsigned char (*hashes)[MERKLE_HASH], uint64_t known, uint64_t end)
{
	uint64_t room = lines_count(lines) + known;
	_cleanup_free_ unsigned char *seen = calloc(1, room / 8 + 1);
	struct walk w = {.v = v,
			 .lines = lines,
			 .hashes = hashes,
			 .known = known,
			 .end = end,
			 .room = room,
			 .seen = seen};

	if (!seen)
		return -ENOMEM;
	if (end && known > end - v->segment) /* hashes past the segment's end are of nothing */
		w.known = end - v->segment;
	return lines_walk(&w) ?: lines_end(&w);
}
