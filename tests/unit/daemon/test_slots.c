/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c over memory instead of maps: what it tells, by common/epoch.h, of grants as they begin, are renewed
 * and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memfd.h"
#include "daemon/enforce_private.h"

static unsigned created; /* maps */

static int map_made(uint32_t cells)
{
	int fd = memfd_create("table", MFD_CLOEXEC);

	return ftruncate(fd, cells * 16l) ? -1 : fd;
}

/* Instead of libbpf's. */
int bpf_map_create(enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 count,
		   const struct bpf_map_create_opts *opts)
{
	(void)type, (void)name, (void)key, (void)value, (void)opts;
	created++;
	return map_made(count);
}

#define IDS 1000 /* added to a descriptor it is the number of the map behind */

static int tables[SLOTS_MAX]; /* descriptors */

int bpf_map_update_elem(int map, const void *key, const void *value, __u64 flags)
{
	(void)map, (void)flags;
	tables[*(const uint32_t *)key] = fcntl(*(const int *)value, F_DUPFD_CLOEXEC, 0);
	return 0;
}

int bpf_map_lookup_elem(int map, const void *key, void *value)
{
	int fd = tables[*(const uint32_t *)key];

	(void)map;
	*(uint32_t *)value = (uint32_t)fd + IDS;
	errno = ENOENT;
	return fd ? 0 : -1;
}

int bpf_map_get_fd_by_id(__u32 id)
{
	return fcntl((int)id - IDS, F_DUPFD_CLOEXEC, 0);
}

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *len)
{
	struct stat st;

	(void)len;
	assert_int_equal(fstat(fd, &st), 0);
	((struct bpf_map_info *)info)->max_entries = (__u32)(st.st_size / (off_t)sizeof(union cell));
	return 0;
}

int bpf_map_delete_elem(int map, const void *key)
{
	(void)map;
	close(tables[*(const uint32_t *)key]);
	tables[*(const uint32_t *)key] = 0;
	return 0;
}

static struct enforce e;
static char dir[] = "/tmp/test_slots.XXXXXX";
static int running_error;     /* what enforce_running() says */
static uint64_t now = 10;     /* what clock_boottime() says */
static void (*on_look)(void); /* what happens right after the next look at the clock */

uint64_t clock_boottime(void)
{
	uint64_t then = now;
	void (*happens)(void) = on_look;

	on_look = NULL;
	if (happens)
		happens();
	return then;
}

int enforce_running(struct enforce *enforce)
{
	(void)enforce;
	return running_error;
}

static int setup(void **state)
{
	(void)state;
	e = (struct enforce){.limits = {.grants = 100}};
	e.skel = calloc(1, sizeof(*e.skel));
	e.slots = calloc(SLOTS_MAX, sizeof(*e.slots));
	e.control = calloc(1, sizeof(*e.control));
	return mkdtemp(dir) ? enforce_share(&e, dir) : -1;
}

static int teardown(void **state)
{
	char path[64];

	(void)state;
	epochs_close(e.epochs);
	free(e.skel);
	free(e.slots);
	free(e.control);
	snprintf(path, sizeof(path), "%s/" EPOCH_FILE, dir);
	unlink(path);
	return rmdir(dir);
}

static int load_with(const struct grant_terms *terms, unsigned char fill, uint32_t *slot, uint32_t *gen)
{
	unsigned char cells[4 * sizeof(union cell)];
	int fd, r;

	memset(cells, fill, sizeof(cells));
	assert_int_equal(memfd_sealed("cells", cells, sizeof(cells), &fd), 0);
	r = enforce_load(&e, fd, terms, slot, gen);
	close(fd);
	return r;
}

static void load_cells(unsigned char fill, uint32_t *slot, uint32_t *gen)
{
	assert_int_equal(load_with(&(struct grant_terms){.expires = 77}, fill, slot, gen), running_error);
}

static void load(uint32_t *slot, uint32_t *gen)
{
	load_cells(0, slot, gen);
}

static int load_below(uint32_t parent, uint32_t parent_gen, uint64_t expires, uint32_t *slot, uint32_t *gen)
{
	struct grant_terms terms = {.expires = expires, .parent = parent, .parent_gen = parent_gen};

	return load_with(&terms, 0, slot, gen);
}

static bool told_alive(uint32_t slot, uint32_t gen)
{
	const struct epoch_slot *s = &e.epochs->slots[slot];

	return s->gen == gen && s->dead != gen;
}

static void begins_and_is_cut(void **state)
{
	uint64_t epoch = e.epochs->epoch;
	uint32_t slot, gen, other, other_gen;

	(void)state;
	load(&slot, &gen);
	load(&other, &other_gen);
	assert_true(told_alive(slot, gen) && told_alive(other, other_gen));
	assert_int_equal(e.epochs->slots[slot].expires, 77);
	assert_int_equal(e.epochs->epoch, epoch); /* nobody's life ended */
	assert_int_equal(enforce_revoke(&e, slot, gen + 1, true), -ENOENT);
	assert_true(told_alive(slot, gen));
	assert_int_equal(enforce_revoke(&e, slot, gen, true), 0);
	assert_false(told_alive(slot, gen));
	assert_true(told_alive(other, other_gen));
	assert_int_equal(e.epochs->epoch, epoch + 1);
}

