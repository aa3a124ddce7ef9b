/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to a grant after it was given. The kernel and the warden do it; the broker remembers and
 * writes it down. live -> revoked | expired | ended; the slot is given back when no task is left.
 */
#ifndef DEPUTY_LIFECYCLE_H
#define DEPUTY_LIFECYCLE_H

#include "broker/state.h"
#include "broker/warden_client.h"

#define SWEEP_SECONDS 10 /* how late a last exit is noticed when its report was lost */

static inline struct warden_tag grant_tag(const struct grant *g)
{
	return (struct warden_tag){g->slot, g->gen};
}

/* Arms the expiry of a grant that is about to be registered. 0 or -errno. */
int lifecycle_arm(struct broker *b, struct grant *g);
/* Reads the numbers that the kernel keeps. */
void lifecycle_refresh(const struct broker *b, struct grant *g);
/* One subtree that is to end. */
struct cut {
	struct grant *top;
	bool kill;	    /* its tasks too */
	bool ended;	    /* set: it lived until now */
	int err;	    /* set: 0, or the warden's -errno, and nothing ended */
	size_t beneath;	    /* set: the live grants beneath it that ended with it */
	const char *notice; /* shared: what is written of each of these; lifecycle.c's own */
};

/*
 * Revokes several subtrees, none within another, by one write of the kernel's each, and notes the end of
 * every grant in them; `who` for people. Passes over the registry once for all of them. Returns how many
 * failed.
 */
size_t lifecycle_revoke_all(struct broker *b, struct cut *cuts, size_t count, const char *who);
/* One of them. Harmless on a grant without tasks. -errno of the warden. */
int lifecycle_revoke(struct broker *b, struct grant *g, bool kill, const char *who);
/* No task is left: notes the end and gives the slot back, trying again while the warden finds it busy. */
void lifecycle_empty(struct broker *b, struct grant *g);
/* The same for another reason than that; `why` for people. */
void lifecycle_end(struct broker *b, struct grant *g, const char *why);
/* sd_event_time_handler_t: ends grants without tasks whose report never came. */
int lifecycle_sweep(sd_event_source *s, uint64_t usec, void *broker);

#endif
