/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "log/segment.h"

struct piece {
	uint64_t seq; /* of its first record */
	bool lines;   /* are there */
	uint64_t count;
	struct log_bytes hashes;
};

struct log_store {
	int dir;
	uint64_t first;
	struct merkle base; /* of what is before the first piece */
	struct piece *pieces;
	size_t count;
};

static int hashes_make(const struct log_bytes *lines, struct log_bytes *hashes)
{
	const char *at = lines->at, *newline;
	size_t count = 0;

	for (; (at = memchr(at, '\n', lines->len - (size_t)(at - lines->at))); at++)
		count++;
	hashes->at = malloc(count * MERKLE_HASH + 1);
	if (!hashes->at)
		return -ENOMEM;
	at = lines->at;
	for (size_t i = 0; i < count; i++, at = newline + 1) {
		newline = rawmemchr(at, '\n');
		if (merkle_leaf(at, (size_t)(newline - at), (unsigned char *)hashes->at + i * MERKLE_HASH))
			return -EIO;
	}
	hashes->len = count * MERKLE_HASH;
	return 0;
}

/* `wanted`: how many there must be; 0: as many as there are. */
static int piece_load(int dir, const struct segment *s, uint64_t wanted, struct piece *p)
{
	_cleanup_bytes_ struct log_bytes lines = {0};
	char name[SEGMENT_NAME_BYTES];
	int err = -ENOENT;

	*p = (struct piece){.seq = s->seq, .lines = s->has[SEGMENT_LINES]};
	segment_name(s->seq, SEGMENT_HASHES, name);
	if (s->has[SEGMENT_HASHES])
		err = log_bytes_load(dir, name, &p->hashes);
	if ((err || p->hashes.len < wanted * MERKLE_HASH) && s->has[SEGMENT_LINES]) {
		log_bytes_free(&p->hashes);
		segment_name(s->seq, SEGMENT_LINES, name);
		err = log_bytes_load(dir, name, &lines) ?: hashes_make(&lines, &p->hashes);
	}
	p->count = p->hashes.len / MERKLE_HASH;
	if (!err && (wanted ? p->count < wanted : !p->count))
		err = -EBADMSG;
	if (wanted && p->count > wanted)
		p->count = wanted;
	return err;
}

static int head_load(int dir, uint64_t seq, struct segment_head *head)
{
	_cleanup_bytes_ struct log_bytes lines = {0};
	char name[SEGMENT_NAME_BYTES];
	const char *newline;
	int err;

	segment_name(seq, SEGMENT_LINES, name);
	err = log_bytes_load(dir, name, &lines);
	newline = err ? NULL : memchr(lines.at, '\n', lines.len);
	if (err || !newline)
		return err ?: -EBADMSG;
	return segment_head_parse(lines.at, (size_t)(newline - lines.at), head);
}

/* The first segment from which on nothing is missing: the log's own first, or one whose first line says what
 * was before it. */
static int store_begin(struct log_store *s, const struct segment *list, size_t count, size_t *from)
{
	struct segment_head head;
	size_t i = 0;
	int err;

	while (i < count && !list[i].has[SEGMENT_LINES])
		i++;
	err = i < count ? head_load(s->dir, list[i].seq, &head) : -ENOENT;
	if (err)
		return err;
	s->first = head.seq - head.tree.size;
	*from = list[0].seq == s->first ? 0 : i;
	if (*from || !i)
		s->base = head.tree;
	return 0;
}

static int store_load(struct log_store *s)
{
	_cleanup_free_ struct segment *list = NULL;
	size_t count = 0, from = 0;
	int err = segments_list(s->dir, &list, &count);

	if (!err)
		err = store_begin(s, list, count, &from);
	if (err)
		return err;
	s->pieces = calloc(count - from, sizeof(*s->pieces));
	if (!s->pieces)
		return -ENOMEM;
	for (size_t i = from; i < count && !err; i++)
		err = piece_load(s->dir, &list[i], i + 1 < count ? list[i + 1].seq - list[i].seq : 0,
				 &s->pieces[s->count++]);
	return err;
}

int log_store_open(int dir, struct log_store **store)
{
	struct log_store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->dir = dir;
	err = store_load(s);
	if (err)
		log_store_free(s);
	else
		*store = s;
	return err;
}

