/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memfd.h"

/* ---- one map ---- */

/* -EINVAL: its size is that of no table. */
static int cells_size(int memfd, size_t *size)
{
	struct stat st;

	if (fstat(memfd, &st) || st.st_size <= 0 || st.st_size % sizeof(union cell))
		return -EINVAL;
	if ((size_t)st.st_size / sizeof(union cell) > TABLE_CELLS)
		return -EFBIG;
	*size = (size_t)st.st_size;
	return 0;
}

/* Hashed and loaded are the same bytes. */
static int cells_read(int memfd, char **cells, size_t *size)
{
	size_t done = 0;
	int r = memfd_check(memfd) ?: cells_size(memfd, size);

	if (r)
		return r;
	*cells = malloc(*size);
	if (!*cells)
		return -ENOMEM;
	while (done < *size) {
		ssize_t n = pread(memfd, *cells + done, *size - done, (off_t)done);

		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

/* A map of just their size. The kernel side checks every index it follows. */
static int table_create(const char *cells, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "deputy_table", sizeof(uint32_t), sizeof(union cell),
				 (uint32_t)(size / sizeof(union cell)), &opts);
	char *to;

	if (map < 0)
		return -errno;
	to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (to == MAP_FAILED)
		return close(map), -ENOMEM;
	memcpy(to, cells, size);
	munmap(to, size);
	return map;
}

static int table_open(const struct enforce *e, uint32_t slot)
{
	uint32_t id;

	if (bpf_map_lookup_elem(bpf_map__fd(e->skel->maps.tables), &slot, &id))
		return -errno;
	return bpf_map_get_fd_by_id(id);
}

/* ---- shared ---- */

/* A slot's digest is all zeros when it has no table, or has one of an earlier daemon's. */
static uint32_t table_same(const struct enforce *e, const struct table_digest *digest)
{
	for (uint32_t i = 1; i < SLOTS_MAX; i++)
		if (!memcmp(&e->digests[i], digest, sizeof(*digest)))
			return i;
	return 0;
}

static int table_find(const struct enforce *e, const struct table_digest *digest, const char *cells,
		      size_t size)
{
	uint32_t same = table_same(e, digest);
	int map = same ? table_open(e, same) : -ENOENT;

	return map < 0 ? table_create(cells, size) : map;
}

int table_put(struct enforce *e, uint32_t slot, int memfd)
{
	_cleanup_free_ char *cells = NULL;
	_cleanup_close_ int map = -1;
	struct table_digest digest;
	size_t size;
	int r = cells_read(memfd, &cells, &size);

	if (r)
		return r;
	crypto_generichash(digest.bytes, sizeof(digest.bytes), (unsigned char *)cells, size, NULL, 0);
	map = table_find(e, &digest, cells, size);
	if (map < 0)
		return map;
	if (bpf_map_update_elem(bpf_map__fd(e->skel->maps.tables), &slot, &map, BPF_ANY))
		return -errno;
	e->digests[slot] = digest;
	return 0;
}

void table_drop(struct enforce *e, uint32_t slot)
{
	e->digests[slot] = (struct table_digest){0};
	bpf_map_delete_elem(bpf_map__fd(e->skel->maps.tables), &slot);
}

int table_copy(const struct enforce *e, uint32_t slot, int *memfd)
{
	_cleanup_close_ int map = table_open(e, slot);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	size_t size;
	void *cells;
	int r;

	if (map < 0)
		return map;
	if (bpf_obj_get_info_by_fd(map, &info, &len))
		return -errno;
	size = (size_t)info.max_entries * sizeof(union cell);
	cells = mmap(NULL, size, PROT_READ, MAP_SHARED, map, 0);
	if (cells == MAP_FAILED)
		return -errno;
	r = memfd_sealed("deputy-table", cells, size, memfd);
	munmap(cells, size);
	return r;
}
