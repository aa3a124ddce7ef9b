/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define PATH_FALLBACK "/usr/local/bin:/usr/bin:/bin"

int fd_read(int fd, size_t max, char **text, size_t *len)
{
	_cleanup_free_ char *buf = NULL;
	size_t used = 0, room = 0;
	ssize_t n = 1;

	while (n) {
		if (room - used < 2) {
			char *more = realloc(buf, room = room ? 2 * room : 8192);

			if (!more)
				return -ENOMEM;
			buf = more;
		}
		n = read(fd, buf + used, room - used - 1);
		if (n < 0)
			return -errno;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
	}
	buf[used] = '\0';
	*len = used;
	*text = buf;
	buf = NULL;
	return 0;
}

int file_read(const char *path, size_t max, char **text, size_t *len)
{
	_cleanup_close_ int fd = -1;

	if (strcmp(path, "-") == 0)
		return fd_read(STDIN_FILENO, max, text, len);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_read(fd, max, text, len);
}

static int program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) ? -errno : 0;
}

/* Makes the path absolute without resolving links: what a program calls itself may depend on them. */
static int program_at(const char *dir, size_t dir_len, const char *name, char **path)
{
	_cleanup_free_ char *full = NULL, *cwd = NULL;
	bool absolute = dir_len ? *dir == '/' : *name == '/';
	int err;

	if (!absolute && !(cwd = getcwd(NULL, 0)))
		return -errno;
	if (asprintf(&full, "%s%s%.*s%s%s", cwd ? cwd : "", cwd ? "/" : "", (int)dir_len, dir,
		     dir_len ? "/" : "", name) < 0) {
		full = NULL;
		return -ENOMEM;
	}
	err = program_check(full);
	if (err)
		return err;
	*path = full;
	full = NULL;
	return 0;
}

int program_find(const char *name, char **path)
{
	const char *dirs = getenv("PATH");
	int err = -ENOENT;

	if (strchr(name, '/')) {
		while (strncmp(name, "./", 2) == 0)
			name += 1 + strspn(name + 1, "/"); /* "./x" is shown as "DIR/x" */
		return program_at("", 0, name, path);
	}
	if (!*name)
		return -ENOENT;
	for (const char *end, *dir = dirs ? dirs : PATH_FALLBACK;; dir = end + 1) {
		int one;

		end = strchrnul(dir, ':');
		one = program_at(dir, (size_t)(end - dir), name, path);
		if (!one)
			return 0;
		if (one == -EACCES)
			err = one;
		if (!*end)
			break;
	}
	return err;
}

static int fd_order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* At once and not when the command is executed: no tag is put on a process that has a ring open. */
static int gap_close(unsigned first, unsigned last)
{
	if (first > last)
		return 0;
	return close_range(first, last, 0) ? -errno : 0;
}

/* Where a seccomp filter knows no close_range(). */
static int fds_close_listed(const int *keep, size_t count)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int err = d ? 0 : -errno;

	while (d && !err && (e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (fd <= STDERR_FILENO || bsearch(&fd, keep, count, sizeof(fd), fd_order))
			continue;
		if (fd != dirfd(d))
			close(fd);
	}
	if (d)
		closedir(d);
	return err;
}

int fds_keep_only(int *keep, size_t count)
{
	unsigned next = STDERR_FILENO + 1;
	int err = 0;

	if (count)
		qsort(keep, count, sizeof(*keep), fd_order);
	for (size_t i = 0; i < count && !err; i++) {
		if ((unsigned)keep[i] < next)
			continue;
		err = gap_close(next, (unsigned)keep[i] - 1);
		next = (unsigned)keep[i] + 1;
	}
	if (!err)
		err = gap_close(next, UINT_MAX);
	return err == -ENOSYS || err == -EINVAL || err == -EPERM ? fds_close_listed(keep, count) : err;
}

char *program_dir(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (len <= 0)
		return NULL;
	path[len] = '\0';
	slash = strrchr(path, '/');
	*slash = '\0';
	return strdup(path);
}
