/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/lifecycle.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "broker/adopt.h"

#define RETRY_USEC 1000000

/* So that the next daemon does not tell of it again. When that fails, it will. */
static void lifecycle_keep(const struct broker *b, const struct grant *g)
{
	if (g->token)
		adopt_keep(b, g);
}

static int lifecycle_expired(sd_event_source *s, uint64_t usec, void *arg)
{
	struct grant *g = arg;
	char ttl[TIME_BYTES], text[TEXT_BYTES];

	(void)s;
	(void)usec;
	if (g->state != GRANT_LIVE)
		return 0;
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
	if (g->state == GRANT_LIVE)
		g->state = GRANT_REVOKED;
	recorder_note(&b->recorder, NOTE_REVOKED, g, text);
	lifecycle_keep(b, g);
}

/* The kernel has cut them by now, in the one write: each has an end of its own in the log. */
static void lifecycle_cut_below(struct broker *b, const struct grant *top, const char *who, bool kill)
{
	char text[TEXT_BYTES];
	struct grant *g;

	snprintf(text, sizeof(text), "with %s, by %s, mode %s", top->id, who, kill ? "kill" : "deny");
	for (g = b->grants.by_id; g; g = g->hh.next)
		if (g != top && g->state == GRANT_LIVE && grant_is_below(g, top->slot, top->gen))
			lifecycle_cut(b, g, text);
}

int lifecycle_revoke(struct broker *b, struct grant *g, bool kill, const char *who)
{
	char text[TEXT_BYTES];
	int err;

	if (!g->held)
		return 0;
	err = warden_revoke(FD_WARDEN, grant_tag(g), kill ? SLOT_KILL : 0);
	if (err)
		return err;
	snprintf(text, sizeof(text), "by %s, mode %s", who, kill ? "kill" : "deny");
	lifecycle_cut(b, g, text);
	if (g->below)
		lifecycle_cut_below(b, g, who, kill);
	return 0;
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

void lifecycle_empty(struct broker *b, struct grant *g)
{
	if (g->emptied || g->below) /* while another acts on its authority it is not over */
		return;
	g->emptied = true;
	lifecycle_refresh(b, g);
	if (g->state == GRANT_LIVE)
		g->state = GRANT_ENDED;
	recorder_note(&b->recorder, NOTE_ENDED, g, "no task is left");
	lifecycle_release(b, g);
}

int lifecycle_sweep(sd_event_source *s, uint64_t usec, void *broker)
{
	struct broker *b = broker;

	(void)usec;
	for (uint32_t slot = 1; slot < SLOTS_MAX; slot++) {
		struct grant *g = b->grants.by_slot[slot];

		if (g && b->slots[slot].gen == g->gen && b->slots[slot].tasks == 0)
			lifecycle_empty(b, g);
	}
	sd_event_source_set_time_relative(s, SWEEP_SECONDS * 1000000ull);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}
