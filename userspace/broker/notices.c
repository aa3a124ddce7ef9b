/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/notices.h"

#include "broker/adopt.h"
#include "common/shared.h"

void notices_write(struct broker *b, struct grant *g, const char *text)
{
	recorder_note(&b->recorder, NOTE_REVOKED, g, text);
	if (g->link)
		adopt_keep(b, g);
}

void notices_tell(struct broker *b, struct grant *g)
{
	const char *text = g->notice;

	if (!text)
		return;
	TAILQ_REMOVE(&b->notices, g, noticed);
	g->notice = NULL;
	notices_write(b, g, text);
	shared_drop(text);
}

void notices_flush(struct broker *b)
{
	struct grant *g;

	while ((g = TAILQ_FIRST(&b->notices)))
		notices_tell(b, g);
}

static int notices_some(sd_event_source *s, void *arg)
{
	struct broker *b = arg;
	struct grant *g;

	for (unsigned i = 0; i < NOTICES_AT_ONCE && (g = TAILQ_FIRST(&b->notices)); i++)
		notices_tell(b, g);
	return TAILQ_EMPTY(&b->notices) ? 0 : sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

static int notices_defer(struct broker *b)
{
	if (b->notices_source)
		return sd_event_source_set_enabled(b->notices_source, SD_EVENT_ONESHOT);
	return sd_event_add_defer(b->event, &b->notices_source, notices_some, b);
}

void notices_wake(struct broker *b)
{
	if (!TAILQ_EMPTY(&b->notices) && notices_defer(b) < 0)
		notices_flush(b);
}

void notices_add(struct broker *b, struct grant *g, const char *text)
{
	g->notice = shared_hold(text);
	TAILQ_INSERT_TAIL(&b->notices, g, noticed);
}

void notices_stop(struct broker *b)
{
	b->notices_source = sd_event_source_disable_unref(b->notices_source);
}
