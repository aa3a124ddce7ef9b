/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/logouts.h"

#include "broker/nonces.h"

#define LIFE_NS (NONCE_SECONDS * 1000000000ull)

static void logout_forget(struct logout *o)
{
	json_decref(o->claims);
	*o = (struct logout){0};
}

static struct logout *logouts_of_all(struct logouts *l, const struct oidc_issuer *issuer)
{
	size_t i = 0;

	/* There are no more issuers than places. */
	while (i < OIDC_ISSUERS_MAX - 1 && l->all[i].deadline && l->all[i].subject.issuer != issuer)
		i++;
	return &l->all[i];
}

/* What is remembered for longer is so for all of it: more is refused, and never less. */
static void logouts_widen(struct logouts *l, const struct logout *o)
{
	struct logout *all = logouts_of_all(l, o->subject.issuer);

	all->subject = (struct set_subject){.issuer = o->subject.issuer};
	if (all->until < o->until)
		all->until = o->until;
	if (all->deadline < o->deadline)
		all->deadline = o->deadline;
}

void logouts_add(struct logouts *l, const struct set_received *set, const struct set_subject *subject,
		 int64_t until, uint64_t now)
{
	struct logout *place = &l->list[l->next++ % LOGOUTS_MAX];

	if (place->deadline > now)
		logouts_widen(l, place);
	logout_forget(place);
	*place = (struct logout){.subject = *subject,
				 .claims = json_incref(set->claims),
				 .until = until,
				 .deadline = now + LIFE_NS};
	place->subject.id = NULL;
}

/* Both times are by the issuer's clock, so how far that is off does not matter. */
static bool logout_means(const struct logout *o, uint64_t now, const struct grant *g)
{
	return now < o->deadline && g->proven < o->until && set_subject_matches(&o->subject, NULL, g);
}

bool logouts_have(const struct logouts *l, uint64_t now, const struct grant *g)
{
	for (size_t i = 0; i < LOGOUTS_MAX; i++)
		if (logout_means(&l->list[i], now, g))
			return true;
	for (size_t i = 0; i < OIDC_ISSUERS_MAX; i++)
		if (logout_means(&l->all[i], now, g))
			return true;
	return false;
}

void logouts_clear(struct logouts *l)
{
	for (size_t i = 0; i < LOGOUTS_MAX; i++)
		logout_forget(&l->list[i]);
}
