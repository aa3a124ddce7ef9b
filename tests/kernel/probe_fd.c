/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: operations after an open that was fine then, and on what never had a name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

static int do_ftruncate_fd(char **w)
{
	return done(ftruncate(atoi(w[1]), 0));
}

static int do_fchmod_fd(char **w)
{
	return done(fchmod(atoi(w[1]), 0600));
}

static int do_fchown_fd(char **w)
{
	return done(fchown(atoi(w[1]), geteuid(), getegid()));
}

static int do_fstat_fd(char **w)
{
	struct stat st;

	return done(fstat(atoi(w[1]), &st));
}

/* Opens and keeps; the number is the detail. Flags by letter: r, w, p (O_PATH). */
static int do_hold(char **w)
{
	static const struct {
		char letter;
		int flags;
	} modes[] = {{'r', O_RDONLY}, {'w', O_WRONLY}, {'p', O_PATH}};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i].letter == w[2][0]) {
			int fd = open(w[1], modes[i].flags);

			detail("%d", fd);
			return done(fd);
		}
	return -EINVAL;
}

static int do_close(char **w)
{
	return done(close(atoi(w[1])));
}

/* reopen-fd FD */
static int do_reopen_fd(char **w)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", atoi(w[1]));
	return done_fd(open(name, O_RDWR | O_CLOEXEC));
}

/* O_PATH asks for nothing, and a link in proc leads from its descriptor to the file anew. */
static int do_reopen(char **w)
{
	char self[64];
	int ret, fd = open(w[1], O_PATH | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ret = done_fd(open(self, O_RDONLY | O_CLOEXEC));
	close(fd);
	return ret;
}

/* What has no place in any directory is nobody's but its holder's: fstat(2), and ftruncate(2) of a memfd. */
static int do_nameless(char **w)
{
	struct stat st;
	int ends[2], ret = 0, fd = -1;

	switch (w[1][0]) {
	case 'p':
		if (pipe(ends))
			return -errno;
		close(ends[1]);
		fd = ends[0];
		break;
	case 's':
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		break;
	case 'e':
		fd = eventfd(0, 0);
		break;
	case 'm':
		fd = memfd_create("nameless", 0);
		ret = done(ftruncate(fd, 4096));
		break;
	}
	ret = ret ?: done(fstat(fd, &st));
	close(fd);
	return ret;
}

/* The descriptors that are open, but for the one that lists them. */
static int do_fds(char **w)
{
	char list[200] = "";
	size_t used = 0;

	(void)w;
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%d", used ? "," : "",
						 fd);
	detail("%s", list);
	return 0;
}

const struct operation fd_operations[] = {
	{"ftruncate-fd", 1, do_ftruncate_fd},
	{"fchmod-fd", 1, do_fchmod_fd},
	{"fchown-fd", 1, do_fchown_fd},
	{"fstat-fd", 1, do_fstat_fd},
	{"hold", 2, do_hold},
	{"close", 1, do_close},
	{"reopen", 1, do_reopen},
	{"reopen-fd", 1, do_reopen_fd},
	{"nameless", 1, do_nameless},
	{"fds", 0, do_fds},
	{0},
};
