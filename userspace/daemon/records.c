/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/records.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memfd.h"
#include "common/msg.h"

#define NEXT "next" /* where a record is written before it gets its name */

struct record_name {
	char text[32];
};

static struct record_name record_name(uint32_t slot, uint32_t gen)
{
	struct record_name name;

	snprintf(name.text, sizeof(name.text), "%u-%u", slot, gen);
	return name;
}

int records_open(const char *state_dir)
{
	char path[4096];
	int fd = -ENAMETOOLONG;

	if ((size_t)snprintf(path, sizeof(path), "%s/records", state_dir) < sizeof(path)) {
		fd = mkdir(path, 0700) && errno != EEXIST
			     ? -1
			     : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		fprintf(stderr, "deputyd: %s/records: %s\n", state_dir, strerror(-fd));
	return fd;
}

static int copy(int from, int to)
{
	off_t at = 0;
	struct stat st;
	int r = memfd_check(from);

	if (r)
		return r;
	if (fstat(from, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size > RECORD_BYTES)
		return -EFBIG;
	while (at < st.st_size) {
		ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
	}
	return 0;
}

/*
 * Renamed into place, so that a record is there with all its bytes or not at all whenever we are killed. It
 * is not synced: a record that a power cut takes belongs to tasks and slots that the same cut has ended.
 */
int records_write(int dir, uint32_t slot, uint32_t gen, int memfd)
{
	struct record_name name = record_name(slot, gen);
	_cleanup_close_ int to =
		openat(dir, NEXT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = to < 0 ? -errno : copy(memfd, to);

	if (!r && renameat(dir, NEXT, dir, name.text))
		r = -errno;
	if (r)
		unlinkat(dir, NEXT, 0);
	return r;
}

void records_remove(int dir, uint32_t slot, uint32_t gen)
{
	struct record_name name = record_name(slot, gen);

	unlinkat(dir, name.text, 0);
}

void records_purge(int dir, record_wanted wanted, const void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!list) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(list))) {
		uint32_t slot = 0, gen = 0;

		if (entry->d_name[0] == '.')
			continue;
		if (sscanf(entry->d_name, "%u-%u", &slot, &gen) != 2 ||
		    strcmp(record_name(slot, gen).text, entry->d_name) || !wanted(arg, slot, gen))
			unlinkat(dir, entry->d_name, 0);
	}
	closedir(list);
}
