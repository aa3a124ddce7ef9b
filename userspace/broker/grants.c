/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/grants.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/shared.h"

void registry_init(struct registry *r)
{
	memset(r, 0, sizeof(*r));
	TAILQ_INIT(&r->ended);
}

void registry_clear(struct registry *r)
{
	struct grant *g, *tmp;

	HASH_ITER(hh, r->by_id, g, tmp)
	{
		HASH_DEL(r->by_id, g);
		grant_free(g);
	}
	registry_init(r);
}

/* 'g', so that an id is never a number or an option, and 80 random bits in RFC 4648 base32, lower case. */
static void grant_name(char id[ID_BYTES])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char bits[16];

	randombytes_buf(bits, sizeof(bits));
	id[0] = 'g';
	for (size_t i = 0; i < sizeof(bits); i++)
		id[i + 1] = alphabet[bits[i] & 31];
	id[sizeof(bits) + 1] = '\0';
}

/* ---- what a grant says ---- */

#define TEXT(name, room) {offsetof(struct grant, name), room}

static const struct {
	size_t at;
	size_t room;
} texts[GRANT_TEXTS] = {
	[GRANT_OWNER] = TEXT(owner, OWNER_BYTES),
	[GRANT_ASSURANCE] = TEXT(assurance, 16),
	[GRANT_USER] = TEXT(user, GRANT_NAME_BYTES),
	[GRANT_PURPOSE] = TEXT(purpose, 72),
	[GRANT_POLICY] = TEXT(policy, 72),
	[GRANT_FILE] = TEXT(file, 128),
	[GRANT_DIGEST] = TEXT(digest, HASH_TEXT_BYTES),
	[GRANT_TABLE] = TEXT(table, HASH_TEXT_BYTES),
	[GRANT_KEY] = TEXT(key, KID_BYTES),
	[GRANT_WORKDIR] = TEXT(workdir, SIZE_MAX),
	[GRANT_ARGV] = TEXT(argv, SIZE_MAX),
	[GRANT_STATUS_URI] = TEXT(status_uri, SIZE_MAX),
};

static const char **grant_text(struct grant *g, enum grant_text which)
{
	return (const char **)((char *)g + texts[which].at);
}

size_t grant_text_room(enum grant_text which)
{
	return texts[which].room;
}

const char *grant_text_of(const struct grant *g, enum grant_text which)
{
	return *grant_text((struct grant *)g, which);
}

int grant_say(struct grant *g, enum grant_text which, const char *text)
{
	const char **said = grant_text(g, which), *shared = NULL;
	char cut[OWNER_BYTES]; /* the largest room that is bounded */

	if (strlen(text) >= texts[which].room) {
		text_copy(cut, texts[which].room, text);
		text = cut;
	}
	shared = shared_text(text);
	if (!shared)
		return -ENOMEM;
	shared_drop(*said);
	*said = shared;
	return 0;
}

void grant_texts_hold(struct grant *g)
{
	for (int i = 0; i < GRANT_TEXTS; i++)
		shared_hold(*grant_text(g, i));
	if (g->lines)
		shared_hold(g->lines);
	if (g->labels)
		shared_hold(g->labels);
}

void grant_texts_drop(struct grant *g)
{
	for (int i = 0; i < GRANT_TEXTS; i++)
		shared_drop(*grant_text(g, i));
	shared_drop(g->lines);
	shared_drop(g->labels);
}

int grant_label(struct grant *g, const char *labels, size_t size)
{
	const char *shared = shared_bytes(labels, size);

	if (!shared)
		return -ENOMEM;
	shared_drop(g->labels);
	g->labels = shared;
	g->labels_size = size;
	return 0;
}

/* ---- one ---- */

struct grant *grant_new(void)
{
	struct grant *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	grant_name(g->id);
	for (int i = 0; i < GRANT_TEXTS; i++)
		*grant_text(g, i) = shared_text(""); /* always to be had */
	return g;
}

void grant_free(struct grant *g)
{
	if (!g)
		return;
	sd_event_source_disable_unref(g->timer);
	sd_event_source_disable_unref(g->lapse);
	json_decref(g->proof);
	grant_texts_drop(g);
	free(g->line);
	shared_drop(g->notice);
	signed_link_drop(g->link);
	signed_links_clear(&g->earlier);
	free(g);
}

