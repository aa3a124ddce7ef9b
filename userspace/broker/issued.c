/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/issued.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/state.h"
#include "common/clock.h"

struct grant *issued_grant(const struct broker *b, const struct issued *t)
{
	struct grant *g = registry_by_tag(&b->grants, t->slot, t->gen);

	return g && g->state == GRANT_LIVE ? g : NULL;
}

bool issued_is_good(const struct broker *b, const struct issued *t)
{
	const struct grant *g = issued_grant(b, t);

	return g && grant_is_good(g) && clock_boottime() < t->deadline && (!t->task || task_alive(t->task));
}

void issued_end(struct broker *b, struct issued *t)
{
	struct task *task = t->task;

	HASH_DEL(b->issued.by_hash, t);
	payers_give(&b->issued.payers, &t->bill);
	if (task)
		LIST_REMOVE(t, of_task);
	free(t);
	task_release(task);
}

void issued_end_task(struct broker *b, struct task *t)
{
	struct issued *one = LIST_FIRST(&t->tokens), *next;

	if (!one)
		task_release(t);
	for (; one; one = next) {
		next = LIST_NEXT(one, of_task);
		issued_end(b, one); /* the last one's end is the task's */
	}
}

static int issued_sweep(sd_event_source *s, uint64_t usec, void *arg)
{
	struct broker *b = arg;
	struct issued *t, *tmp;

	(void)usec;
	HASH_ITER(hh, b->issued.by_hash, t, tmp)
	{
		if (!issued_is_good(b, t))
			issued_end(b, t);
	}
	if (!payers_sweep(&b->issued.payers))
		return sd_event_source_set_enabled(s, SD_EVENT_OFF);
	sd_event_source_set_time_relative(s, ISSUED_SWEEP_USEC);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int issued_watch(struct broker *b)
{
	int err, on;

	if (!b->issued.sweep) {
		err = sd_event_add_time_relative(b->event, &b->issued.sweep, CLOCK_MONOTONIC,
						 ISSUED_SWEEP_USEC, 0, issued_sweep, b);
		return err < 0 ? err : 0;
	}
	err = sd_event_source_get_enabled(b->issued.sweep, &on);
	if (err < 0 || on != SD_EVENT_OFF)
		return err < 0 ? err : 0;
	sd_event_source_set_time_relative(b->issued.sweep, ISSUED_SWEEP_USEC);
	return sd_event_source_set_enabled(b->issued.sweep, SD_EVENT_ONESHOT);
}

static struct issued *issued_make(const struct issued_terms *terms)
{
	struct issued *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct issued){.kind = terms->kind,
			     .single_use = terms->single_use,
			     .slot = terms->grant->slot,
			     .gen = terms->grant->gen,
			     .bill = terms->bill,
			     .deadline = terms->deadline,
			     .status = terms->status,
			     .task = terms->task};
	return t;
}

int issued_add(struct broker *b, const struct issued_terms *terms)
{
	struct issued *t = issued_make(terms);
	int err = t ? hash_sha256(terms->text, strlen(terms->text), t->hash) : -ENOMEM;

	if (!err)
		err = payers_take(&b->issued.payers, &t->bill);
	if (err) {
		free(t);
		return err;
	}
	HASH_ADD(hh, b->issued.by_hash, hash, sizeof(t->hash), t);
	if (t->task)
		LIST_INSERT_HEAD(&t->task->tokens, t, of_task);
	return 0;
}

struct issued *issued_find(struct broker *b, const char *text, size_t len)
{
	unsigned char hash[HASH_BYTES];
	struct issued *t = NULL;

	if (hash_sha256(text, len, hash))
		return NULL;
	HASH_FIND(hh, b->issued.by_hash, hash, sizeof(hash), t);
	return t && issued_is_good(b, t) ? t : NULL;
}

void issued_clear(struct broker *b)
{
	struct issued *t, *tmp;

	HASH_ITER(hh, b->issued.by_hash, t, tmp)
	{
		issued_end(b, t);
	}
	payers_clear(&b->issued.payers);
	b->issued.sweep = sd_event_source_disable_unref(b->issued.sweep);
}
