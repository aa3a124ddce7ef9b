/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/sets: security events of others, pushed (RFC 8935). */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/issuer_keys.h"
#include "broker/lifecycle.h"
#include "broker/oauth.h"
#include "broker/selection.h"
#include "broker/set_subject.h"
#include "broker/worker.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "token/hash.h"
#include "token/jwt.h"
#include "token/set.h"

#define REVOKE_BY 200 /* bytes: TEXT_BYTES has to hold more */

/* Events after which whoever logged in acts no more. All others are taken and nothing is done, as RFC 8417
 * section 2 wants it of events that a recipient does not know. */
static const char *const ending[] = {
	SET_SESSION_REVOKED,
	SET_GRANT_REVOKED,
	"https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	"https://schemas.openid.net/secevent/risc/event-type/account-purged",
};

/* ---- errors: section 2.4 ---- */

static int receive_refuse(struct exchange *x, const char *code, const char *description)
{
	answer_json(&x->answer, 400, json_pack("{s:s, s:s}", "err", code, "description", description));
	return -EINVAL;
}

static int receive_error(struct exchange *x, int err, const struct why *why)
{
	static const struct {
		int err;
		const char *code;
	} codes[] = {
		{-EMSGSIZE, "invalid_request"}, {-EBADMSG, "invalid_request"}, {-ESTALE, "invalid_request"},
		{-ENOTSUP, "invalid_request"},	{-ENOKEY, "invalid_key"},      {-EKEYREJECTED, "invalid_key"},
		{-EACCES, "access_denied"},
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].err == err)
			return receive_refuse(x, codes[i].code, why->text);
	return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot take the event: %s", strerror(-err));
}

/* ---- replays ---- */

/* By issuer and jti, whatever a second signature over the same looks like. */
static int receive_hash(const struct set_received *set, unsigned char hash[HASH_BYTES])
{
	_cleanup_free_ char *text = NULL;
	int n = asprintf(&text, "%s %s", set->issuer->issuer, set->jti);

	return n < 0 ? -ENOMEM : hash_sha256(text, (size_t)n, hash);
}

static bool receive_known(const struct sets *s, const unsigned char hash[HASH_BYTES])
{
	for (size_t i = 0; i < SETS_REMEMBERED; i++)
		if (memcmp(s->received[i], hash, HASH_BYTES) == 0)
			return true;
	return false;
}

static void receive_remember(struct sets *s, const unsigned char hash[HASH_BYTES])
{
	memcpy(s->received[s->received_next++ % SETS_REMEMBERED], hash, HASH_BYTES);
}

/* ---- what is done ---- */

/*
 * When it happened: logins of later are another session's. So an event that comes again, forgotten or not,
 * ends nothing that began since.
 */
static int64_t event_time(const struct set_received *set, const json_t *event)
{
	int64_t t;

	if (jwt_time(event, "event_timestamp", &t) && jwt_time(set->claims, "toe", &t))
		return set->iat;
	return t < set->iat ? t : set->iat;
}

struct receiving {
	const struct registry *grants;
	struct set_subject subject;
	int64_t until;
};

/*
 * It is the login that is over, not what was begun meanwhile with an ID token of before: so the token's time
 * counts, by the same clock as the event's. Of a grant that has none on record its own, by ours.
 */
static bool receiving_means(const struct grant *g, const void *arg)
{
	const struct receiving *r = arg;
	bool before = g->proven ? g->proven <= r->until : g->not_before <= r->until + r->subject.issuer->skew;

	return before && set_subject_matches(&r->subject, r->grants, g);
}

static int receive_cut(struct exchange *x, const struct set_received *set, const struct receiving *r)
{
	_cleanup_free_ struct cut *cuts = NULL;
	char who[REVOKE_BY];
	size_t count, failed;

	if (selection_pick(r->grants, receiving_means, r, &cuts, &count))
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory; nothing was revoked");
	snprintf(who, sizeof(who), "event %.64s of %.100s", set->jti, set->issuer->issuer);
	failed = lifecycle_revoke_all(x->broker, cuts, count, who);
	if (failed) /* it is not remembered either: the transmitter comes again */
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE,
				      "%zu of %zu grants could not be revoked and go on", failed, count);
	return 0;
}

/* Several events of one token are about one subject and one thing that has happened (RFC 8417 section 2.2).
 */
static int receive_act(struct exchange *x, const struct set_received *set)
{
	struct receiving r = {.grants = &x->broker->grants};
	const json_t *event = NULL;
	struct why why = {""};
	int err;

	for (size_t i = 0; !event && i < sizeof(ending) / sizeof(ending[0]); i++)
		event = json_object_get(set->events, ending[i]);
	if (!event)
		return 0;
	err = set_subject_read(set, event, &r.subject, &why);
	if (err)
		return receive_error(x, err, &why);
	r.until = event_time(set, event);
	if (set_subject_is_user(&r.subject, r.grants)) /* whatever becomes of those that are there */
		logouts_add(&x->broker->logouts, set, &r.subject, r.until, clock_boottime());
	return receive_cut(x, set, &r);
}

/* ---- the request ---- */

static int receive_verified(struct exchange *x, const struct set_received *set)
{
	unsigned char hash[HASH_BYTES];
	int err = receive_hash(set, hash);

	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot take the event: %s",
				      strerror(-err));
	/* section 2.3: one that was taken already is taken again */
	if (!receive_known(&x->broker->sets, hash)) {
		err = receive_act(x, set);
		if (err)
			return err;
		receive_remember(&x->broker->sets, hash);
	}
	return http_empty(x, 202);
}

/* ---- in two parts, for issuers' keys are the worker's (issuer_keys.h) ---- */

struct receipt {
	struct worker_job job;
	struct exchange *x;
	struct oidc_issuers *issuers;
	struct set_received set;
	struct why why;
	int err;
};

_Static_assert(offsetof(struct receipt, job) == 0, "a job is its receipt");

static void receipt_run(struct worker_job *job)
{
	struct receipt *r = (struct receipt *)job;

	issuer_keys_refresh(r->issuers);
	r->err = set_verify(r->issuers, r->x->body, r->x->size, time(NULL), &r->set, &r->why);
}

static void receipt_done(struct worker_job *job)
{
	exchange_resume(((struct receipt *)job)->x);
}

static void receipt_free(void *arg)
{
	struct receipt *r = arg;

	set_received_free(&r->set);
	free(r);
}

/* Whoever carries it here: that it is the issuer's is what the signature says. */
static int receive_ask(struct exchange *x)
{
	struct oidc_issuers *issuers = x->broker->options.issuers;
	struct receipt *r;

	if (!issuers || !issuers->count)
		return receive_refuse(x, "invalid_issuer",
				      "this host takes no events: deputyd.yaml names no issuers");
	if (!oauth_is(x, "application/" SET_TYPE) || !x->body)
		return receive_refuse(x, "invalid_request", "the body must be application/" SET_TYPE);
	r = calloc(1, sizeof(*r));
	if (!r)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory");
	*r = (struct receipt){.job = {.run = receipt_run, .done = receipt_done}, .x = x, .issuers = issuers};
	x->work = r;
	x->work_free = receipt_free;
	exchange_suspend(x);
	worker_submit(&x->broker->worker, &r->job);
	return 0;
}

int handle_sets_receive(struct exchange *x)
{
	struct receipt *r = x->work;

	if (!r)
		return receive_ask(x);
	return r->err ? receive_error(x, r->err, &r->why) : receive_verified(x, &r->set);
}