/* ---- all of them ---- */

void registry_add(struct registry *r, struct grant *g)
{
	g->held = true;
	if (g->above)
		g->above->below++;
	r->by_slot[g->slot] = g;
	HASH_ADD_STR(r->by_id, id, g);
}

static size_t grant_weight(const struct grant *g)
{
	return sizeof(*g) + g->labels_size + (g->link && g->link->text ? strlen(g->link->text) : 0) +
	       strlen(g->argv);
}

static void registry_forget(struct registry *r, struct grant *g)
{
	TAILQ_REMOVE(&r->ended, g, next);
	r->ended_count--;
	r->ended_bytes -= grant_weight(g);
	HASH_DEL(r->by_id, g);
	grant_free(g);
}

void registry_end(struct registry *r, struct grant *g)
{
	g->held = false;
	if (g->above)
		g->above->below--;
	g->above = NULL;
	g->tasks = 0;
	g->timer = sd_event_source_disable_unref(g->timer);
	g->lapse = sd_event_source_disable_unref(g->lapse);
	signed_links_clear(&g->earlier);
	if (*g->parent) { /* without the links above it, which may go now, it proves nothing */
		signed_link_drop(g->link);
		g->link = NULL;
	}
	r->by_slot[g->slot] = NULL;
	TAILQ_INSERT_TAIL(&r->ended, g, next);
	r->ended_count++;
	r->ended_bytes += grant_weight(g);
	while (r->ended_count > GRANTS_ENDED_MAX ||
	       (r->ended_bytes > GRANTS_ENDED_BYTES && r->ended_count > 1))
		registry_forget(r, TAILQ_FIRST(&r->ended));
}

void registry_drop(struct registry *r, struct grant *g)
{
	r->by_slot[g->slot] = NULL;
	HASH_DEL(r->by_id, g);
	grant_free(g);
}

struct grant *registry_by_tag(const struct registry *r, uint32_t slot, uint32_t gen)
{
	struct grant *g = slot && slot < SLOTS_MAX ? r->by_slot[slot] : NULL;

	return g && g->gen == gen ? g : NULL;
}

bool grant_is_good(const struct grant *g)
{
	return g->state == GRANT_LIVE && clock_boottime() < g->deadline;
}

bool grant_is_below(const struct grant *g, uint32_t slot, uint32_t gen)
{
	for (; g; g = g->above)
		if (g->slot == slot && g->gen == gen)
			return true;
	return false;
}

int registry_find(const struct registry *r, const char *id, grant_filter filter, const void *arg,
		  struct grant **grant)
{
	size_t len = strlen(id);
	struct grant *g, *found = NULL;

	if (len < GRANT_PREFIX_MIN || len >= ID_BYTES)
		return -ENOENT;
	HASH_FIND_STR(r->by_id, id, found);
	if (found && !filter(found, arg))
		return -ENOENT;
	if (found) {
		*grant = found;
		return 0;
	}
	for (g = r->by_id; g; g = g->hh.next) {
		if (strncmp(g->id, id, len) != 0 || !filter(g, arg))
			continue;
		if (found)
			return -EEXIST; /* whole ids are of one length, so neither is the other's prefix */
		found = g;
	}
	if (!found)
		return -ENOENT;
	*grant = found;
	return 0;
}

void registry_usage(const struct registry *r, uid_t uid, size_t *grants, size_t *bytes)
{
	*grants = *bytes = 0;
	for (const struct grant *g = r->by_id; g; g = g->hh.next) {
		if (g->uid != uid || !g->held)
			continue;
		*grants += 1;
		*bytes += g->cost;
	}
}

unsigned registry_live(const struct registry *r)
{
	unsigned n = 0;

	for (const struct grant *g = r->by_id; g; g = g->hh.next)
		n += g->state == GRANT_LIVE;
	return n;
}

const char *grant_state_name(enum grant_state state)
{
	static const char *const names[GRANT_STATES] = {"live", "revoked", "expired", "ended"};

	return names[state];
}

const char *grant_ticket_name(enum ticket ticket)
{
	static const char *const names[TICKETS] = {NULL, "open", "redeemed", "lapsed"};

	return names[ticket];
}
