/* SPDX-License-Identifier: Apache-2.0 */
/* The map of wards: what this start of the daemon says stays, what only one before said goes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "daemon/enforce_private.h"

typedef int (*ward_fn)(struct enforce *, int map, const struct ward_key *, const struct ward *);

/* Calls for each entry until one fails. The key after the present one is asked for before that may go. */
static int wards_each(struct enforce *e, ward_fn fn)
{
	int map = bpf_map__fd(e->skel->maps.wards), r = 0;
	struct ward_key key, next;
	struct ward ward;

	for (int more = bpf_map_get_next_key(map, NULL, &next); !more && !r;) {
		key = next;
		more = bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_elem(map, &key, &ward))
			r = fn(e, map, &key, &ward);
	}
	return r;
}

static int ward_count(struct enforce *e, int map, const struct ward_key *key, const struct ward *ward)
{
	uint32_t last = ward->ward > ward->way ? ward->ward : ward->way;

	(void)map, (void)key;
	if (last >= e->start)
		e->start = last + 1;
	return 0;
}

static int ward_age(struct enforce *e, int map, const struct ward_key *key, const struct ward *ward)
{
	struct ward now = *ward;

	if (now.ward != e->start)
		now.ward = now.self = now.tree = 0;
	if (now.way != e->start)
		now.way = 0;
	if (!memcmp(&now, ward, sizeof(now)))
		return 0;
	if (!now.ward && !now.way)
		return bpf_map_delete_elem(map, key) ? -errno : 0;
	return bpf_map_update_elem(map, key, &now, BPF_EXIST) ? -errno : 0;
}

int enforce_ward(struct enforce *e, int fd, struct ward_masks masks)
{
	struct visit visit = {.ward = {.self = masks.self, .tree = masks.tree}};

	if (!e->start) {
		e->start = 1;
		wards_each(e, ward_count);
	}
	visit.ward.ward = e->start;
	return enforce_visit(e, fd, VISIT_WARD, &visit);
}

/* A rename, here of a pin over itself, makes every cached path stale: they were cached without the wards. */
int enforce_wards_settle(struct enforce *e)
{
	int r = wards_each(e, ward_age);

	return r ?: pin_link(e, "task_alloc", e->skel->links.task_alloc);
}
