/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends what runs under pins of any build. What its maps mean may be unknown here, so its own programs are
 * asked who is tagged: a pinned iterator is read like a file (Linux 5.8).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/enforce_private.h"

#define BATCH	 128
#define RESET_MS 10000
#define QUIET	 3 /* lists without anybody, one after the other: a fork may hide from one */

/* Up to BATCH processes; their number or -errno. */
static int tagged_list(const char *file, uint32_t tgids[BATCH])
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	int count = 0;
	uint32_t one;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (count < BATCH && ((n = read(fd, &one, sizeof(one))) > 0 || (n < 0 && errno == EINTR)))
		if (n == sizeof(one) && (!count || tgids[count - 1] != one))
			tgids[count++] = one;
	return n < 0 ? -errno : count;
}

static bool is_listed(uint32_t tgid, const uint32_t *tgids, int count)
{
	for (int i = 0; i < count; i++)
		if (tgids[i] == tgid)
			return true;
	return false;
}

/* Listed, held by a pidfd, and listed again: a number that had found another owner meanwhile is let be. */
static int tagged_kill(const char *file)
{
	uint32_t first[BATCH], again[BATCH];
	int pidfds[BATCH], count = tagged_list(file, first), found;

	if (count <= 0)
		return count;
	for (int i = 0; i < count; i++)
		pidfds[i] = (int)syscall(SYS_pidfd_open, first[i], 0);
	found = tagged_list(file, again);
	for (int i = 0; i < count; i++) {
		if (pidfds[i] < 0)
			continue;
		if (is_listed(first[i], again, found))
			syscall(SYS_pidfd_send_signal, pidfds[i], SIGKILL, NULL, 0);
		close(pidfds[i]);
	}
	return found < 0 ? found : count;
}

static int tagged_end(const char *file)
{
	struct timespec tick = {.tv_nsec = 20000000};
	int quiet = 0;

	for (int waited = 0; waited < RESET_MS && quiet < QUIET; waited += 20) {
		int left = tagged_kill(file);

		if (left < 0)
			return left;
		quiet = left ? 0 : quiet + 1;
		nanosleep(&tick, NULL);
	}
	return quiet < QUIET ? -ETIMEDOUT : 0;
}

int enforce_reset(const char *pin_dir)
{
	struct pin pin = pin_path(pin_dir, "link", "list_tagged");
	uint64_t tagged = 0;
	int r = layout_tagged(pin_dir, &tagged);

	if (!r && tagged)
		r = tagged_end(pin.path);
	if (r) {
		fprintf(stderr, "deputyd: cannot end the tasks under %s, which stay enforced: %s\n", pin_dir,
			strerror(-r));
		return r;
	}
	pins_drop(pin_dir);
	fprintf(stderr, "deputyd: ended %llu tagged tasks; nothing is enforced any more\n",
		(unsigned long long)tagged);
	return 0;
}
