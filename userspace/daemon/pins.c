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

struct pin {
	char path[512];
};

static struct pin pin_path(const struct enforce *e, const char *kind, const char *name)
{
	struct pin pin;

	snprintf(pin.path, sizeof(pin.path), "%s/%s-%s", e->pin_dir, kind, name);
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

int pins_prepare(struct enforce *e)
{
	struct bpf_map *map;
	int err = strncmp(e->pin_dir, BPF_FS "/", sizeof(BPF_FS)) ? 0 : bpffs_mount();

	if (err)
		return err;
	e->fresh = !mkdir(e->pin_dir, 0700);
	if (!e->fresh && errno != EEXIST)
		return -errno;
	bpf_object__for_each_map (map, e->skel->obj) {
		struct pin pin = pin_path(e, "map", bpf_map__name(map));
		int r = map_is_pinned(map) ? bpf_map__set_pin_path(map, pin.path) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* Under a name of its own first, then over the old one: rename(2) swaps them in one step. */
int pin_link(const struct enforce *e, const char *name, struct bpf_link *link)
{
	struct pin pin = pin_path(e, "link", name);
	struct pin next = pin_path(e, "next", name);

	unlink(next.path);
	if (bpf_obj_pin(bpf_link__fd(link), next.path))
		return -errno;
	return rename(next.path, pin.path) ? -errno : 0;
}

void pin_remove(const struct enforce *e, const char *name)
{
	unlink(pin_path(e, "link", name).path);
}

int pins_take(struct enforce *e)
{
	for (int i = 0; i < e->skel->skeleton->prog_cnt; i++) {
		struct bpf_prog_skeleton *p = &e->skel->skeleton->progs[i];
		int r = *p->link ? pin_link(e, p->name, *p->link) : 0;

		if (r)
			return r;
	}
	return 0;
}

void pins_drop(struct enforce *e)
{
	DIR *dir = opendir(e->pin_dir);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(e->pin_dir);
}
