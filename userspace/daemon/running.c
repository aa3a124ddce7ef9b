/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches what reaches work under way (running.bpf.c) only while it is needed: those hooks lie on every read
 * and write of the host. Needed is from a second before an end to the last task of the grant, and for the
 * whole life of a grant that ends without killing, because with the warden dead nobody else could attach
 * them.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "daemon/enforce_private.h"

#define NS_PER_S 1000000000ull
#define LEAD_NS	 NS_PER_S	 /* attached this much before a grant expires: five sweeps */
#define CLOCK_NS (NS_PER_S / 20) /* of CPU time that a condemned task may burn without calling the kernel */
#define PREFIX	 "running_"

/* A revoked grant counts without tasks too: those of the grants below it are cut with it. */
static bool is_ending(const struct slot *s, uint64_t now)
{
	if (s->state != SLOT_LIVE)
		return s->state == SLOT_REVOKED;
	return !(s->flags & SLOT_KILL) || s->expires <= now + LEAD_NS;
}

struct need {
	bool clock, hooks;
};

static struct need need_of(const struct enforce *e)
{
	struct need need = {0};
	uint64_t now = clock_boottime();

	for (uint32_t i = 1; i < SLOTS_MAX; i++) {
		need.clock |= e->slots[i].state != SLOT_FREE;
		need.hooks |= is_ending(&e->slots[i], now);
	}
	return need;
}

/* Attached and pinned or neither: what is only half there would pass for done. */
static int link_keep(const struct enforce *e, const char *name, struct bpf_link *link, struct bpf_link **kept)
{
	int r = link ? pin_link(e, name, link) : -errno;

	if (!r)
		*kept = link;
	else
		bpf_link__destroy(link);
	return r;
}

static int link_set(struct enforce *e, struct bpf_prog_skeleton *p, bool on)
{
	if (on == !!*p->link)
		return 0;
	if (!on) {
		pin_remove(e, p->name);
		bpf_link__destroy(*p->link);
		*p->link = NULL;
		return 0;
	}
	return link_keep(e, p->name, bpf_program__attach(*p->prog), p->link);
}

static bool is_hook(const struct bpf_prog_skeleton *p)
{
	enum bpf_prog_type type = bpf_program__type(*p->prog);

	return !strncmp(p->name, PREFIX, strlen(PREFIX)) && bpf_program__autoload(*p->prog) &&
	       (type == BPF_PROG_TYPE_LSM || type == BPF_PROG_TYPE_TRACING);
}

static int hooks_set(struct enforce *e, bool on)
{
	int r = 0;

	for (int i = 0; i < e->skel->skeleton->prog_cnt; i++) {
		struct bpf_prog_skeleton *p = &e->skel->skeleton->progs[i];

		if (is_hook(p))
			r = link_set(e, p, on) ?: r;
	}
	return r;
}

static int clock_open(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = CLOCK_NS,
		.exclude_idle = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int clock_on(struct enforce *e, int cpu)
{
	int fd = clock_open(cpu);
	struct bpf_link *link;
	char name[32];

	if (fd < 0)
		return fd == -ENODEV ? 0 : fd; /* the CPU is off */
	link = bpf_program__attach_perf_event(e->skel->progs.running_clock, fd);
	if (!link)
		return close(fd), -errno;
	snprintf(name, sizeof(name), CLOCK_NAME, (unsigned)cpu);
	return link_keep(e, name, link, &e->clocks[cpu]);
}

/* One for each CPU that is there now; those that come later tick from the next time that agents come. */
static int clocks_on(struct enforce *e)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_CONF), r = 0;

	for (int cpu = 0; cpu < cpus && cpu < CLOCKS_MAX && !r; cpu++)
		if (!e->clocks[cpu])
			r = clock_on(e, cpu);
	return r;
}

static void clocks_off(struct enforce *e)
{
	for (int cpu = 0; cpu < CLOCKS_MAX; cpu++) {
		char name[32];

		if (!e->clocks[cpu])
			continue;
		snprintf(name, sizeof(name), CLOCK_NAME, (unsigned)cpu);
		pin_remove(e, name);
		bpf_link__destroy(e->clocks[cpu]);
		e->clocks[cpu] = NULL;
	}
}

/* What failed is tried again at every call: nothing begins until all tick. */
static int clocks_set(struct enforce *e, bool on)
{
	int r = on && !e->ticking ? clocks_on(e) : 0;

	if (!on)
		clocks_off(e);
	e->ticking = on && !r;
	return r;
}

int running_adopt(struct enforce *e)
{
	return clocks_set(e, need_of(e).clock);
}

/* Destroying the link of a perf event stops the event, pinned or not; what is let go of ticks on. */
void running_close(struct enforce *e, bool keep)
{
	for (int cpu = 0; cpu < CLOCKS_MAX; cpu++) {
		if (e->clocks[cpu] && keep)
			bpf_link__disconnect(e->clocks[cpu]);
		bpf_link__destroy(e->clocks[cpu]);
	}
}

int enforce_running(struct enforce *e)
{
	struct need need = need_of(e);
	int clocks = clocks_set(e, need.clock), hooks = hooks_set(e, need.hooks);
	int r = hooks ?: clocks;

	e->grants = need.clock;
	if (r && r != e->running_error)
		fprintf(stderr,
			"deputyd: cannot reach work under way: %s; what begins anew is refused all the same\n",
			strerror(-r));
	e->running_error = r;
	return r;
}

void enforce_sweep(struct enforce *e)
{
	if (e->grants)
		enforce_running(e);
	if (enforce_tagged(e))
		enforce_reap(e);
}
