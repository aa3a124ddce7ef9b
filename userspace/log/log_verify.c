/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "log/log_verify_internal.h"

/* ---- findings ---- */

void verify_say(struct verifier *v, const struct log_finding *finding)
{
	if (log_finding_is_warning(finding))
		v->report->warnings++;
	else
		v->report->damage++;
	v->say(v->arg, finding);
}

int verify_find(struct verifier *v, const struct log_finding *finding)
{
	if (v->pending_count == v->pending_room) {
		size_t room = 2 * v->pending_room + 16;
		struct log_finding *more = reallocarray(v->pending, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		v->pending = more;
		v->pending_room = room;
	}
	v->pending[v->pending_count++] = *finding;
	return 0;
}

void verify_flush(struct verifier *v)
{
	for (size_t i = 0; i < v->pending_count; i++)
		verify_say(v, &v->pending[i]);
	v->pending_count = 0;
}

/* The lines have the root that they should: what seemed altered are hashes beside them. */
static void flush_hashes(struct verifier *v)
{
	struct log_finding damaged = {.kind = LOG_HASHES};
	size_t kept = 0;

	for (size_t i = 0; i < v->pending_count; i++) {
		const struct log_finding *f = &v->pending[i];

		if (f->kind != LOG_ALTERED) {
			v->pending[kept++] = *f;
			continue;
		}
		if (!damaged.seq)
			damaged = (struct log_finding){
				.kind = LOG_HASHES, .segment = f->segment, .seq = f->seq};
		damaged.to = f->seq;
	}
	v->pending_count = kept;
	verify_flush(v);
	if (damaged.seq)
		verify_say(v, &damaged);
}

/* ---- the tree ---- */

int verify_leaf(struct verifier *v, const unsigned char *line, const unsigned char *hash)
{
	int err = 0;

	if (!line && !hash)
		v->lost = true; /* nobody knows what it was */
	if (!v->lost && !v->forked && line && hash && memcmp(line, hash, MERKLE_HASH)) {
		v->hashes = v->lines;
		v->forked = true;
	}
	if (!v->lost)
		err = merkle_append(&v->lines, line ? line : hash);
	if (!v->lost && !err && v->forked)
		err = merkle_append(&v->hashes, hash ? hash : line);
	v->index++;
	return err ?: verify_checkpoints(v);
}

static void agree(struct verifier *v)
{
	v->agreed = v->index;
	v->forked = false;
}

int verify_claim(struct verifier *v, const unsigned char root[MERKLE_HASH], bool *holds)
{
	unsigned char lines[MERKLE_HASH], hashes[MERKLE_HASH];
	int err = merkle_root(&v->lines, lines);

	if (!err && v->forked)
		err = merkle_root(&v->hashes, hashes);
	if (err)
		return err;
	*holds = true;
	if (!memcmp(lines, root, MERKLE_HASH)) {
		flush_hashes(v);
	} else if (v->forked && !memcmp(hashes, root, MERKLE_HASH)) {
		v->lines = v->hashes;
		verify_flush(v);
	} else {
		verify_flush(v);
		verify_say(v, &(struct log_finding){.kind = LOG_MISMATCH,
						    .segment = v->segment,
						    .seq = v->first + v->agreed,
						    .to = v->first + v->index - 1});
		*holds = false;
		v->lost = true;
	}
	if (*holds)
		agree(v);
	return 0;
}

/* ---- segments ---- */

static void head_complain(struct verifier *v, const char *why)
{
	verify_flush(v);
	verify_say(
		v,
		&(struct log_finding){
			.kind = LOG_HEAD, .segment = v->segment, .line = 1, .seq = v->segment, .why = why});
}

/* What is before is not there any more, or no tree of it: its first line says what it was. */
static int head_begin(struct verifier *v, const struct segment_head *head)
{
	v->lines = head->tree;
	v->index = head->tree.size;
	v->first = head->seq - head->tree.size;
	v->begun = true;
	v->lost = false;
	agree(v);
	return verify_checkpoints(v);
}

static int head_go_on(struct verifier *v, const struct segment_head *head)
{
	unsigned char root[MERKLE_HASH];
	bool holds = true;
	int err = 0;

	if (head->tree.size != v->index || head->seq != v->first + v->index) {
		head_complain(v, "it says another size");
		return head_begin(v, head);
	}
	if (!v->lost) {
		err = merkle_root(&head->tree, root);
		if (!err)
			err = verify_claim(v, root, &holds);
	}
	if (!err && v->lost) { /* as it was already, or by this very claim */
		verify_flush(v);
		err = head_begin(v, head);
	}
	return err;
}

/* Its hash stands beside it; one that was altered says nothing of what is before it. */
static bool head_is_written(const char *line, size_t len, const unsigned char (*hashes)[MERKLE_HASH],
			    uint64_t known)
{
	unsigned char hash[MERKLE_HASH];

	return !known || (!merkle_leaf(line, len, hash) && !memcmp(hash, hashes[0], MERKLE_HASH));
}

static int head_verify(struct verifier *v, const struct log_bytes *lines,
		       const unsigned char (*hashes)[MERKLE_HASH], uint64_t known)
{
	const char *newline = memchr(lines->at, '\n', lines->len);
	size_t len = newline ? (size_t)(newline - lines->at) : 0;
	struct segment_head head;

	if (!newline || segment_head_parse(lines->at, len, &head) || head.seq != v->segment) {
		head_complain(v, "its first line does not say what is before it");
		v->lost |= !v->begun || v->first + v->index != v->segment;
		v->begun = true;
		v->index = v->segment - v->first;
		return 0;
	}
	if (!v->begun)
		return head_begin(v, &head);
	return head_is_written(lines->at, len, hashes, known) || v->lost ? head_go_on(v, &head) : 0;
}

static int segment_lines(struct verifier *v, const struct log_bytes *hashes, uint64_t end)
{
	const unsigned char(*list)[MERKLE_HASH] = (const unsigned char(*)[MERKLE_HASH])hashes->at;
	_cleanup_bytes_ struct log_bytes lines = {0};
	uint64_t known = hashes->len / MERKLE_HASH;
	char name[SEGMENT_NAME_BYTES];
	int err;

	segment_name(v->segment, SEGMENT_LINES, name);
	err = log_bytes_load(v->dir, name, &lines) ?: head_verify(v, &lines, list, known);
	v->report->segments++;
	return err ?: verify_lines(v, &lines, list, known, end);
}

/* What retention left of a segment. Behind lines that are there it would have left lines. */
static int segment_hashes(struct verifier *v, const struct log_bytes *hashes, uint64_t end)
{
	uint64_t to = end ? end : v->segment + hashes->len / MERKLE_HASH;
	int err = 0;

	for (uint64_t i = 0; !err && i < hashes->len / MERKLE_HASH && v->segment + i < to; i++)
		err = verify_leaf(v, NULL, (const unsigned char *)hashes->at + i * MERKLE_HASH);
	v->lost |= v->first + v->index != to;
	v->index = to - v->first;
	if (err || (end && !v->report->segments))
		return err;
	return verify_find(v, &(struct log_finding){.kind = LOG_REMOVED,
						    .segment = v->segment,
						    .seq = v->segment,
						    .to = to > v->segment ? to - 1 : to});
}

static int segment_verify(struct verifier *v, const struct segment *s, uint64_t end)
{
	_cleanup_bytes_ struct log_bytes hashes = {0};
	char name[SEGMENT_NAME_BYTES];
	int err = 0;

	v->segment = s->seq;
	if (s->seq < v->first) {
		head_complain(v, "the log begins later");
		return 0;
	}
	segment_name(s->seq, SEGMENT_HASHES, name);
	if (s->has[SEGMENT_HASHES])
		err = log_bytes_load(v->dir, name, &hashes);
	if (err && err != -ENOENT)
		return err;
	if (s->has[SEGMENT_LINES])
		return segment_lines(v, &hashes, end);
	return v->begun ? segment_hashes(v, &hashes, end) : 0;
}

/* ---- the log ---- */

/* Leaf 0's number, which the first line of any segment tells. 0: none does. */
static uint64_t first_of(int dir, const struct segment *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_bytes_ struct log_bytes lines = {0};
		char name[SEGMENT_NAME_BYTES];
		struct segment_head head;
		const char *newline;

		segment_name(list[i].seq, SEGMENT_LINES, name);
		if (!list[i].has[SEGMENT_LINES] || log_bytes_load(dir, name, &lines))
			continue;
		newline = memchr(lines.at, '\n', lines.len);
		if (newline && !segment_head_parse(lines.at, (size_t)(newline - lines.at), &head))
			return head.seq - head.tree.size;
	}
	return 0;
}

