/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/enforce.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/roads.h"
#include "daemon/enforce_private.h"

static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	const char *verbose = getenv("DEPUTY_BPF_LOG");

	return level == LIBBPF_DEBUG || !verbose ? 0 : vfprintf(stderr, format, args);
}

static int cannot(const char *what, int err)
{
	fprintf(stderr, "deputyd: %s: %s\n", what, strerror(-err));
	return err;
}

static bool lsm_active(void)
{
	_cleanup_fclose_ FILE *f = fopen("/sys/kernel/security/lsm", "re");
	char line[512], *save = NULL;

	if (!f || !fgets(line, sizeof(line), f))
		return true; /* securityfs is not mounted: loading will tell */
	for (char *name = strtok_r(line, ",\n", &save); name; name = strtok_r(NULL, ",\n", &save))
		if (!strcmp(name, "bpf"))
			return true;
	return false;
}

/* Hooks that a kernel may lack because another one of ours sees the same there. */
static bool hook_is_optional(const char *program)
{
	static const char *const optional[] = {
		"file_truncate", /* before 6.2: path_truncate */
		"inode_set_acl",      "inode_remove_acl",
		"inode_get_acl",				   /* before 6.2: the hooks for xattrs */
		"inode_file_setattr", "inode_file_getattr",	   /* before 6.17: file_ioctl, or not there */
		"file_ioctl_compat",  "running_file_ioctl_compat", /* before 6.8: file_ioctl */
		"owned_key_free", /* since 6.12: key_alloc, when the memory is a key's again */
	};

	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		if (!strcmp(program, optional[i]))
			return true;
	return false;
}

/* What this kernel lacks is a hole, and named: a road's leaves that open, any other lets nothing start. */
static int hook_miss(struct enforce *e, const char *hook)
{
	int road = road_of_hook(hook);

	fprintf(stderr, "deputyd: this kernel lacks %s%s%s\n", hook,
		road < 0 ? "" : ", which leaves open: ", road < 0 ? "" : road_name((size_t)road));
	if (road < 0)
		return -ENOSYS;
	e->open_roads |= 1ull << road;
	return 0;
}

/*
 * Until 6.2 and its backports (271de525e1d7, which named this function) the kernel ran no LSM program on a
 * CPU where another task had been preempted inside it, and let the operation pass.
 */
#define NO_SKIPPING "__bpf_prog_enter_recur"

/* -ENOENT; -errno when no symbol can be read. The address is 0 for whoever may not see it. */
static int symbol_find(const char *name, unsigned long long *address)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], symbol[256];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*s %255s", address, symbol) == 2 && !strcmp(symbol, name))
			return 0;
	return -ENOENT;
}

/*
 * The programs read the kernel's counts of renames and mounts behind these addresses. libbpf takes 0 for one,
 * and everything would then be refused as busy.
 */
static int symbols_check(void)
{
	unsigned long long address = 0;
	int r = symbol_find("rename_lock", &address);

	if (r == -ENOENT)
		return cannot("this kernel has no rename_lock in /proc/kallsyms (CONFIG_KALLSYMS_ALL)",
			      -ENOSYS);
	if (r || !address)
		return cannot("cannot read addresses in /proc/kallsyms, which takes CAP_SYSLOG and "
			      "kernel.kptr_restrict below 2",
			      r ?: -EPERM);
	return 0;
}

static int hooks_select(struct enforce *e)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *prog;
	unsigned long long address;
	int r = 0;

	if (!btf)
		return cannot("this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)", -errno);
	bpf_object__for_each_program (prog, e->skel->obj) {
		const char *section = bpf_program__section_name(prog), *hook = strchr(section, '/');
		char func[128];

		/* Not hooks, and not on every kernel: they end who calls them (running.bpf.c). */
		if (!bpf_program__autoload(prog) && bpf_program__type(prog) == BPF_PROG_TYPE_TRACING &&
		    hook && btf__find_by_name_kind(btf, hook + 1, BTF_KIND_FUNC) >= 0)
			bpf_program__set_autoload(prog, true);
		if (bpf_program__type(prog) != BPF_PROG_TYPE_LSM || !hook)
			continue;
		snprintf(func, sizeof(func), "bpf_lsm_%s", hook + 1);
		if (btf__find_by_name_kind(btf, func, BTF_KIND_FUNC) >= 0) {
			bpf_program__set_autoload(prog, true);
		} else if (!hook_is_optional(bpf_program__name(prog))) {
			bpf_program__set_autoload(prog, false);
			r = hook_miss(e, hook + 1) ?: r;
		}
	}
	btf__free(btf);
	if (symbol_find(NO_SKIPPING, &address))
		r = hook_miss(e, NO_SKIPPING) ?: r;
	return r;
}

