/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define DASH "\xe2\x80\x94 "

void log_bytes_free(struct log_bytes *bytes)
{
	free(bytes->at);
	*bytes = (struct log_bytes){0};
}

int log_bytes_read(int fd, uint64_t from, struct log_bytes *bytes)
{
	struct log_bytes b = {0};
	struct stat st;
	ssize_t n = 1;
	size_t size;

	if (fstat(fd, &st))
		return -errno;
	size = (uint64_t)st.st_size > from ? (size_t)((uint64_t)st.st_size - from) : 0;
	if (!(b.at = malloc(size + 1)))
		return -ENOMEM;
	while (n && b.len < size) {
		n = pread(fd, b.at + b.len, size - b.len, (off_t)(from + b.len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			free(b.at);
			return err;
		}
		b.len += (size_t)n;
	}
	b.at[b.len] = '\0';
	*bytes = b;
	return 0;
}

int log_bytes_load(int dir, const char *name, struct log_bytes *bytes)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : log_bytes_read(fd, 0, bytes);
}

const char *log_bytes_line(const struct log_bytes *bytes, uint64_t n)
{
	const char *at = bytes->at;

	for (; n; n--) {
		at = memchr(at, '\n', bytes->len - (size_t)(at - bytes->at));
		if (!at)
			return NULL;
		at++;
	}
	return at;
}

int log_write_all(int fd, const void *bytes, size_t len, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = write(fd, (const char *)bytes + *done, len - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		*done += (size_t)n;
	}
	return 0;
}

/* A note is whole when an empty line follows a line of a signature. */
static bool note_ends(const char *start, const char *newline)
{
	const char *line = newline;

	while (line > start && line[-1] != '\n')
		line--;
	return newline - line > (ptrdiff_t)sizeof(DASH) && !memcmp(line, DASH, sizeof(DASH) - 1);
}

bool checkpoints_next(const struct log_bytes *file, size_t *at, const char **note, size_t *len)
{
	const char *end = file->at + file->len, *start = file->at + *at, *p = start;

	while (p < end && (p = memmem(p, (size_t)(end - p), "\n\n", 2))) {
		if (note_ends(start, p)) {
			*note = start;
			*len = (size_t)(p - start) + 1;
			*at = (size_t)(p - file->at) + 2;
			return true;
		}
		p++;
	}
	return false;
}
