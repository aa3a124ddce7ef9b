/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/checkpoint.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x31544b43505444ull /* "DTPCKT1" */

_Static_assert(sizeof(struct checkpoint) <= 4096, "the kernel maps one page");

static struct checkpoint_half *half_of(struct checkpoint *c, uint64_t serial)
{
	return &c->half[serial & 1];
}

/* Seen in this order by whoever maps the page after us. */
static void in_order(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void checkpoint_begin(struct checkpoint *c, const struct ring *ring, const struct stat *log)
{
	c->magic = 0;
	in_order();
	c->dev = log->st_dev;
	c->ino = log->st_ino;
	c->current = 0;
	memset(c->half, 0, sizeof(c->half));
	c->half[0].at = ring->at;
	in_order();
	c->magic = MAGIC;
}

/* Whether a write of the log was under way. */
static bool is_planned(struct checkpoint *c)
{
	return half_of(c, c->current + 1)->serial == c->current + 1;
}

/* Lines of notes only are kept as far as they go: no ring would give them again. */
static int plan_settle(struct checkpoint *c, int log, uint64_t size)
{
	const struct checkpoint_half *next = half_of(c, c->current + 1), *now = half_of(c, c->current);

	if (!is_planned(c))
		return 0;
	if (size >= next->size)
		c->current++;
	else if (size > next->base && next->at != now->at && ftruncate(log, (off_t)next->base))
		return -errno;
	return 0;
}

int checkpoint_open(struct checkpoint *c, struct ring *ring, int log, struct losses *losses)
{
	const struct checkpoint_half *now;
	struct stat st;
	int err;

	if (fstat(log, &st))
		return -errno;
	if (c->magic != MAGIC || c->dev != st.st_dev || c->ino != st.st_ino)
		checkpoint_begin(c, ring, &st);
	err = plan_settle(c, log, (uint64_t)st.st_size);
	if (err)
		return err;
	half_of(c, c->current + 1)->serial = 0;
	now = half_of(c, c->current);
	memcpy(losses->count, now->count, sizeof(losses->count));
	memcpy(losses->told, now->told, sizeof(losses->told));
	ring->at = now->at;
	ring_commit(ring);
	return 0;
}

void checkpoint_plan(struct checkpoint *c, const struct ring *ring, const struct logfile *log, size_t len,
		     const struct losses *losses)
{
	struct checkpoint_half *next = half_of(c, c->current + 1);

	next->serial = 0;
	in_order();
	next->at = ring->at;
	next->base = log->size;
	next->size = log->size + len;
	memcpy(next->count, losses->count, sizeof(next->count));
	memcpy(next->told, losses->telling, sizeof(next->told));
	in_order();
	next->serial = c->current + 1;
	in_order();
}

void checkpoint_done(struct checkpoint *c, const struct logfile *log, const struct losses *losses)
{
	struct checkpoint_half *next = half_of(c, c->current + 1);

	next->size = log->size;
	memcpy(next->count, losses->count, sizeof(next->count));
	memcpy(next->told, losses->told, sizeof(next->told));
	in_order();
	c->current++;
	in_order();
}
