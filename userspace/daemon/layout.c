/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the maps that another daemon left are this build's in form and meaning. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "daemon/enforce_private.h"

/* The pinned map and what the kernel says of it; -errno. */
static int map_open(const char *pin_dir, const char *name, struct bpf_map_info *info)
{
	struct pin pin = pin_path(pin_dir, "map", name);
	uint32_t size = sizeof(*info);
	int fd = bpf_obj_get(pin.path), err;

	if (fd < 0)
		return -errno;
	memset(info, 0, sizeof(*info));
	err = bpf_obj_get_info_by_fd(fd, info, &size) ? -errno : 0;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* What every build's control map begins with. */
static int control_read(const char *pin_dir, struct control *control)
{
	struct bpf_map_info info;
	_cleanup_close_ int fd = map_open(pin_dir, "control", &info);
	_cleanup_free_ char *value = NULL;
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	value = calloc(1, info.value_size + sizeof(*control));
	if (!value)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, value))
		return -errno;
	memcpy(control, value, sizeof(*control));
	return 0;
}

/* Without a control map nobody is tagged: links are pinned after all maps, and unpinned after the last task.
 */
int layout_tagged(const char *pin_dir, uint64_t *tagged)
{
	struct control control = {0};
	int r = control_read(pin_dir, &control);

	if (r && r != -ENOENT)
		return r;
	*tagged = control.tagged;
	return 0;
}

static bool map_fits(const struct enforce *e, struct bpf_map *map)
{
	struct bpf_map_info info;
	_cleanup_close_ int fd = map_open(e->pin_dir, bpf_map__name(map), &info);

	if (fd < 0)
		return fd == -ENOENT;  /* a map that the build before had not, or not yet */
	if (map == e->skel->maps.tags) /* sized by the configuration of its time */
		bpf_map__set_max_entries(map, info.max_entries);
	return info.type == bpf_map__type(map) && info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) && info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

bool layout_fits(struct enforce *e)
{
	struct control control = {0};
	struct bpf_map *map;

	if (control_read(e->pin_dir, &control) || control.abi != DEPUTY_ABI)
		return false;
	bpf_object__for_each_map (map, e->skel->obj)
		if (!bpf_map__is_internal(map) && !map_fits(e, map))
			return false;
	return true;
}
