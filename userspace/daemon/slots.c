/* SPDX-License-Identifier: Apache-2.0 */
/* Grants in the kernel. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "daemon/enforce_private.h"
#include "daemon/tables.h"

static struct slot *slot_find(struct enforce *e, uint32_t slot, uint32_t gen)
{
	if (!slot || slot >= SLOTS_MAX || e->slots[slot].gen != gen || e->slots[slot].state == SLOT_FREE)
		return NULL;
	return &e->slots[slot];
}

void slots_begin(struct enforce *e)
{
	uint32_t gen = randombytes_random();

	for (uint32_t i = 1; i < SLOTS_MAX; i++)
		e->slots[i].gen = gen;
}

/* Round robin, so that a slot's number comes back as late as can be. */
static uint32_t slot_free(struct enforce *e)
{
	for (uint32_t i = 0; i <= e->limits.grants; i++) {
		uint32_t slot = (e->last + 1 + i) % (e->limits.grants + 1);

		if (slot && e->slots[slot].state == SLOT_FREE && !e->slots[slot].tasks)
			return e->last = slot;
	}
	return 0;
}

/* Whether a grant that holds a slot was delegated by this one. */
static bool slot_delegated(const struct enforce *e, uint32_t slot, uint32_t gen)
{
	for (uint32_t i = 1; i < SLOTS_MAX; i++)
		if (e->slots[i].state != SLOT_FREE && e->slots[i].parent == slot &&
		    e->slots[i].parent_gen == gen)
			return true;
	return false;
}

/* What the kernel side takes for granted of a delegated grant, whatever the broker thinks. */
static int parent_check(struct enforce *e, const struct grant_terms *terms)
{
	const struct slot *s = slot_find(e, terms->parent, terms->parent_gen);
	unsigned links = 1;

	if (!s || s->state != SLOT_LIVE || !s->expires)
		return -ESTALE;
	if (terms->expires > s->expires)
		return -EINVAL;
	for (; s && s->parent; s = slot_find(e, s->parent, s->parent_gen))
		links++;
	return !s ? -ESTALE : links < CHAIN_MAX ? 0 : -EMLINK;
}

static void slot_fill(struct slot *s, const struct grant_terms *terms)
{
	uint32_t gen = s->gen + 1 ?: 1;

	*s = (struct slot){
		.gen = gen,
		.expires = terms->expires,
		.flags = terms->flags,
		.parent = terms->parent,
		.parent_gen = terms->parent_gen,
	};
	__atomic_store_n(&s->state, SLOT_LIVE, __ATOMIC_RELEASE);
}

int enforce_load(struct enforce *e, int memfd, const struct grant_terms *terms, uint32_t *slot, uint32_t *gen)
{
	uint32_t at;
	int r = terms->parent ? parent_check(e, terms) : 0;

	if (r)
		return r;
	at = slot_free(e);
	if (!at)
		return -ENOSPC;
	r = table_put(e, at, memfd);
	if (r)
		return r;
	slot_fill(&e->slots[at], terms);
	*slot = at;
	*gen = e->slots[at].gen;
	epochs_begin(e->epochs, *slot, *gen, terms->expires);
	r = enforce_running(e);
	if (r)
		enforce_release(e, *slot, *gen); /* one that could not be ended is not begun */
	return r;
}

/* The kernel side asks of a child only its own expiry, because none ends later than any grant above it. */
static int renew_check(struct enforce *e, const struct slot *own, uint64_t expires)
{
	uint64_t now = clock_boottime();
	const struct slot *s = own;

	for (; s && s->state == SLOT_LIVE && now < s->expires; s = slot_find(e, s->parent, s->parent_gen)) {
		if (s == own ? expires <= s->expires : expires > s->expires)
			return -EINVAL;
		if (!s->parent)
			return 0;
	}
	return -ESTALE;
}

/*
 * Aligned 64 bits are written at once on every machine that has LSM programs, so the kernel side reads the
 * old expiry or the new one. Revocations come through this very thread and are seen by renew_check(); only
 * time goes on meanwhile, and whoever found the grant over by it has exchanged the expiry for 0 before us.
 * Held up past its end where nobody has looked: then it has ended as well, only that nobody has seen it yet.
 */
int enforce_renew(struct enforce *e, uint32_t slot, uint32_t gen, uint64_t expires)
{
	struct slot *s = slot_find(e, slot, gen);
	__u64 before = s ? __atomic_load_n(&s->expires, __ATOMIC_SEQ_CST) : 0;
	int r = s ? renew_check(e, s, expires) : -ESTALE;

	if (r)
		return r;
	if (!__atomic_compare_exchange_n(&s->expires, &before, expires, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return -ESTALE;
	if (clock_boottime() >= before) {
		__atomic_store_n(&s->expires, 0, __ATOMIC_SEQ_CST);
		return -ESTALE;
	}
	epochs_renew(e->epochs, slot, expires);
	enforce_running(e); /* what was attached for an end that does not come now */
	return 0;
}

int enforce_table(struct enforce *e, uint32_t slot, uint32_t gen, int *memfd)
{
	return slot_find(e, slot, gen) ? table_copy(e, slot, memfd) : -ENOENT;
}

static void slot_revoke(struct slot *s, bool kill)
{
	if (kill)
		__atomic_fetch_or(&s->flags, SLOT_KILL, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->state, SLOT_REVOKED, __ATOMIC_SEQ_CST);
}

int enforce_revoke(struct enforce *e, uint32_t slot, uint32_t gen, bool kill)
{
	struct slot *s = slot_find(e, slot, gen);

	if (!s)
		return -ENOENT;
	slot_revoke(s, kill);
	__atomic_fetch_add(&e->control->epoch, 1, __ATOMIC_SEQ_CST);
	epochs_end(e->epochs, slot, gen);
	enforce_running(e); /* after the cut, which waits for nothing and stands whatever this says */
	return 0;
}

void enforce_revoke_all(struct enforce *e)
{
	for (uint32_t i = 1; i < SLOTS_MAX; i++)
		if (e->slots[i].state != SLOT_FREE)
			slot_revoke(&e->slots[i], true);
	__atomic_fetch_add(&e->control->epoch, 1, __ATOMIC_SEQ_CST);
	epochs_fill(e->epochs, e->slots);
}

bool enforce_held(const struct enforce *e, uint32_t slot, uint32_t gen)
{
	return slot && slot < SLOTS_MAX && e->slots[slot].gen == gen && e->slots[slot].state != SLOT_FREE;
}

bool enforce_adopted(const struct enforce *e)
{
	return !e->fresh;
}

int enforce_release(struct enforce *e, uint32_t slot, uint32_t gen)
{
	struct slot *s = slot_find(e, slot, gen);

	if (!s)
		return -ENOENT;
	if (s->tasks || slot_delegated(e, slot, gen))
		return -EBUSY;
	epochs_end(e->epochs, slot, gen);
	__atomic_store_n(&s->state, SLOT_FREE, __ATOMIC_SEQ_CST);
	table_drop(e, slot);
	return 0;
}

int enforce_share(struct enforce *e, const char *dir)
{
	int r = epochs_open(dir, &e->epochs);

	if (r) {
		fprintf(stderr, "deputyd: %s/" EPOCH_FILE ": %s\n", dir, strerror(-r));
		return r;
	}
	epochs_fill(e->epochs, e->slots);
	return 0;
}

void enforce_beat(const struct enforce *e)
{
	epochs_beat(e->epochs);
}
