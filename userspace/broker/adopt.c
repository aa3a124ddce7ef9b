/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/adopt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/fold.h"
#include "broker/keys.h"
#include "broker/lifecycle.h"
#include "broker/record.h"
#include "broker/record_link.h"
#include "broker/status_lists.h"
#include "common/cleanup.h"
#include "common/memfd.h"

/* ---- out ---- */

int adopt_keep(const struct broker *b, const struct grant *g)
{
	_cleanup_free_ char *bytes = NULL;
	_cleanup_close_ int fd = -1;
	size_t size;
	int err = record_encode(secret_ring_current(&b->keys), g, &bytes, &size);

	if (!err)
		err = memfd_sealed("deputy-record", bytes, size, &fd);
	return err ?: warden_record(FD_WARDEN, grant_tag(g), fd);
}

/* ---- in ---- */

static int file_read(int dir, const char *name, char **bytes, size_t *size)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > RECORD_BYTES)
		return -EBADMSG;
	text = malloc((size_t)st.st_size);
	if (!text)
		return -ENOMEM;
	if (read(fd, text, (size_t)st.st_size) != st.st_size) {
		free(text);
		return -EIO;
	}
	*bytes = text;
	*size = (size_t)st.st_size;
	return 0;
}

/* Whether the kernel has this grant as the record says. */
static int grant_check(const struct broker *b, const struct grant *g)
{
	const volatile struct slot *s = &b->slots[g->slot];

	if (!g->slot || s->state == SLOT_FREE || s->gen != g->gen ||
	    registry_by_tag(&b->grants, g->slot, g->gen))
		return -ESTALE;
	/* 0: it was found over. The one before: a renewal was recorded and then did not come about. Revoking
	 * with another mode than the grant's own adds the flag, and nothing takes it away. */
	if ((s->expires && s->expires != g->deadline && s->expires != g->before) ||
	    !s->parent != !*g->parent || (g->kill && !(s->flags & SLOT_KILL)))
		return -ESTALE;
	return 0;
}

/* What the kernel goes by is the truth. The link of the renewal, which nobody was given, is good for longer.
 */
static void grant_settle(const struct broker *b, struct grant *g)
{
	uint64_t expires = b->slots[g->slot].expires;

	if (!expires || expires == g->deadline)
		return;
	g->expires -= (int64_t)((g->deadline - expires) / 1000000000);
	g->deadline = expires;
	g->renewals--;
}

static int grant_adopt(struct broker *b, const char *name)
{
	_cleanup_free_ char *bytes = NULL;
	struct grant *g = NULL;
	size_t size;
	int err = file_read(FD_RECORDS, name, &bytes, &size);

	if (!err)
		err = record_decode(secret_ring_public(&b->keys), bytes, size, &g);
	if (!err && !keys_of_grant(b, g))
		err = -ENOKEY;
	if (!err)
		err = grant_check(b, g);
	if (!err)
		err = status_lists_adopt(g);
	if (!err) {
		grant_settle(b, g);
		registry_add(&b->grants, g);
	} else {
		grant_free(g);
	}
	return err;
}

static void grant_link(struct broker *b, struct grant *g)
{
	const volatile struct slot *s = &b->slots[g->slot];
	struct grant *above = *g->parent ? registry_by_tag(&b->grants, s->parent, s->parent_gen) : NULL;

	if (above && !strcmp(above->id, g->parent))
		g->above = above;
}

/* Whether the kernel and the records agree on every grant from this one up to an owner's own. */
static bool grant_is_rooted(const struct grant *g)
{
	for (unsigned i = 0; i < CHAIN_MAX && g; i++, g = g->above)
		if (!*g->parent)
			return true;
	return false;
}

/* Records come in any order, so links are made when all are there; what hangs from nothing is as good as
 * none. */
static void grants_link(struct broker *b)
{
	struct grant *g, *next;

	for (g = b->grants.by_id; g; g = g->hh.next)
		grant_link(b, g);
	for (g = b->grants.by_id; g; g = g->hh.next)
		record_links_join(g);
	for (g = b->grants.by_id; g; g = g->hh.next)
		g->held = grant_is_rooted(g);
	HASH_ITER(hh, b->grants.by_id, g, next)
	{
		if (g->held && g->above)
			g->above->below++;
		if (g->held)
			continue;
		fprintf(stderr, "deputyd: grant %s: nothing is known of %s, which delegated it\n", g->id,
			g->parent);
		registry_drop(&b->grants, g);
	}
	for (g = b->grants.by_id; g; g = g->hh.next)
		fold_link(g);
}

