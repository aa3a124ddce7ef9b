/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends that are still to be written down. The kernel cuts a subtree of any size in one write; the event of
 * each grant beneath follows, some at a time, so that ten thousand of them keep nobody waiting.
 */
#ifndef DEPUTY_NOTICES_H
#define DEPUTY_NOTICES_H

#include "broker/state.h"

#define NOTICES_AT_ONCE 32u

/* Writes down that a grant was revoked, and keeps it after: a daemon that dies in between leaves it to the
 * next, which tells of it again. */
void notices_write(struct broker *b, struct grant *g, const char *text);
/* The same later, by notices_wake(). The text is shared (common/shared.h) and held. */
void notices_add(struct broker *b, struct grant *g, const char *text);
/* After the last of some. Told at once when they cannot be put off. */
void notices_wake(struct broker *b);
/* Tells of one now, if it is waiting: before anything else is said of it. */
void notices_tell(struct broker *b, struct grant *g);
/* Of all of them. */
void notices_flush(struct broker *b);
void notices_stop(struct broker *b);

#endif
