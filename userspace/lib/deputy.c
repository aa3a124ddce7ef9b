/* SPDX-License-Identifier: Apache-2.0 */
#pragma GCC visibility push(default)
#include "include/deputy.h"
#pragma GCC visibility pop

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/epoch.h"
#include "token/chain.h"

#define NS 1000000000ll

struct deputy_keys {
	struct key_ring ring;
	const struct epochs *epochs;
};

struct deputy_chain {
	const struct epochs *epochs;
	struct chain_report report;
	char *details;
	int64_t deadline; /* CLOCK_BOOTTIME, ns: the earliest of all links' ends by either clock */
	uint64_t epoch;	  /* for which every link was last found live. Written by whichever thread found it */
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

/* ---- keys ---- */

static int epochs_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022)
		return -EPERM;
	return st.st_size == sizeof(struct epochs) ? 0 : -EPROTO;
}

static int epochs_map(const char *path, const struct epochs **epochs)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const struct epochs *e;
	int err = fd < 0 ? -errno : epochs_check(fd);

	if (err)
		return err;
	e = mmap(NULL, sizeof(*e), PROT_READ, MAP_SHARED, fd, 0);
	if (e == MAP_FAILED)
		return -errno;
	if (e->magic != EPOCH_MAGIC)
		return munmap((void *)e, sizeof(*e)), -EPROTO;
	*epochs = e;
	return 0;
}

int deputy_keys_open(const char *jwks, const char *epochs, struct deputy_keys **keys)
{
	json_auto_t *set = json_loads(jwks ? jwks : "", JSON_REJECT_DUPLICATES, NULL);
	struct deputy_keys *k;
	int err;

	if (sodium_init() < 0)
		return -ENOSYS;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	err = key_ring_read(set, &k->ring);
	if (!err)
		err = epochs_map(epochs ? epochs : DEPUTY_EPOCHS, &k->epochs);
	if (err)
		free(k);
	else
		*keys = k;
	return err;
}

void deputy_keys_close(struct deputy_keys *keys)
{
	if (!keys)
		return;
	munmap((void *)keys->epochs, sizeof(*keys->epochs));
	free(keys);
}

/* ---- checking ---- */

static bool slot_lives(const struct epochs *e, uint32_t slot, uint32_t gen)
{
	const struct epoch_slot *s = &e->slots[slot];

	return __atomic_load_n(&s->gen, __ATOMIC_ACQUIRE) == gen &&
	       __atomic_load_n(&s->dead, __ATOMIC_ACQUIRE) != gen;
}

/* Links below that have no slot end with those above that have one. */
static bool links_live(const struct deputy_chain *c)
{
	for (size_t i = 0; i < c->report.count; i++) {
		const struct link_terms *t = &c->report.link[i].terms;

		if (t->slot && !slot_lives(c->epochs, t->slot, t->gen))
			return false;
	}
	return true;
}

int deputy_chain_check(const struct deputy_chain *chain)
{
	const struct epochs *e = chain->epochs;
	int64_t now = clock_ns(CLOCK_BOOTTIME);
	uint64_t epoch = __atomic_load_n(&e->epoch, __ATOMIC_SEQ_CST);

	if (now >= chain->deadline)
		return -EKEYEXPIRED;
	if (epoch != __atomic_load_n(&chain->epoch, __ATOMIC_RELAXED)) {
		if (!links_live(chain))
			return -EKEYREVOKED;
		__atomic_store_n((uint64_t *)&chain->epoch, epoch, __ATOMIC_RELAXED);
	}
	/* After the links: a daemon that has ended them and then itself has said so. */
	if (__atomic_load_n(&e->closed, __ATOMIC_ACQUIRE) ||
	    now - (int64_t)__atomic_load_n(&e->beat, __ATOMIC_ACQUIRE) > (int64_t)EPOCH_BEAT_NS)
		return -ESTALE;
	return 0;
}

/* ---- opening ---- */

static void deadline_set(struct deputy_chain *c)
{
	int64_t wall = clock_ns(CLOCK_REALTIME), boot = clock_ns(CLOCK_BOOTTIME);

	c->deadline = INT64_MAX;
	for (size_t i = 0; i < c->report.count; i++) {
		const struct link_terms *t = &c->report.link[i].terms;
		int64_t end = t->exp < INT64_MAX / NS ? boot + (t->exp * NS - wall) : INT64_MAX;

		if (t->slot && c->epochs->slots[t->slot].expires < (uint64_t)end)
			end = (int64_t)c->epochs->slots[t->slot].expires;
		if (end < c->deadline)
			c->deadline = end;
	}
}

static int chain_fill(struct deputy_chain *c)
{
	const struct chain_report *r = &c->report;
	const struct link_terms *last = &r->link[r->count - 1].terms;

	if (!r->link[0].terms.slot)
		return -ENODATA;
	c->details = strndup(last->details, last->details_len);
	if (!c->details)
		return -ENOMEM;
	/* Of slots that are another grant's by now, the deadline means nothing: their links are found dead.
	 */
	deadline_set(c);
	if (!links_live(c))
		return -EKEYREVOKED;
	c->epoch =
		__atomic_load_n(&c->epochs->epoch, __ATOMIC_SEQ_CST) - 1; /* the next look is a whole one */
	return deputy_chain_check(c);
}

int deputy_chain_open(const struct deputy_keys *keys, const char *text, struct deputy_chain **chain)
{
	struct deputy_chain *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->epochs = keys->epochs;
	err = chain_verify_text(&keys->ring, text, strlen(text), time(NULL), &c->report);
	if (!err)
		err = chain_fill(c);
	if (err)
		deputy_chain_close(c);
	else
		*chain = c;
	return err;
}

void deputy_chain_close(struct deputy_chain *chain)
{
	if (!chain)
		return;
	chain_report_free(&chain->report);
	free(chain->details);
	free(chain);
}

/* ---- reading ---- */

static const char *chain_method(const struct link_terms *t)
{
	for (uint32_t i = 0; i < t->assurance_count; i++)
		if (!strcmp(t->assurance[i].name, "method"))
			return t->assurance[i].value;
	return NULL;
}

const char *deputy_chain_get(const struct deputy_chain *chain, enum deputy_field field)
{
	const struct link_terms *t = &chain->report.link[chain->report.count - 1].terms;
	const char *const fields[DEPUTY_FIELDS] = {
		[DEPUTY_GRANT] = t->id,
		[DEPUTY_OWNER] = t->owner,
		[DEPUTY_METHOD] = chain_method(t),
		[DEPUTY_PURPOSE] = t->purpose,
		[DEPUTY_POLICY] = t->policy,
		[DEPUTY_POLICY_DIGEST] = t->policy_digest,
		[DEPUTY_HOLDER] = t->holder.kid,
		[DEPUTY_DETAILS] = chain->details,
	};

	return field < DEPUTY_FIELDS ? fields[field] : NULL;
}

unsigned deputy_chain_length(const struct deputy_chain *chain)
{
	return (unsigned)chain->report.count;
}
