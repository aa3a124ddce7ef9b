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
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/enforce_private.h"

#define NS_PER_S 1000000000ull
#define LEAD_NS	 NS_PER_S	 /* attached this much before a grant expires: five sweeps */
#define CLOCK_NS (NS_PER_S / 20) /* of CPU time that a condemned task may burn without calling the kernel */
#define PREFIX	 "running_"

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

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
	uint64_t now = boottime();

	for (uint32_t i = 1; i < SLOTS_MAX; i++) {
		need.clock |= e->slots[i].state != SLOT_FREE;
		need.hooks |= is_ending(&e->slots[i], now);
	}
	return need;
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
	*p->link = bpf_program__attach(*p->prog);
	return *p->link ? pin_link(e, p->name, *p->link) : -errno;
}

static int hooks_set(struct enforce *e, bool on)
{
	int r = 0;

	for (int i = 0; i < e->skel->skeleton->prog_cnt; i++) {
		struct bpf_prog_skeleton *p = &e->skel->skeleton->progs[i];

		if (!strncmp(p->name, PREFIX, strlen(PREFIX)) &&
		    bpf_program__type(*p->prog) == BPF_PROG_TYPE_LSM)
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

/* One for each CPU that is there now; those that come later tick from the next time that agents come. */
static int clocks_on(struct enforce *e)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);

	for (int cpu = 0; cpu < cpus && cpu < CLOCKS_MAX; cpu++) {
		int fd = clock_open(cpu);
		char name[32];

		if (fd == -ENODEV)
			continue;
		if (fd < 0)
			return fd;
		e->clocks[cpu] = bpf_program__attach_perf_event(e->skel->progs.running_clock, fd);
		if (!e->clocks[cpu])
			return close(fd), -errno;
		snprintf(name, sizeof(name), PREFIX "clock-%d", cpu);
		if (pin_link(e, name, e->clocks[cpu]))
			return -errno;
	}
	return 0;
}

static void clocks_off(struct enforce *e)
{
	for (int cpu = 0; cpu < CLOCKS_MAX; cpu++) {
		char name[32];

		if (!e->clocks[cpu])
			continue;
		snprintf(name, sizeof(name), PREFIX "clock-%d", cpu);
		pin_remove(e, name);
		bpf_link__destroy(e->clocks[cpu]);
		e->clocks[cpu] = NULL;
	}
}

static int clocks_set(struct enforce *e, bool on)
{
	int r = 0;

	if (on == e->ticking)
		return 0;
	if (on)
		r = clocks_on(e);
	else
		clocks_off(e);
	e->ticking = on;
	return r;
}

int enforce_running(struct enforce *e)
{
	struct need need = need_of(e);
	int clocks = clocks_set(e, need.clock), hooks = hooks_set(e, need.hooks);

	if (clocks || hooks)
		fprintf(stderr,
			"deputyd: cannot reach work under way: %s; what begins anew is refused all the same\n",
			strerror(-(hooks ?: clocks)));
	return hooks ?: clocks;
}

void enforce_sweep(struct enforce *e)
{
	if (e->ticking)
		enforce_running(e);
	if (enforce_tagged(e))
		enforce_reap(e);
}