static void is_released(void **state)
{
	uint32_t slot, gen;
	uint64_t epoch;

	(void)state;
	load(&slot, &gen);
	epoch = e.epochs->epoch;
	e.slots[slot].tasks = 1;
	assert_int_equal(enforce_release(&e, slot, gen), -EBUSY);
	assert_true(told_alive(slot, gen));
	e.slots[slot].tasks = 0;
	assert_int_equal(enforce_release(&e, slot, gen), 0);
	assert_false(told_alive(slot, gen));
	assert_int_equal(e.epochs->epoch, epoch + 1);
}

/* The number comes round again: the old grant stays ended, the new one lives. */
static void comes_round(void **state)
{
	uint32_t first, first_gen, slot, gen;

	(void)state;
	load(&first, &first_gen);
	assert_int_equal(enforce_release(&e, first, first_gen), 0);
	do {
		load(&slot, &gen);
		assert_true(told_alive(slot, gen));
		assert_int_equal(enforce_release(&e, slot, gen), 0);
	} while (slot != first);
	assert_int_equal(gen, first_gen + 1);
	load(&slot, &gen);
	assert_int_equal(enforce_release(&e, slot, gen), 0);
}

/* One that could not be ended is not begun, and not told of as living. */
static void fails_to_begin(void **state)
{
	uint32_t slot = 0, gen = 0;

	(void)state;
	running_error = -ENOMEM;
	load(&slot, &gen);
	running_error = 0;
	assert_int_not_equal(slot, 0);
	assert_false(told_alive(slot, gen));
}

static void all_end(void **state)
{
	uint32_t slot[3], gen[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		load(&slot[i], &gen[i]);
	enforce_revoke_all(&e);
	for (int i = 0; i < 3; i++)
		assert_false(told_alive(slot[i], gen[i]));
}

/* Another warden over the same slots, with the file there and without. */
static void taken_over(void **state)
{
	uint32_t live, live_gen, cut, cut_gen;

	(void)state;
	load(&live, &live_gen);
	load(&cut, &cut_gen);
	for (int i = 0; i < 2; i++) {
		epochs_close(e.epochs);
		e.slots[cut].state = i ? SLOT_LIVE : SLOT_REVOKED; /* behind the back of the file */
		if (i) {
			char path[64];

			snprintf(path, sizeof(path), "%s/" EPOCH_FILE, dir);
			assert_int_equal(unlink(path), 0);
		}
		assert_int_equal(enforce_share(&e, dir), 0);
		assert_int_equal(e.epochs->closed, 0);
		assert_int_not_equal(e.epochs->beat, 0);
		assert_true(told_alive(live, live_gen));
		assert_int_equal(told_alive(cut, cut_gen), i);
	}
	epochs_close(e.epochs);
	assert_int_equal(enforce_share(&e, "/nonexistent"), -ENOENT);
	assert_int_equal(enforce_share(&e, dir), 0);
}

static void has_cells(uint32_t slot, uint32_t gen, unsigned char fill)
{
	unsigned char cells[4 * sizeof(union cell)];
	int fd = -1;

	assert_int_equal(enforce_table(&e, slot, gen, &fd), 0);
	assert_int_equal(pread(fd, cells, sizeof(cells), 0), sizeof(cells));
	for (size_t i = 0; i < sizeof(cells); i++)
		assert_int_equal(cells[i], fill);
	close(fd);
}

/* The same cells are one map for as long as any grant has them. */
static void shares_tables(void **state)
{
	uint32_t slot[4], gen[4];
	unsigned before = created;

	(void)state;
	load_cells(0xa1, &slot[0], &gen[0]);
	load_cells(0xa1, &slot[1], &gen[1]);
	load_cells(0xa2, &slot[2], &gen[2]);
	assert_int_equal(created - before, 2);
	assert_int_equal(enforce_release(&e, slot[0], gen[0]), 0);
	load_cells(0xa1, &slot[3], &gen[3]);
	assert_int_equal(created - before, 2);
	has_cells(slot[1], gen[1], 0xa1);
	has_cells(slot[2], gen[2], 0xa2);
	has_cells(slot[3], gen[3], 0xa1);
	for (int i = 1; i < 4; i++)
		assert_int_equal(enforce_release(&e, slot[i], gen[i]), 0);
	load_cells(0xa1, &slot[0], &gen[0]);
	assert_int_equal(created - before, 3);
	assert_int_equal(enforce_release(&e, slot[0], gen[0]), 0);
}

/* ---- renewal ---- */

static uint32_t agent, agent_gen;

static void renewable(void)
{
	now = 10;
	load(&agent, &agent_gen);
}

static void renewed(void **state)
{
	uint64_t epoch = e.epochs->epoch;

	(void)state;
	renewable();
	now = 76;
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 78), 0);
	assert_int_equal(e.slots[agent].expires, 78);
	assert_int_equal(e.epochs->slots[agent].expires, 78);
	assert_int_equal(e.epochs->epoch, epoch); /* nobody's life ended */
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 78), -EINVAL);
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 60), -EINVAL);
	assert_int_equal(enforce_renew(&e, agent, agent_gen + 1, 99), -ESTALE);
	assert_int_equal(enforce_renew(&e, SLOTS_MAX, 1, 99), -ESTALE);
	assert_int_equal(e.slots[agent].expires, 78);
	now = 78;
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 99), -ESTALE);
	assert_int_equal(e.slots[agent].expires, 78);
}

