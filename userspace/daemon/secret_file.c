/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "token/secret_ring.h"

static int cannot(const char *path, const char *what, int err)
{
	fprintf(stderr, "deputyd: %s: %s: %s\n", path, what, strerror(-err));
	return err;
}

/* Neither a link, which somebody may lead elsewhere, nor a pipe, on which opening it would wait. */
static int file_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT
				       : cannot(path,
						errno == ELOOP ? "is a symbolic link, which is not followed"
							       : "cannot be opened",
						-errno);
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_uid && !(st.st_mode & 077))
		return fd;
	close(fd);
	fprintf(stderr,
		"deputyd: %s: must be a file that is root's alone: `chown root:root` and `chmod 0400` it, if "
		"nobody else can have read or changed it\n",
		path);
	return -EPERM;
}

int secret_file_read(const char *path, unsigned char *bytes, size_t room, size_t *size)
{
	_cleanup_close_ int fd = file_open(path);
	unsigned char beyond;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return fd;
	while (n < room && (got = read(fd, bytes + n, room - n)) != 0) {
		if (got < 0)
			return cannot(path, "cannot be read", -errno);
		n += (size_t)got;
	}
	if (n == room && read(fd, &beyond, 1) != 0)
		return cannot(path, "is longer than any such file", -EFBIG);
	*size = n;
	return 0;
}

int secret_file_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cannot(dir, "cannot be opened", -errno) : fd;
}

static int file_fill(const char *path, mode_t mode, const unsigned char *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return -errno;
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

int secret_file_write(const char *path, mode_t mode, const unsigned char *bytes, size_t size)
{
	_cleanup_close_ int dir = secret_file_dir(path);
	char beside[PATH_MAX];
	int r;

	if (dir < 0)
		return dir;
	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return cannot(path, "cannot be written", -ENAMETOOLONG);
	unlink(beside); /* of a writing that was cut short */
	r = file_fill(beside, mode, bytes, size);
	if (!r && rename(beside, path))
		r = -errno;
	if (r) {
		unlink(beside);
		return cannot(path, "cannot be written", r);
	}
	return fsync(dir) ? cannot(path, "cannot be synced", -errno) : 0;
}

/* Whose link it is that gets there first: a lock that anybody who reads the directory could hold is none. */
static int file_link(int dir, const char *beside, const char *path)
{
	int r = link(beside, path) && errno != EEXIST ? -errno : 0;

	unlink(beside);
	if (!r && fsync(dir))
		r = -errno;
	return r;
}

int secret_file_have(const char *path, size_t size)
{
	_cleanup_secret_ unsigned char *bytes = sodium_malloc(size);
	_cleanup_close_ int dir = secret_file_dir(path);
	char beside[PATH_MAX];
	int r;

	if (dir < 0)
		return dir;
	if (!bytes ||
	    (size_t)snprintf(beside, sizeof(beside), "%s.%08x", path, randombytes_random()) >= sizeof(beside))
		return cannot(path, "cannot be made", bytes ? -ENAMETOOLONG : -ENOMEM);
	randombytes_buf(bytes, size);
	r = file_fill(beside, 0400, bytes, size);
	if (!r)
		r = file_link(dir, beside, path);
	else if (r != -EEXIST)
		unlink(beside);
	return r ? cannot(path, "cannot be made", r) : 0;
}
