/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of a race: cuts a live grant and lets it live again by its slot, as the warden does,
 * thousands of times; or moves what agents are looking at. Root and untagged.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../bpf/abi.h"
#include "probe.h"
#include "probe_race.h"

#define PAUSE_US 50  /* at least one hammer gets a turn */
#define PATIENCE 200 /* such pauses, until one has made a call */

static struct slot *slots;
static struct control *control;

static void *map_open(const char *dir, const char *name, size_t size)
{
	union bpf_attr attr = {0};
	char path[256];
	void *at;
	int fd;

	snprintf(path, sizeof(path), "%s/map-%s", dir, name);
	attr.pathname = (uintptr_t)path;
	fd = (int)syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0)
		return NULL;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static int maps_open(const char *dir)
{
	if (!slots)
		slots = map_open(dir, "slots", SLOTS_MAX * sizeof(*slots));
	if (!control)
		control = map_open(dir, "control", sizeof(*control));
	return slots && control ? 0 : -errno;
}

/* race-slots PINS: the number and generation of each live grant's slot. */
static int do_slots(char **w)
{
	char list[200] = "";
	size_t n = 0;
	int err = maps_open(w[1]);

	for (unsigned i = 1; !err && i < SLOTS_MAX && n < sizeof(list); i++)
		if (slots[i].state == SLOT_LIVE)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%u:%u", n ? "," : "", i,
					      slots[i].gen);
	detail("%s", list);
	return err;
}

/* Each begins a phase once what it stands for is so. */
static void phase_next(struct race *r)
{
	__atomic_fetch_add(&r->phase, 1, __ATOMIC_SEQ_CST);
}

static uint64_t calls(const struct race *r)
{
	uint64_t n = 0;

	for (int i = 0; i < RACE_KINDS; i++)
		n += __atomic_load_n(&r->kinds[i].calls, __ATOMIC_RELAXED);
	return n;
}

/* Until something was tried. */
static void phase_stay(const struct race *r)
{
	uint64_t before = calls(r);

	for (int i = 0; i < PATIENCE && calls(r) - before < 2; i++)
		usleep(PAUSE_US);
}

static void cut_state(struct slot *s, int on)
{
	__atomic_store_n(&s->state, on ? SLOT_REVOKED : SLOT_LIVE, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&control->epoch, 1, __ATOMIC_SEQ_CST);
}

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void cut_expires(struct slot *s, int on)
{
	__atomic_store_n(&s->expires, on ? boottime() : boottime() + 3600 * 1000000000ull, __ATOMIC_SEQ_CST);
}

/* A generation moved on: the slot is another grant's. */
static void cut_stale(struct slot *s, int on)
{
	__atomic_fetch_add(&s->gen, on ? 1 : -1, __ATOMIC_SEQ_CST);
}

static const struct cut {
	const char *name;
	void (*set)(struct slot *, int on);
} cuts[] = {{"state", cut_state}, {"expires", cut_expires}, {"stale", cut_stale}};

/* Before all others, so that phases are short. */
static void prefer(void)
{
	struct sched_param first = {.sched_priority = 10};

	sched_setscheduler(0, SCHED_FIFO, &first);
}

static void race_wait(const struct race *r, unsigned long hammers)
{
	while (__atomic_load_n(&r->running, __ATOMIC_SEQ_CST) < hammers)
		usleep(10000);
}

/* race-cut FD PINS SLOT WAY ROUNDS HAMMERS */
static int do_cut(char **w)
{
	struct race *r = race_map(w[1]);
	unsigned long rounds = strtoul(w[5], NULL, 10), slot = strtoul(w[3], NULL, 10);
	const struct cut *cut = NULL;
	int err = maps_open(w[2]);

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		cut = strcmp(cuts[i].name, w[4]) ? cut : &cuts[i];
	if (err || !r || !cut || !slot || slot >= SLOTS_MAX)
		return err ?: -EINVAL;
	race_wait(r, strtoul(w[6], NULL, 10));
	prefer();
	for (unsigned long i = 0; i < rounds; i++) {
		phase_stay(r);
		phase_next(r);
		cut->set(&slots[slot], 1);
		phase_next(r);
		phase_stay(r);
		phase_next(r);
		cut->set(&slots[slot], 0);
		phase_next(r);
	}
	phase_stay(r);
	__atomic_store_n(&r->stop, 1, __ATOMIC_SEQ_CST);
	detail("%lu", rounds);
	return 0;
}

static int storm_move(int away)
{
	return done(away ? rename("tree/storm/d", "none/storm/d") : rename("none/storm/d", "tree/storm/d"));
}

/* What is mounted has nothing to do with what is looked at. */
static int storm_mount(int on)
{
	return done(on ? mount("tree/storm", "none/mnt", NULL, MS_BIND, NULL)
		       : umount2("none/mnt", MNT_DETACH));
}

/* race-storm FD WAY ROUNDS HAMMERS */
static int do_storm(char **w)
{
	int (*set)(int) = strcmp(w[2], "move") ? storm_mount : storm_move;
	unsigned long rounds = strtoul(w[3], NULL, 10);
	struct race *r = race_map(w[1]);
	int err = r ? 0 : -errno;

	if (r)
		race_wait(r, strtoul(w[4], NULL, 10));
	prefer();
	for (unsigned long i = 0; r && !err && i < rounds; i++) {
		phase_stay(r);
		phase_next(r);
		err = set(1);
		phase_next(r);
		phase_stay(r);
		phase_next(r);
		err = err ?: set(0);
		phase_next(r);
	}
	if (r)
		__atomic_store_n(&r->stop, 1, __ATOMIC_SEQ_CST);
	return err;
}

const struct operation cut_operations[] = {
	{"race-slots", 1, do_slots}, {"race-cut", 6, do_cut}, {"race-storm", 4, do_storm}, {0}};
