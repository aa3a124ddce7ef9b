/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log_reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void log_reader_init(struct log_reader *r, int fd, const struct event_filter *filter, uint64_t end)
{
	r->fd = fd;
	r->filter = *filter;
	r->end = end;
	r->offset = r->seek = r->wanted = 0;
	r->begin = r->have = 0;
	r->skipping = false;
}

void log_reader_tail(struct log_reader *r, uint64_t lines)
{
	r->wanted = lines;
	r->seek = r->end;
	if (!lines)
		r->offset = r->end;
}

static int log_read(struct log_reader *r, char *to, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t n = pread(r->fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO; /* the log only ever grows */
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* The nearest matching line that ends at block[*size], searched backwards as far as `floor`. */
static bool tail_line(const struct log_reader *r, size_t floor, size_t *size)
{
	while (*size > floor) {
		const char *nl = memrchr(r->block, '\n', *size - 1);
		size_t start = nl ? (size_t)(nl - r->block) + 1 : 0;
		size_t len = *size - start;

		*size = start;
		if (event_filter_match(&r->filter, r->block + start, len))
			return true;
	}
	return false;
}

/* One block backwards. -EAGAIN while there is more to look at; 0 when r->offset is where to begin. */
static int tail_step(struct log_reader *r)
{
	uint64_t base = r->seek > LOG_BLOCK ? r->seek - LOG_BLOCK : 0;
	size_t size = (size_t)(r->seek - base), floor;
	int err = log_read(r, r->block, size, base);
	const char *nl;

	if (err)
		return err;
	/* Behind the last newline is an unfinished line, or the rest of one that is too long. */
	nl = memrchr(r->block, '\n', size);
	size = nl ? (size_t)(nl - r->block) + 1 : 0;
	/* Before the first one is a line that began in an earlier block. */
	nl = base ? memchr(r->block, '\n', size) : NULL;
	floor = nl ? (size_t)(nl - r->block) + 1 : 0;
	if (floor < size)
		r->seek = base + floor;
	else if (base + size < r->seek)
		r->seek =
			base +
			size; /* where a line ends, so that one of LOG_LINE fits with the newline before it */
	else
		r->seek = base; /* all of the block is one line that is too long */
	while (r->wanted && tail_line(r, floor, &size))
		r->wanted--;
	r->offset = base + size;
	if (r->wanted && base)
		return -EAGAIN;
	r->wanted = 0;
	return 0;
}

/* More of the log behind what the block still holds. 0: there is no more. */
static int log_fill(struct log_reader *r)
{
	size_t n;
	int err;

	memmove(r->block, r->block + r->begin, r->have);
	r->begin = 0;
	if (r->have == LOG_LINE) {
		r->have = 0;
		r->skipping = true;
	}
	n = LOG_LINE - r->have;
	if (n > r->end - r->offset)
		n = (size_t)(r->end - r->offset);
	if (!n)
		return 0;
	err = log_read(r, r->block + r->have, n, r->offset);
	if (err)
		return err;
	r->have += n;
	r->offset += n;
	return 1;
}

/* Takes one line, or the rest of one that was too long, from the block. NULL: it holds none to its end. */
static const char *log_take(struct log_reader *r, size_t *len)
{
	const char *line = r->block + r->begin;
	const char *nl = memchr(line, '\n', r->have);

	if (!nl)
		return NULL;
	*len = (size_t)(nl - line) + 1;
	r->begin += *len;
	r->have -= *len;
	return line;
}

int log_reader_next(struct log_reader *r, const char **line, size_t *len)
{
	size_t looked = 0;

	if (r->wanted) {
		int err = tail_step(r);

		if (err)
			return err;
	}
	while (looked < LOG_BUDGET) {
		const char *l = log_take(r, len);
		bool whole = !r->skipping;

		if (!l) {
			int err = log_fill(r);

			if (err <= 0)
				return err;
			continue;
		}
		looked += *len;
		r->skipping = false;
		if (whole && event_filter_match(&r->filter, l, *len)) {
			*line = l;
			return 1;
		}
	}
	return -EAGAIN;
}
