/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/logfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096u

static int read_at(int fd, char *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Offset just past the last newline before `end`; 0 when there is none. */
static int line_start(int fd, uint64_t end, uint64_t *start)
{
	char buf[CHUNK];

	while (end) {
		size_t len = end < CHUNK ? (size_t)end : CHUNK;
		int err = read_at(fd, buf, len, end - len);
		const char *newline;

		if (err)
			return err;
		newline = memrchr(buf, '\n', len);
		if (newline) {
			*start = end - len + (uint64_t)(newline - buf) + 1;
			return 0;
		}
		end -= len;
	}
	*start = 0;
	return 0;
}

static int line_seq(int fd, uint64_t start, uint64_t end, uint64_t *seq)
{
	static const char before[] = "{\"seq\": ";
	const size_t skip = sizeof(before) - 1;
	char head[64] = "", *after;
	size_t len = end - start < sizeof(head) ? (size_t)(end - start) : sizeof(head) - 1;
	int err = read_at(fd, head, len, start);

	if (err)
		return err;
	if (strncmp(head, before, skip) != 0 || head[skip] < '0' || head[skip] > '9')
		return -EBADMSG;
	*seq = strtoull(head + skip, &after, 10);
	return *after == ',' && *seq < UINT64_MAX / 2 ? 0 : -EBADMSG;
}

static int take_back(struct logfile *log)
{
	if (log->torn && ftruncate(log->fd, (off_t)log->size))
		return -errno;
	log->torn = false;
	return 0;
}

int logfile_open(struct logfile *log, int fd, bool *torn)
{
	uint64_t last, seq = 0;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	*log = (struct logfile){.fd = fd};
	err = line_start(fd, (uint64_t)st.st_size, &log->size);
	if (!err && log->size)
		err = line_start(fd, log->size - 1, &last);
	if (!err && log->size)
		err = line_seq(fd, last, log->size, &seq);
	if (err)
		return err;
	log->seq = seq + 1;
	log->torn = log->size != (uint64_t)st.st_size;
	*torn = log->torn;
	return take_back(log);
}

static size_t lines_in(const char *text, size_t len)
{
	size_t count = 0;

	for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
		count++;
	return count;
}

static int write_all(int fd, const char *text, size_t len, size_t *done)
{
	*done = 0;
	while (*done < len) {
		ssize_t n = write(fd, text + *done, len - *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		*done += (size_t)n;
	}
	return 0;
}

int logfile_append(struct logfile *log, const char *lines, size_t len, size_t count, size_t *kept)
{
	const char *newline;
	size_t done, whole;
	int err = take_back(log);

	*kept = 0;
	if (err)
		return err;
	err = write_all(log->fd, lines, len, &done);
	newline = done ? memrchr(lines, '\n', done) : NULL;
	whole = newline ? (size_t)(newline - lines) + 1 : 0;
	*kept = err ? lines_in(lines, whole) : count;
	log->size += whole;
	log->seq += *kept;
	log->torn = whole != done;
	log->dirty = true;
	take_back(log); /* when even that fails it is tried again before the next line */
	return err;
}

int logfile_sync(struct logfile *log)
{
	if (log->dirty && fdatasync(log->fd))
		return -errno;
	log->dirty = false;
	return 0;
}