int adopt_read(struct broker *b)
{
	DIR *dir = fdopendir(dup(FD_RECORDS));
	struct dirent *entry;
	int err = dir ? 0 : -errno;

	while (!err && (entry = readdir(dir))) {
		err = entry->d_name[0] == '.' ? 0 : grant_adopt(b, entry->d_name);
		if (!err || err == -ENOMEM)
			continue;
		fprintf(stderr, "deputyd: the record %s of a grant is no good: %s\n", entry->d_name,
			strerror(-err));
		err = 0; /* its slot is found without one */
	}
	if (dir)
		closedir(dir);
	grants_link(b);
	return err;
}

/* ---- what nobody answers for ---- */

/* Something to show and to count by until its tasks are gone. */
static struct grant *stray_new(const struct broker *b, uint32_t slot)
{
	const volatile struct slot *s = &b->slots[slot];
	struct grant *g = grant_new();

	if (!g)
		return NULL;
	g->slot = slot;
	g->gen = s->gen;
	g->kill = s->flags & SLOT_KILL;
	g->deadline = s->expires;
	g->state = GRANT_REVOKED;
	g->broker = (struct broker *)b;
	if (!grant_say(g, GRANT_OWNER, "uid:0") && !grant_say(g, GRANT_ASSURANCE, "unknown") &&
	    !grant_say(g, GRANT_USER, "unknown") && !grant_say(g, GRANT_PURPOSE, "unknown") &&
	    !grant_say(g, GRANT_POLICY, "unknown"))
		return g;
	grant_free(g);
	return NULL;
}

static int stray_end(struct broker *b, uint32_t slot)
{
	struct grant *g = stray_new(b, slot);
	char text[TEXT_BYTES];
	int err = g ? warden_revoke(FD_WARDEN, grant_tag(g), g->kill ? SLOT_KILL : 0) : -ENOMEM;

	if (!err)
		err = recorder_grant(&b->recorder, g);
	if (err) {
		grant_free(g);
		return err;
	}
	snprintf(text, sizeof(text), "slot %u-%u: no good record says whose it is", slot, g->gen);
	fprintf(stderr, "deputyd: revoked a grant of %u tasks: %s\n", b->slots[slot].tasks, text);
	registry_add(&b->grants, g);
	return recorder_note(&b->recorder, NOTE_REVOKED, g, text);
}

/* A slot that was taken for a grant which then did not come to be has no tasks. */
static int strays_end(struct broker *b)
{
	int err = 0;

	for (uint32_t slot = 1; slot < SLOTS_MAX && !err; slot++) {
		const volatile struct slot *s = &b->slots[slot];
		struct warden_tag tag = {slot, s->gen};

		if (s->state == SLOT_FREE || b->grants.by_slot[slot])
			continue;
		if (s->tasks || warden_release(FD_WARDEN, tag))
			err = stray_end(b, slot);
	}
	return err;
}

/* ---- and the others ---- */

/* Revoking is one write, into the slot at the top: those beneath are cut with it and do not say so. */
static bool grant_is_cut(const struct broker *b, const struct grant *g)
{
	for (unsigned i = 0; i < CHAIN_MAX && g; i++, g = g->above)
		if (b->slots[g->slot].state == SLOT_REVOKED)
			return true;
	return false;
}

static int grant_begin(struct broker *b, struct grant *g)
{
	bool told = g->state != GRANT_LIVE;
	int err = recorder_grant(&b->recorder, g);

	g->broker = b;
	if (!err && !told && grant_is_cut(b, g)) {
		g->state = GRANT_REVOKED;
		err = recorder_note(&b->recorder, NOTE_REVOKED, g, "before this daemon started");
	}
	if (!err && g->state == GRANT_LIVE)
		err = lifecycle_arm(b, g);
	lifecycle_refresh(b, g);
	return err ?: recorder_note(&b->recorder, NOTE_ADOPTED, g, grant_state_name(g->state));
}

int adopt_begin(struct broker *b)
{
	struct grant *g;
	int err = 0;

	for (g = b->grants.by_id; g && !err; g = g->hh.next)
		err = grant_begin(b, g);
	if (!err)
		err = strays_end(b);
	return err ?: recorder_begin(&b->recorder);
}