static int maps_map(struct enforce *e)
{
	size_t slots = SLOTS_MAX * sizeof(struct slot);

	e->slots = mmap(NULL, slots, PROT_READ | PROT_WRITE, MAP_SHARED, enforce_slots_fd(e), 0);
	if (e->slots == MAP_FAILED)
		return e->slots = NULL, -errno;
	e->control =
		mmap(NULL, sizeof(*e->control), PROT_READ | PROT_WRITE, MAP_SHARED, enforce_control_fd(e), 0);
	if (e->control == MAP_FAILED)
		return e->control = NULL, -errno;
	if (!e->control->epoch) {
		e->control->epoch = 1; /* a new tag has seen epoch 0: its ancestors are always walked once */
		slots_begin(e);
	}
	e->control->abi = DEPUTY_ABI;
	e->control->open_roads = e->open_roads;
	return 0;
}

static int programs_attach(struct enforce *e)
{
	union bpf_iter_link_info self = {.task.tid = (uint32_t)syscall(SYS_gettid)};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &self, .link_info_len = sizeof(self));
	int r = deputy_bpf__attach(e->skel);

	if (r)
		return r;
	e->visits = bpf_program__attach_iter(e->skel->progs.visit_connection, &opts);
	e->tasks = bpf_program__attach_iter(e->skel->progs.list_condemned, NULL);
	return e->visits && e->tasks ? 0 : -errno;
}

static int enforce_start(struct enforce *e)
{
	int r;

	if (!lsm_active())
		return cannot("`bpf` is not among the active LSMs: boot with lsm=...,bpf", -EOPNOTSUPP);
	e->skel = deputy_bpf__open();
	if (!e->skel)
		return cannot("cannot open the BPF object", -errno);
	bpf_program__set_autoattach(e->skel->progs.visit_connection, false);
	bpf_program__set_autoattach(e->skel->progs.list_condemned, false);
	r = symbols_check() ?: hooks_select(e);
	if (!r && (r = pins_prepare(e)))
		return r == -EUCLEAN ? r : cannot(e->pin_dir, r);
	if (!r && (r = deputy_bpf__load(e->skel)))
		return cannot("cannot load LSM programs (DEPUTY_BPF_LOG=1 shows the verifier's words)", r);
	if (!r && (r = maps_map(e)))
		return cannot("cannot map the slots", r);
	if (!r && (r = programs_attach(e)))
		return cannot("cannot attach LSM programs", r);
	if (!r && (r = running_adopt(e)))
		return cannot("cannot attach the clock", r);
	if (!r && (r = pins_take(e)))
		return cannot("cannot pin", r);
	return r;
}

int enforce_open(const char *pin_dir, const struct enforce_limits *limits, struct enforce **enforce)
{
	struct enforce *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->limits = *limits;
	libbpf_set_print(log_libbpf);
	if ((size_t)snprintf(e->pin_dir, sizeof(e->pin_dir), "%s", pin_dir) >= sizeof(e->pin_dir))
		r = cannot("pin_dir is too long", -ENAMETOOLONG);
	else
		r = enforce_start(e);
	if (r)
		enforce_close(e, !e->fresh); /* pins of a predecessor still enforce: leave them */
	else
		*enforce = e;
	return r;
}

void enforce_close(struct enforce *e, bool keep)
{
	if (!e)
		return;
	if (!keep)
		pins_drop(e->pin_dir);
	if (e->slots)
		munmap(e->slots, SLOTS_MAX * sizeof(struct slot));
	if (e->control)
		munmap(e->control, sizeof(*e->control));
	epochs_close(e->epochs);
	running_close(e, keep);
	bpf_link__destroy(e->visits);
	bpf_link__destroy(e->tasks);
	deputy_bpf__destroy(e->skel);
	free(e);
}

int enforce_control_fd(const struct enforce *e)
{
	return bpf_map__fd(e->skel->maps.control);
}

int enforce_slots_fd(const struct enforce *e)
{
	return bpf_map__fd(e->skel->maps.slots);
}

int enforce_ring_fd(const struct enforce *e)
{
	return bpf_map__fd(e->skel->maps.events);
}

const char *enforce_pin_dir(const struct enforce *e)
{
	return e->pin_dir;
}

uint64_t enforce_tagged(const struct enforce *e)
{
	return __atomic_load_n(&e->control->tagged, __ATOMIC_RELAXED);
}

int enforce_visit(struct enforce *e, int connection, enum visit_op op, struct visit *visit)
{
	struct visit *shared = (struct visit *)&e->skel->bss->visit;
	_cleanup_close_ int iter = bpf_iter_create(bpf_link__fd(e->visits));
	char drain[64];
	ssize_t n;

	if (iter < 0)
		return -errno;
	visit->op = op;
	visit->fd = (uint32_t)connection;
	visit->done = 0;
	visit->error = -ESRCH;
	*shared = *visit;
	while ((n = read(iter, drain, sizeof(drain))) > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		;
	*visit = *shared;
	return n < 0 ? -errno : visit->error;
}
