/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

static int epochs_map(int fd, struct epochs **epochs)
{
	struct epochs *e = mmap(NULL, sizeof(*e), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (e == MAP_FAILED)
		return -errno;
	*epochs = e;
	return 0;
}

/* One of before. Another layout's readers may have it open: they see no more beats, and stop. */
static int epochs_take(const char *path, struct epochs **epochs)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct epochs *e;
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022 ||
	    st.st_size != sizeof(*e))
		return -EUCLEAN;
	r = epochs_map(fd, &e);
	if (r)
		return r;
	if (e->magic != EPOCH_MAGIC)
		return munmap(e, sizeof(*e)), -EUCLEAN;
	*epochs = e;
	return 0;
}

/* Whole under another name first: who opens it finds all of it. Its memory is there from the start, so that
 * no write of ours can fail for want of it later. */
static int epochs_make(const char *path, struct epochs **epochs)
{
	_cleanup_close_ int fd = -1;
	char new[4096];
	int r;

	if ((size_t)snprintf(new, sizeof(new), "%s.new", path) >= sizeof(new))
		return -ENAMETOOLONG;
	unlink(new);
	fd = open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fchmod(fd, 0644))
		return -errno;
	r = -posix_fallocate(fd, 0, sizeof(**epochs));
	if (!r)
		r = epochs_map(fd, epochs);
	if (r)
		return r;
	(*epochs)->magic = EPOCH_MAGIC;
	return rename(new, path) ? -errno : 0;
}

int epochs_open(const char *dir, struct epochs **epochs)
{
	char path[4000];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/" EPOCH_FILE, dir) >= sizeof(path))
		return -ENAMETOOLONG;
	r = epochs_take(path, epochs);
	return r ? epochs_make(path, epochs) : 0;
}

static void epochs_move(struct epochs *e)
{
	__atomic_fetch_add(&e->epoch, 1, __ATOMIC_SEQ_CST);
}

void epochs_fill(struct epochs *e, const struct slot *slots)
{
	if (!e)
		return;
	for (uint32_t i = 1; i < SLOTS_MAX; i++) {
		const struct slot *s = &slots[i];
		struct epoch_slot *t = &e->slots[i];

		if (s->state != SLOT_LIVE)
			__atomic_store_n(&t->dead, t->gen = s->gen, __ATOMIC_RELEASE);
		else if (t->gen != s->gen || t->dead == s->gen)
			epochs_begin(e, i, s->gen, s->expires);
		else
			epochs_renew(e, i, s->expires); /* by a warden that died before it told */
	}
	epochs_move(e);
	__atomic_store_n(&e->closed, 0, __ATOMIC_RELEASE);
	epochs_beat(e);
}

void epochs_begin(struct epochs *e, uint32_t slot, uint32_t gen, uint64_t expires)
{
	struct epoch_slot *t = e && slot < SLOTS_MAX ? &e->slots[slot] : NULL;

	if (!t)
		return;
	if (t->dead == gen) /* four billion grants ago */
		__atomic_store_n(&t->dead, gen - 1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->expires, expires, __ATOMIC_RELAXED);
	__atomic_store_n(&t->gen, gen, __ATOMIC_RELEASE);
}

void epochs_renew(struct epochs *e, uint32_t slot, uint64_t expires)
{
	if (e && slot < SLOTS_MAX)
		__atomic_store_n(&e->slots[slot].expires, expires, __ATOMIC_RELEASE);
}

void epochs_end(struct epochs *e, uint32_t slot, uint32_t gen)
{
	if (!e || slot >= SLOTS_MAX)
		return;
	__atomic_store_n(&e->slots[slot].dead, gen, __ATOMIC_SEQ_CST);
	epochs_move(e);
}

void epochs_beat(struct epochs *e)
{
	if (e)
		__atomic_store_n(&e->beat, clock_boottime(), __ATOMIC_RELEASE);
}

void epochs_close(struct epochs *e)
{
	if (!e)
		return;
	__atomic_store_n(&e->closed, 1, __ATOMIC_SEQ_CST);
	munmap(e, sizeof(*e));
}