/* Revoked, by itself or from above; and given back. */
static void ended_is_not_renewed(void **state)
{
	uint32_t below, below_gen;

	(void)state;
	renewable();
	assert_int_equal(load_below(agent, agent_gen, 50, &below, &below_gen), 0);
	assert_int_equal(enforce_renew(&e, below, below_gen, 60), 0);
	assert_int_equal(enforce_revoke(&e, agent, agent_gen, false), 0);
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 99), -ESTALE);
	assert_int_equal(enforce_renew(&e, below, below_gen, 70), -ESTALE);
	assert_int_equal(e.slots[below].expires, 60);
	assert_int_equal(e.slots[agent].state, SLOT_REVOKED);
	assert_int_equal(enforce_release(&e, below, below_gen), 0);
	assert_int_equal(enforce_renew(&e, below, below_gen, 70), -ESTALE);
}

/* Never past the one above, which may be renewed first; and that one's renewal is its own alone. */
static void within_those_above(void **state)
{
	uint32_t below, below_gen;

	(void)state;
	renewable();
	assert_int_equal(load_below(agent, agent_gen, 50, &below, &below_gen), 0);
	assert_int_equal(enforce_renew(&e, below, below_gen, 78), -EINVAL);
	assert_int_equal(enforce_renew(&e, below, below_gen, 77), 0);
	assert_int_equal(enforce_renew(&e, agent, agent_gen, 90), 0);
	assert_int_equal(e.slots[below].expires, 77);
	assert_int_equal(enforce_renew(&e, below, below_gen, 90), 0);
	e.slots[agent].expires = 0; /* found over by the kernel side */
	assert_int_equal(enforce_renew(&e, below, below_gen, 91), -ESTALE);
	assert_int_equal(load_below(agent, agent_gen, 50, &below, &below_gen), -ESTALE);
}

static void kernel_finds_it_over(void)
{
	now = 77;
	e.slots[agent].expires = 0; /* bpf/caller.h, slot_over() */
}

static void time_passes(void)
{
	now = 77;
}

/* The warden has looked at the clock, and is held up before it writes. */
static void held_up(void **state)
{
	static void (*const cases[])(void) = {kernel_finds_it_over, time_passes};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		renewable();
		now = 76;
		on_look = cases[i];
		assert_int_equal(enforce_renew(&e, agent, agent_gen, 99), -ESTALE);
		assert_int_equal(e.slots[agent].expires, 0);
		assert_int_equal(e.epochs->slots[agent].expires, 77);
		now = 76; /* whatever the clock says: it is over */
		assert_int_equal(enforce_renew(&e, agent, agent_gen, 99), -ESTALE);
		assert_int_equal(e.slots[agent].expires, 0);
	}
}

/* A warden that dies between the slot and the file. */
static void told_by_the_next(void **state)
{
	(void)state;
	renewable();
	e.slots[agent].expires = 99;
	epochs_close(e.epochs);
	assert_int_equal(enforce_share(&e, dir), 0);
	assert_true(told_alive(agent, agent_gen));
	assert_int_equal(e.epochs->slots[agent].expires, 99);
}

/* After a restart that kept nothing, a slot's next grant is not taken for one of before. */
static void begins_elsewhere(void **state)
{
	uint32_t gen = e.slots[1].gen;

	(void)state;
	slots_begin(&e);
	assert_int_not_equal(e.slots[1].gen, gen);
	assert_int_equal(e.slots[1].gen, e.slots[SLOTS_MAX - 1].gen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_and_is_cut),
		cmocka_unit_test(is_released),
		cmocka_unit_test(comes_round),
		cmocka_unit_test(fails_to_begin),
		cmocka_unit_test(all_end),
		cmocka_unit_test(taken_over),
		cmocka_unit_test(shares_tables),
		cmocka_unit_test(begins_elsewhere),
		cmocka_unit_test(renewed),
		cmocka_unit_test(ended_is_not_renewed),
		cmocka_unit_test(within_those_above),
		cmocka_unit_test(held_up),
		cmocka_unit_test(told_by_the_next),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
