/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ticket.h"

#include <stdio.h>
#include <string.h>

#include "broker/bind.h"
#include "broker/handlers.h"
#include "broker/lifecycle.h"
#include "common/clock.h"

static int ticket_lapse(sd_event_source *s, uint64_t usec, void *arg)
{
	struct grant *g = arg;

	(void)s;
	(void)usec;
	lifecycle_end(g->broker, g, "its ticket was not redeemed in time");
	return 0;
}

int ticket_open(struct broker *b, struct grant *g)
{
	uint64_t end = clock_boottime() + TICKET_SECONDS * 1000000000ull;
	int err;

	if (end > g->deadline)
		end = g->deadline;
	err = sd_event_add_time(b->event, &g->lapse, CLOCK_BOOTTIME, end / 1000, 1000, ticket_lapse, g);
	if (err < 0)
		return err;
	g->ticket = TICKET_OPEN;
	return 0;
}

/*
 * To whoever has another grant than the parent's own a ticket says nothing of itself. That the parent's tag
 * is on the caller the kernel finds once more, where it puts on the new one.
 */
static int ticket_check(struct exchange *x)
{
	const struct grant *g = x->grant;
	const struct grant *own = registry_by_tag(&x->broker->grants, x->caller.slot, x->caller.gen);

	if (g->ticket == TICKET_NONE)
		return answer_problem(&x->answer, PROBLEM_CONFLICT, "grant %s is no ticket", g->id);
	if (!own || strcmp(own->id, g->parent))
		return answer_problem(&x->answer, PROBLEM_FORBIDDEN,
				      "only a process under grant %s may redeem this ticket", g->parent);
	if (g->ticket == TICKET_REDEEMED)
		return answer_problem(&x->answer, PROBLEM_CONFLICT,
				      "ticket %s was redeemed: it is good for one process", g->id);
	if (g->ticket != TICKET_OPEN || g->state != GRANT_LIVE)
		return answer_problem(&x->answer, PROBLEM_FORBIDDEN, "ticket %s is over: %s", g->id,
				      g->state == GRANT_REVOKED	  ? "its grant was revoked"
				      : g->state == GRANT_EXPIRED ? "its grant has expired"
								  : "it was not redeemed in time");
	return 0;
}

int handle_redeem(struct exchange *x)
{
	struct grant *g = x->grant;
	char text[TEXT_BYTES];
	int err = ticket_check(x) ?: bind_single(x) ?: bind_caller(x, g);

	if (err)
		return err; /* and the ticket is as good as before */
	g->ticket = TICKET_REDEEMED;
	g->lapse = sd_event_source_disable_unref(g->lapse);
	lifecycle_refresh(x->broker, g);
	snprintf(text, sizeof(text), "its ticket, by process %u", x->caller.tgid);
	recorder_note(&x->broker->recorder, NOTE_REDEEMED, g, text);
	return answer_json(&x->answer, 201, grant_json(g, true));
}
