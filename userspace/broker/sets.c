/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sets.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/lifecycle.h"

void sets_init(struct sets *s)
{
	*s = (struct sets){0};
	TAILQ_INIT(&s->entries);
	LIST_INIT(&s->waiters);
}

static void entry_free(struct set_entry *e)
{
	if (!e)
		return;
	json_decref(e->claims);
	free(e);
}

static void entry_drop(struct sets *s, struct set_entry *e)
{
	TAILQ_REMOVE(&s->entries, e, next);
	s->count--;
	s->lost += !e->acked;
	entry_free(e);
}

void sets_clear(struct sets *s)
{
	struct set_entry *e;

	while ((e = TAILQ_FIRST(&s->entries)))
		entry_drop(s, e);
}

/* ---- what has happened ---- */

struct set_share {
	struct set_entry *oldest; /* NULL: there are none */
	size_t count;
};

static struct set_share share_of(const struct sets *s, uid_t uid)
{
	struct set_share share = {0};
	struct set_entry *e;

	TAILQ_FOREACH (e, &s->entries, next) {
		if (e->uid != uid)
			continue;
		share.oldest = share.oldest ? share.oldest : e;
		share.count++;
	}
	return share;
}

/* Who has his share makes room with his own oldest. Root has more than one, as long as nobody needs the rest.
 */
static void sets_make_room(struct sets *s, uid_t uid)
{
	struct set_share own = share_of(s, uid), root = share_of(s, 0);
	bool full = s->count >= SETS_MAX;

	if (own.count >= SETS_PER_USER && (uid || full))
		entry_drop(s, own.oldest);
	else if (full)
		entry_drop(s, root.count > SETS_PER_USER ? root.oldest : TAILQ_FIRST(&s->entries));
}

static struct set_entry *entry_new(const struct broker *b, const struct cut *cut, const char *reason)
{
	const struct grant *g = cut->top;
	const struct set_revocation r = {
		.iss = b->options.issuer,
		.time = time(NULL),
		.grant = g->id,
		.owner = g->owner,
		.policy = g->policy,
		.policy_digest = g->digest,
		.purpose = g->purpose,
		.key = g->key,
		.reason = reason,
		.kill = cut->kill,
		.beneath = cut->beneath,
	};
	struct set_entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->uid = g->uid;
	e->claims = set_claims(&r, e->jti);
	if (e->claims)
		return e;
	free(e);
	return NULL;
}

void sets_add(struct broker *b, const struct cut *cut, const char *reason)
{
	struct set_entry *e = entry_new(b, cut, reason);

	if (!e) {
		b->sets.lost++;
		return;
	}
	sets_make_room(&b->sets, e->uid);
	TAILQ_INSERT_TAIL(&b->sets.entries, e, next);
	b->sets.count++;
	sets_wake(b, e->uid);
}

/* ---- who knows of it ---- */

unsigned sets_receiver(struct sets *s, uid_t uid)
{
	struct set_entry *e;
	unsigned oldest = 0;

	for (unsigned i = 0; i < SETS_RECEIVERS; i++) {
		if (s->receivers[i].asked && s->receivers[i].uid == uid) {
			s->receivers[i].asked = ++s->asked;
			return i;
		}
		if (s->receivers[i].asked < s->receivers[oldest].asked)
			oldest = i;
	}
	s->receivers[oldest] = (struct set_receiver){uid, ++s->asked};
	TAILQ_FOREACH (e, &s->entries, next) {
		e->acked &= ~(1u << oldest);
	}
	return oldest;
}

static bool receiver_has(const struct sets *s, unsigned receiver, const struct set_entry *e)
{
	uid_t uid = s->receivers[receiver].uid;

	return !(e->acked & 1u << receiver) && (!uid || e->uid == uid);
}

struct set_entry *sets_next(struct sets *s, unsigned receiver, struct set_entry *after)
{
	struct set_entry *e = after ? TAILQ_NEXT(after, next) : TAILQ_FIRST(&s->entries);

	while (e && !receiver_has(s, receiver, e))
		e = TAILQ_NEXT(e, next);
	return e;
}

void sets_acknowledge(struct sets *s, unsigned receiver, const char *jti)
{
	for (struct set_entry *e = sets_next(s, receiver, NULL); e; e = sets_next(s, receiver, e)) {
		if (strcmp(e->jti, jti) != 0)
			continue;
		e->acked |= 1u << receiver;
		return;
	}
}
