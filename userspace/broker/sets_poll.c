/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/sets/poll: RFC 8936. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/sets.h"
#include "common/cleanup.h"

/* ---- what is asked ---- */

struct poll_request {
	json_t *root;
	const json_t *ack;    /* jtis; NULL: none */
	const json_t *errors; /* by jti; NULL: none */
	json_int_t max;
	bool at_once;
};

/* Section 2.2. Members that are not of the RFC are passed over, as extensions of it may have some. */
static int poll_check(const struct poll_request *q, const json_t *now, const json_t *max, struct answer *a)
{
	const json_t *jti;
	size_t i;

	if (!json_is_object(q->root))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "the body must be a JSON object");
	if (now && !json_is_boolean(now))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"returnImmediately\" must be true or false");
	if (max && (!json_is_integer(max) || json_integer_value(max) < 0))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"maxEvents\" must be a number from 0 on");
	if (q->ack && !json_is_array(q->ack))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"ack\" must be an array of strings");
	json_array_foreach (q->ack, i, jti)
		if (!json_is_string(jti))
			return answer_problem(a, PROBLEM_BAD_REQUEST, "\"ack\" must be an array of strings");
	if (q->errors && !json_is_object(q->errors))
		return answer_problem(a, PROBLEM_BAD_REQUEST, "\"setErrs\" must be an object");
	return 0;
}

static int poll_decode(const struct exchange *x, struct poll_request *q, struct answer *a)
{
	const json_t *now, *max;
	json_error_t e;

	*q = (struct poll_request){
		.root = json_loadb(x->body ? x->body : "", x->size, JSON_REJECT_DUPLICATES, &e)};
	if (!q->root)
		return answer_problem(a, PROBLEM_BAD_REQUEST, "the body is not JSON: %d:%d: %s", e.line,
				      e.column, e.text);
	now = json_object_get(q->root, "returnImmediately");
	max = json_object_get(q->root, "maxEvents");
	q->ack = json_object_get(q->root, "ack");
	q->errors = json_object_get(q->root, "setErrs");
	q->at_once = json_is_true(now);
	q->max = max && json_integer_value(max) < SETS_AT_ONCE ? json_integer_value(max) : SETS_AT_ONCE;
	return poll_check(q, now, max, a);
}

/* Section 2.4: one that a receiver could not use is not given to it again either: it would be no other. */
static void poll_acknowledge(struct sets *s, unsigned receiver, const struct poll_request *q)
{
	const json_t *jti;
	json_t *error;
	const char *name;
	size_t i;

	json_array_foreach (q->ack, i, jti)
		sets_acknowledge(s, receiver, json_string_value(jti));
	json_object_foreach ((json_t *)q->errors, name, error)
		sets_acknowledge(s, receiver, name);
}

/* ---- what is answered ---- */

static int poll_sign(struct exchange *x, const struct set_entry *e, json_t *sets)
{
	_cleanup_free_ char *text = NULL;
	char aud[32];
	int err;

	snprintf(aud, sizeof(aud), "uid:%u", (unsigned)x->caller.uid);
	err = set_sign(secret_ring_current(&x->broker->keys), e->claims, aud, &text);
	if (!err && json_object_set_new(sets, e->jti, json_string(text)))
		err = -ENOMEM;
	return err;
}

static int poll_answer(struct exchange *x, unsigned receiver, json_int_t max)
{
	struct sets *s = &x->broker->sets;
	struct set_entry *e = sets_next(s, receiver, NULL);
	json_auto_t *sets = json_object();
	int err = 0;

	for (; e && !err && (json_int_t)json_object_size(sets) < max; e = sets_next(s, receiver, e))
		err = poll_sign(x, e, sets);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot sign: %s", strerror(-err));
	return answer_json(&x->answer, 200,
			   e ? json_pack("{s:O, s:b}", "sets", sets, "moreAvailable", 1)
			     : json_pack("{s:O}", "sets", sets));
}

/* ---- waiting for one (section 2.2, long polling) ---- */

struct set_waiter {
	struct exchange *x;
	sd_event_source *timer;
	bool woken;
	json_int_t max;
	LIST_ENTRY(set_waiter) next;
};

static void waiter_wake(struct set_waiter *w)
{
	if (w->woken)
		return;
	w->woken = true;
	w->timer = sd_event_source_disable_unref(w->timer);
	exchange_resume(w->x);
}

static int waiter_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	waiter_wake(arg);
	return 0;
}

static void waiter_free(void *arg)
{
	struct set_waiter *w = arg;

	sd_event_source_disable_unref(w->timer);
	LIST_REMOVE(w, next);
	free(w);
}

static int poll_wait(struct exchange *x, json_int_t max)
{
	struct broker *b = x->broker;
	struct set_waiter *w = calloc(1, sizeof(*w));
	int err = w ? sd_event_add_time_relative(b->event, &w->timer, CLOCK_MONOTONIC,
						 SETS_WAIT_SECONDS * 1000000ull, 0, waiter_timeout, w)
		    : -ENOMEM;

	if (err < 0) {
		free(w);
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot wait: %s", strerror(-err));
	}
	w->x = x;
	w->max = max;
	LIST_INSERT_HEAD(&b->sets.waiters, w, next);
	x->work = w;
	x->work_free = waiter_free;
	exchange_suspend(x);
	return 0;
}

void sets_wake(struct broker *b, uid_t uid)
{
	struct set_waiter *w;

	LIST_FOREACH (w, &b->sets.waiters, next) {
		if (!w->x->caller.uid || w->x->caller.uid == uid)
			waiter_wake(w);
	}
}

void sets_stop(struct broker *b)
{
	struct set_waiter *w;

	LIST_FOREACH (w, &b->sets.waiters, next) {
		waiter_wake(w);
	}
}

static int poll_ask(struct exchange *x, const struct poll_request *q)
{
	struct sets *s = &x->broker->sets;
	unsigned receiver = sets_receiver(s, x->caller.uid);

	poll_acknowledge(s, receiver, q);
	if (q->at_once || !q->max || sets_next(s, receiver, NULL))
		return poll_answer(x, receiver, q->max);
	return poll_wait(x, q->max);
}

/* Asked again when there is something, or when it has waited long enough. */
int handle_sets_poll(struct exchange *x)
{
	struct set_waiter *w = x->work;
	struct poll_request q;
	int err;

	if (w)
		return poll_answer(x, sets_receiver(&x->broker->sets, x->caller.uid), w->max);
	err = poll_decode(x, &q, &x->answer);
	if (!err)
		err = poll_ask(x, &q);
	json_decref(q.root);
	return err;
}
