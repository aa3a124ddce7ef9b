/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusal.h"

#include <stdio.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/user.h"

/* 403 is to ask for what is somebody else's, whatever it is. Of a ticket that is none of the caller's, it is
 * told that there is none. */
static bool refusal_counts(const struct exchange *x)
{
	unsigned s = x->answer.status;
	route_handler h = x->route ? x->route->handler : NULL;

	if (x->answer.refused || s == 403)
		return true;
	if (h != handle_mint && h != handle_delegate && h != handle_redeem && h != handle_renew)
		return false;
	return s == 409 || s == 422 || s == 429 || s == 503 || (s == 404 && h == handle_redeem);
}

/* At most so many in one second of the clock. */
static bool refusal_allowed(struct broker *b)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (b->refused_second != (uint64_t)t.tv_sec) {
		b->refused_second = (uint64_t)t.tv_sec;
		b->refused_count = 0;
	}
	return b->refused_count++ < REFUSALS_PER_SECOND;
}

static void refusal_of_user(const struct exchange *x, const char *why)
{
	struct user user;
	char owner[OWNER_BYTES];

	user_find(x->peer->uid, &user);
	snprintf(owner, sizeof(owner), "uid:%u", (unsigned)x->peer->uid);
	recorder_note_plain(&x->broker->recorder, NOTE_REFUSED, owner, user.name, why);
}

void refusal_note(const struct exchange *x)
{
	const struct grant *g = registry_by_tag(&x->broker->grants, x->caller.slot, x->caller.gen);
	const char *why = answer_message(&x->answer);

	if (!refusal_counts(x) || !refusal_allowed(x->broker))
		return;
	if (g)
		recorder_note(&x->broker->recorder, NOTE_REFUSED, g, why ? why : "");
	else
		refusal_of_user(x, why ? why : "");
}
