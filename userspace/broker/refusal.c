/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusal.h"

#include <stdio.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/user.h"

static bool refusal_counts(const struct exchange *x)
{
	unsigned s = x->answer.status;

	return x->route && x->route->handler == handle_mint &&
	       (s == 403 || s == 409 || s == 422 || s == 429 || s == 503);
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

void refusal_note(const struct exchange *x)
{
	const char *why = answer_message(&x->answer);
	struct user user;
	char owner[72];

	if (!refusal_counts(x) || !refusal_allowed(x->broker))
		return;
	user_find(x->peer->uid, &user);
	snprintf(owner, sizeof(owner), "uid:%u", (unsigned)x->peer->uid);
	recorder_note_plain(&x->broker->recorder, NOTE_REFUSED, owner, user.name, why ? why : "");
}