/* With the hashes of its first segment, if not its lines, the log is known from its beginning on. */
static void verify_begin(struct verifier *v, const struct segment *list, size_t count)
{
	v->first = first_of(v->dir, list, count);
	v->begun = count && v->first && list[0].seq == v->first;
}

static void verify_retention(struct verifier *v, const struct segment *list, size_t count)
{
	uint64_t from = 0;

	for (size_t i = 0; i < count && !from; i++)
		if (list[i].has[SEGMENT_LINES])
			from = list[i].seq;
	v->report->lines_from = from;
	if (from > v->first && v->retained < from)
		verify_say(v, &(struct log_finding){.kind = LOG_MISSING, .seq = v->first, .to = from - 1});
}

static int verify_all(struct verifier *v, const struct segment *list, size_t count)
{
	int err = 0;

	verify_begin(v, list, count);
	if (!v->first)
		return -EBADMSG;
	for (size_t i = 0; !err && i < count; i++)
		err = segment_verify(v, &list[i], i + 1 < count ? list[i + 1].seq : 0);
	if (err)
		return err;
	verify_flush(v);
	verify_retention(v, list, count);
	verify_checkpoints_end(v);
	v->report->first = v->first;
	v->report->next = v->first + v->index;
	return 0;
}

int log_verify(int dir, const struct log_trust *trust, log_finding_fn say, void *arg,
	       struct log_report *report)
{
	struct verifier v = {.dir = dir, .trust = trust, .say = say, .arg = arg, .report = report};
	_cleanup_free_ struct segment *list = NULL;
	size_t count = 0;
	int err;

	*report = (struct log_report){0};
	/* Before the lines: a log that is written meanwhile has no checkpoint of what was not there. */
	err = verify_checkpoints_load(&v) ?: segments_list(dir, &list, &count);
	if (!err)
		err = count ? verify_all(&v, list, count) : -ENOENT;
	free(v.claims);
	free(v.pending);
	return err;
}