void log_store_free(struct log_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		log_bytes_free(&s->pieces[i].hashes);
	free(s->pieces);
	free(s);
}

uint64_t log_store_first(const struct log_store *s)
{
	return s->first;
}

uint64_t log_store_size(const struct log_store *s)
{
	const struct piece *last = &s->pieces[s->count - 1];

	return last->seq + last->count - s->first;
}

static int leaves_fold(const struct log_store *s, uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH])
{
	struct merkle tree = {0};
	int err = 0;

	for (size_t i = 0; i < s->count && !err; i++) {
		const struct piece *p = &s->pieces[i];
		const unsigned char *hashes = (const unsigned char *)p->hashes.at;
		uint64_t start = p->seq - s->first;

		for (uint64_t at = from > start ? from : start; at < to && at < start + p->count && !err;
		     at++)
			err = merkle_append(&tree, hashes + (at - start) * MERKLE_HASH);
	}
	return err ?: merkle_root(&tree, hash);
}

/* Of what is gone, only the largest subtrees are kept, and a proof for what is there takes no others. */
static int base_subtree(const struct log_store *s, uint64_t from, uint64_t to,
			unsigned char hash[MERKLE_HASH])
{
	uint64_t n = to - from;
	unsigned level = (unsigned)__builtin_ctzll(n);

	if (n & (n - 1) || !(s->base.size & n) ||
	    from != (level < 63 ? s->base.size >> (level + 1) << (level + 1) : 0))
		return -ENOENT;
	memcpy(hash, s->base.node[level], MERKLE_HASH);
	return 0;
}

int log_store_subtree(void *arg, uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH])
{
	const struct log_store *s = arg;
	unsigned char left[MERKLE_HASH], right[MERKLE_HASH];
	uint64_t middle;
	int err;

	if (from >= to || to > log_store_size(s))
		return -ERANGE;
	if (from >= s->base.size)
		return leaves_fold(s, from, to, hash);
	if (to <= s->base.size && !base_subtree(s, from, to, hash))
		return 0;
	if (to - from == 1)
		return -ENOENT;
	middle = from + (1ull << (63 - __builtin_clzll(to - from - 1)));
	err = log_store_subtree(arg, from, middle, left) ?: log_store_subtree(arg, middle, to, right);
	return err ?: merkle_node(left, right, hash);
}

int log_store_line(const struct log_store *s, uint64_t seq, struct log_bytes *line)
{
	_cleanup_bytes_ struct log_bytes lines = {0};
	char name[SEGMENT_NAME_BYTES];
	const char *at, *end;
	size_t i = 0;
	int err;

	while (i < s->count && !(seq >= s->pieces[i].seq && seq - s->pieces[i].seq < s->pieces[i].count))
		i++;
	if (i == s->count || !s->pieces[i].lines)
		return -ENOENT;
	segment_name(s->pieces[i].seq, SEGMENT_LINES, name);
	err = log_bytes_load(s->dir, name, &lines);
	if (err)
		return err;
	at = log_bytes_line(&lines, seq - s->pieces[i].seq);
	end = at ? memchr(at, '\n', lines.len - (size_t)(at - lines.at)) : NULL;
	if (!end || !(line->at = strndup(at, (size_t)(end - at))))
		return end ? -ENOMEM : -ENOENT;
	line->len = strlen(line->at);
	return line->len == (size_t)(end - at) ? 0 : -EBADMSG;
}

int log_store_checkpoint(const struct log_store *s, uint64_t size, struct log_bytes *note)
{
	_cleanup_bytes_ struct log_bytes file = {0};
	struct tlog_checkpoint checkpoint;
	struct signed_note parsed;
	const char *text, *best = NULL;
	size_t at = 0, len, best_len = 0;
	int err = log_bytes_load(s->dir, CHECKPOINTS_NAME, &file);

	while (!err && checkpoints_next(&file, &at, &text, &len)) {
		if (tlog_checkpoint_open(text, len, NULL, &parsed, &checkpoint) || checkpoint.size <= size ||
		    checkpoint.size > log_store_size(s))
			continue;
		best = text;
		best_len = len;
	}
	if (err || !best)
		return err ?: -ENOENT;
	note->at = strndup(best, best_len);
	note->len = best_len;
	return note->at ? 0 : -ENOMEM;
}
