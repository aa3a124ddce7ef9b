/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stays when every process of ours is dead: all maps and one link per program, as files on a bpf file
 * system. A new daemon attaches its own links before the old ones go, so there is no moment without.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/enforce_private.h"

#define BPF_FS "/sys/fs/bpf"

struct pin pin_path(const char *pin_dir, const char *kind, const char *name)
{
	struct pin pin;

	snprintf(pin.path, sizeof(pin.path), "%s/%s-%s", pin_dir, kind, name);
	return pin;
}

/* Maps hold state that programs share; sections such as .bss are a program's own and are not pinned. */
static bool map_is_pinned(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

/* systemd mounts it at boot; a host without has no place for pins at all. */
static int bpffs_mount(void)
{
	struct statfs fs;

	if (!statfs(BPF_FS, &fs) && fs.f_type == BPF_FS_MAGIC)
		return 0;
	return mount("bpf", BPF_FS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") ? -errno : 0;
}

static int dir_make(struct enforce *e)
{
	e->fresh = !mkdir(e->pin_dir, 0700);
	return e->fresh || errno == EEXIST ? 0 : -errno;
}

/* Maps of another build serve nobody when no task is tagged under them, and must not be touched else. */
static int dir_settle(struct enforce *e)
{
	uint64_t tagged;
	int r;

	if (e->fresh || layout_fits(e))
		return 0;
	r = layout_tagged(e->pin_dir, &tagged);
	if (r)
		return r;
	if (!tagged) {
		pins_drop(e->pin_dir);
		return dir_make(e);
	}
	fprintf(stderr,
		"deputyd: %s: %llu tasks run under grants of another build of deputyd, whose maps this one cannot "
		"read. They stay enforced. Let them end and start again, start that build again, or end them now "
		"with `deputyd --reset`\n",
		e->pin_dir, (unsigned long long)tagged);
	return -EUCLEAN;
}

int pins_prepare(struct enforce *e)
{
	struct bpf_map *map;
	int err = strncmp(e->pin_dir, BPF_FS "/", sizeof(BPF_FS)) ? 0 : bpffs_mount();

	bpf_map__set_max_entries(e->skel->maps.tags, e->limits.tasks);
	if (!err)
		err = dir_make(e);
	if (!err)
		err = dir_settle(e);
	bpf_object__for_each_map (map, e->skel->obj) {
		struct pin pin = pin_path(e->pin_dir, "map", bpf_map__name(map));

		if (!err && map_is_pinned(map))
			err = bpf_map__set_pin_path(map, pin.path);
	}
	return err;
}

/* Under a name of its own first, then over the old one: rename(2) swaps them in one step. */
int pin_link(const struct enforce *e, const char *name, struct bpf_link *link)
{
	struct pin pin = pin_path(e->pin_dir, "link", name);
	struct pin next = pin_path(e->pin_dir, "next", name);

	unlink(next.path);
	if (bpf_obj_pin(bpf_link__fd(link), next.path))
		return -errno;
	return rename(next.path, pin.path) ? -errno : 0;
}

void pin_remove(const struct enforce *e, const char *name)
{
	unlink(pin_path(e->pin_dir, "link", name).path);
}

/* A clock of ours for that CPU; any other is a predecessor's, of a CPU that is off or for grants that are
 * over. */
static bool clock_is_ours(const struct enforce *e, const char *name)
{
	unsigned int cpu;

	return sscanf(name, CLOCK_NAME, &cpu) == 1 && cpu < CLOCKS_MAX && e->clocks[cpu];
}

static bool is_ours(const struct enforce *e, const char *file)
{
	const char *name = strchr(file, '-');

	if (!name++)
		return false;
	if (!strncmp(file, "map-", 4))
		return bpf_object__find_map_by_name(e->skel->obj, name);
	return !strncmp(file, "link-", 5) &&
	       (bpf_object__find_program_by_name(e->skel->obj, name) || clock_is_ours(e, name));
}

/* Hooks that only the build before had. All of ours stand by now. */
static void pins_tidy(const struct enforce *e)
{
	DIR *dir = opendir(e->pin_dir);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !is_ours(e, entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

int pins_take(struct enforce *e)
{
	for (int i = 0; i < e->skel->skeleton->prog_cnt; i++) {
		struct bpf_prog_skeleton *p = &e->skel->skeleton->progs[i];
		int r = *p->link ? pin_link(e, p->name, *p->link) : 0;

		if (r)
			return r;
	}
	pins_tidy(e);
	return 0;
}

void pins_drop(const char *pin_dir)
{
	DIR *dir = opendir(pin_dir);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(pin_dir);
}
