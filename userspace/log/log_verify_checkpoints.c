/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log/log_verify_internal.h"
#include "log/tlog_checkpoint.h"

static void complain(struct verifier *v, enum log_finding_kind kind, size_t number, const char *why)
{
	verify_say(v, &(struct log_finding){.kind = kind, .line = number, .why = why});
}

static int claim_add(struct verifier *v, const struct claim *claim)
{
	if (!(v->claim_count & (v->claim_count - 1))) { /* at each power of two */
		size_t room = v->claim_count ? 2 * v->claim_count : 1;
		struct claim *more = reallocarray(v->claims, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		v->claims = more;
	}
	v->claims[v->claim_count++] = *claim;
	return 0;
}

static void witnesses_check(struct verifier *v, const struct signed_note *note, struct claim *claim)
{
	for (size_t i = 0; i < v->trust->witness_count; i++) {
		uint64_t time;
		int err = note_verify(note, &v->trust->witnesses[i], &time);

		if (err == -EKEYREJECTED)
			complain(v, LOG_WITNESS, claim->number, "a witness's signature is wrong");
		if (err)
			continue;
		claim->witnessed = true;
		claim->time = time > claim->time ? time : claim->time;
	}
}

static const char *problem(int err)
{
	return err == -EKEYREJECTED ? "the log's signature is wrong"
	       : err == -ENOKEY	    ? "not signed by this log's key"
				    : "it is no checkpoint";
}

static int claim_read(struct verifier *v, const char *text, size_t len, size_t number)
{
	struct claim claim = {.number = number};
	struct tlog_checkpoint checkpoint;
	struct signed_note note;
	int err = tlog_checkpoint_open(text, len, v->trust->log, &note, &checkpoint);

	if (err) {
		complain(v, LOG_CHECKPOINT, number, problem(err));
		return 0;
	}
	claim.size = checkpoint.size;
	memcpy(claim.root, checkpoint.hash, sizeof(claim.root));
	if (v->claim_count && v->claims[v->claim_count - 1].size > claim.size)
		complain(v, LOG_CHECKPOINT, number, "it is of a smaller log than the one before it");
	witnesses_check(v, &note, &claim);
	return claim_add(v, &claim);
}

static int claim_order(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->size != y->size ? (x->size > y->size) - (x->size < y->size)
				  : (x->number > y->number) - (x->number < y->number);
}

int verify_checkpoints_load(struct verifier *v)
{
	_cleanup_bytes_ struct log_bytes file = {0};
	size_t at = 0, len, number = 0;
	const char *note;
	int err = log_bytes_load(v->dir, CHECKPOINTS_NAME, &file);

	if (err)
		return err == -ENOENT ? 0 : err;
	while (!err && checkpoints_next(&file, &at, &note, &len))
		err = claim_read(v, note, len, ++number);
	if (!err && at != file.len)
		complain(v, LOG_TORN, number + 1, "in the file of checkpoints");
	if (v->claim_count)
		qsort(v->claims, v->claim_count, sizeof(*v->claims), claim_order);
	return err;
}

static void claim_holds(struct verifier *v, const struct claim *claim)
{
	struct log_report *r = v->report;

	r->checkpoints++;
	r->covered = claim->size;
	if (!claim->witnessed)
		return;
	r->witnessed = claim->size;
	r->witness_time = claim->time;
}

int verify_checkpoints(struct verifier *v)
{
	int err = 0;

	for (; !err && v->claim_next < v->claim_count; v->claim_next++) {
		const struct claim *claim = &v->claims[v->claim_next];
		bool holds = false, lost = v->lost;

		if (claim->size > v->index)
			break;
		if (claim->size < v->index || lost) {
			v->report->unjudged++;
			continue;
		}
		err = verify_claim(v, claim->root, &holds);
		if (holds)
			claim_holds(v, claim);
	}
	return err;
}

void verify_checkpoints_end(struct verifier *v)
{
	const struct claim *last = v->claim_count ? &v->claims[v->claim_count - 1] : NULL;

	if (last && last->size > v->index)
		verify_say(v, &(struct log_finding){.kind = LOG_TRUNCATED,
						    .seq = v->first + v->index,
						    .to = v->first + last->size - 1});
}
