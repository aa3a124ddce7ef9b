/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/lifecycle.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "broker/adopt.h"
#include "broker/notices.h"
#include "common/clock.h"
#include "common/shared.h"

#define RETRY_USEC 1000000

/* So that the next daemon does not tell of it again. When that fails, it will. */
static void lifecycle_keep(const struct broker *b, const struct grant *g)
{
	if (g->link)
		adopt_keep(b, g);
}

/* The timer of a grant that was renewed since it was set: its end has moved on. */
static int lifecycle_later(sd_event_source *s, const struct grant *g)
{
	int err = sd_event_source_set_time(s, g->deadline / 1000 + 1);

	return err < 0 ? err : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int lifecycle_expired(sd_event_source *s, uint64_t usec, void *arg)
{
	struct grant *g = arg;
	char ttl[TIME_BYTES], text[TEXT_BYTES];

	(void)usec;
	if (g->state != GRANT_LIVE)
		return 0;
	if (clock_boottime() < g->deadline)
		return lifecycle_later(s, g);
	g->state = GRANT_EXPIRED;
	text_ttl((uint64_t)(g->expires - g->not_before) * 1000000000, ttl);
	snprintf(text, sizeof(text), "its %s are over", ttl);
	recorder_note(&g->broker->recorder, NOTE_EXPIRED, g, text);
	lifecycle_keep(g->broker, g);
	return 0;
}

int lifecycle_arm(struct broker *b, struct grant *g)
{
	int err;

	g->broker = b;
	/* Rounded up: never shown as expired before the kernel says so. */
	err = sd_event_add_time(b->event, &g->timer, CLOCK_BOOTTIME, g->deadline / 1000 + 1, 1000,
				lifecycle_expired, g);
	return err < 0 ? err : 0;
}

void lifecycle_refresh(const struct broker *b, struct grant *g)
{
	const volatile struct slot *s = &b->slots[g->slot];

	if (!g->held || s->gen != g->gen)
		return;
	g->tasks = s->tasks;
	g->denials = s->denials;
}

static void lifecycle_cut(struct broker *b, struct grant *g, const char *text)
{
	notices_tell(b, g);
	if (g->state == GRANT_LIVE)
		g->state = GRANT_REVOKED;
	notices_write(b, g, text);
}

/* The cut that this grant is beneath; NULL: none. */
static struct cut *lifecycle_above(const struct grant *g)
{
	while ((g = g->above))
		if (g->cut)
			return g->cut;
	return NULL;
}

/* Said of each grant beneath, so made once. */
static const char *lifecycle_notice(struct cut *cut, const char *who)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "with %s, by %s, mode %s", cut->top->id, who,
		 cut->kill ? "kill" : "deny");
	return shared_text(text) ?: shared_text("");
}

/*
 * The kernel has cut them by now, in the one write of their top: each has an end of its own in the log. Here
 * is all that whoever revokes waits for, so there is no more of it than that the grant has ended.
 */
static void lifecycle_cut_below(struct broker *b, const char *who)
{
	for (struct grant *g = b->grants.by_id; g; g = g->hh.next) {
		struct cut *cut = g->state == GRANT_LIVE ? lifecycle_above(g) : NULL;

		if (!cut)
			continue;
		if (!cut->notice)
			cut->notice = lifecycle_notice(cut, who);
		g->state = GRANT_REVOKED;
		notices_add(b, g, cut->notice);
		cut->beneath++;
	}
	notices_wake(b);
}

static void lifecycle_cut_top(struct broker *b, struct cut *cut, const char *who)
{
	char text[TEXT_BYTES];

	cut->err = warden_revoke(FD_WARDEN, grant_tag(cut->top), cut->kill ? SLOT_KILL : 0);
	if (cut->err)
		return;
	snprintf(text, sizeof(text), "by %s, mode %s", who, cut->kill ? "kill" : "deny");
	cut->ended = cut->top->state == GRANT_LIVE;
	lifecycle_cut(b, cut->top, text);
	cut->top->cut = cut;
}

size_t lifecycle_revoke_all(struct broker *b, struct cut *cuts, size_t count, const char *who)
{
	size_t failed = 0;
	bool below = false;

	for (size_t i = 0; i < count; i++) {
		cuts[i].err = 0;
		cuts[i].ended = false;
		cuts[i].beneath = 0;
		cuts[i].notice = NULL;
		if (cuts[i].top->held)
			lifecycle_cut_top(b, &cuts[i], who);
		failed += cuts[i].err != 0;
		below |= cuts[i].top->below != 0;
	}
	if (below)
		lifecycle_cut_below(b, who);
	for (size_t i = 0; i < count; i++) {
		cuts[i].top->cut = NULL;
		shared_drop(cuts[i].notice);
		if (cuts[i].ended)
			sets_add(b, &cuts[i], who);
	}
	return failed;
}

int lifecycle_revoke(struct broker *b, struct grant *g, bool kill, const char *who)
{
	struct cut cut = {.top = g, .kill = kill};

	lifecycle_revoke_all(b, &cut, 1, who);
	return cut.err;
}

static void lifecycle_release(struct broker *b, struct grant *g);

static int lifecycle_retry(sd_event_source *s, uint64_t usec, void *arg)
{
	struct grant *g = arg;

	(void)s;
	(void)usec;
	lifecycle_release(g->broker, g);
	return 0;
}

static void lifecycle_release(struct broker *b, struct grant *g)
{
	struct grant *above = g->above;

	if (warden_release(FD_WARDEN, grant_tag(g)) != -EBUSY) {
		registry_end(&b->grants, g);
		if (above && !b->slots[above->slot].tasks)
			lifecycle_empty(b, above);
		return;
	}
	/* A task between its last event and its end. Its grant is over, so the timer is free. */
	g->timer = sd_event_source_disable_unref(g->timer);
	sd_event_add_time_relative(b->event, &g->timer, CLOCK_MONOTONIC, RETRY_USEC, 0, lifecycle_retry, g);
}

void lifecycle_end(struct broker *b, struct grant *g, const char *why)
{
	if (g->emptied || g->below) /* while another acts on its authority it is not over */
		return;
	notices_tell(b, g);
	g->emptied = true;
	if (g->ticket == TICKET_OPEN)
		g->ticket = TICKET_LAPSED;
	g->lapse = sd_event_source_disable_unref(g->lapse);
	lifecycle_refresh(b, g);
	if (g->state == GRANT_LIVE)
		g->state = GRANT_ENDED;
	recorder_note(&b->recorder, NOTE_ENDED, g, why);
	lifecycle_release(b, g);
}

void lifecycle_empty(struct broker *b, struct grant *g)
{
	lifecycle_end(b, g, "no task is left");
}

/* A grant that no task has yet is over when its ticket is, or when it was revoked. */
static bool grant_waits(const struct grant *g)
{
	return g->ticket == TICKET_OPEN && g->state == GRANT_LIVE;
}

int lifecycle_sweep(sd_event_source *s, uint64_t usec, void *broker)
{
	struct broker *b = broker;

	(void)usec;
	for (uint32_t slot = 1; slot < SLOTS_MAX; slot++) {
		struct grant *g = b->grants.by_slot[slot];

		if (g && b->slots[slot].gen == g->gen && b->slots[slot].tasks == 0 && !grant_waits(g))
			lifecycle_empty(b, g);
	}
	sd_event_source_set_time_relative(s, SWEEP_SECONDS * 1000000ull);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}
