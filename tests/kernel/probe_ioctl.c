/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on what is open, as ioctl(2) has them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static int do_sti(int fd)
{
	char c = 'x';

	return done(ioctl(fd, TIOCSTI, &c));
}

static int do_setd(int fd)
{
	int discipline = 0;

	return done(ioctl(fd, TIOCSETD, &discipline));
}

static int do_linux(int fd)
{
	char sub = 3; /* TIOCL_PASTESEL */

	return done(ioctl(fd, TIOCLINUX, &sub));
}

static int do_cons(int fd)
{
	return done(ioctl(fd, TIOCCONS));
}

static int do_winsize(int fd)
{
	struct winsize size;

	return done(ioctl(fd, TIOCGWINSZ, &size));
}

static int do_flags(int fd)
{
	int flags;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) ? -errno : done(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int do_getflags(int fd)
{
	int flags;

	return done(ioctl(fd, FS_IOC_GETFLAGS, &flags));
}

static int do_xflags(int fd)
{
	struct fsxattr x;

	return ioctl(fd, FS_IOC_FSGETXATTR, &x) ? -errno : done(ioctl(fd, FS_IOC_FSSETXATTR, &x));
}

static int do_setversion(int fd)
{
	int version = 7;

	return done(ioctl(fd, FS_IOC_SETVERSION, &version));
}

static int do_subvolume(int fd)
{
	return done(ioctl(fd, 0x5000940e, NULL)); /* BTRFS_IOC_SUBVOL_CREATE */
}

/* As a program of 32 bits would call it. */
static int do_sti_compat(int fd)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int status;
	pid_t pid;

	if (low == MAP_FAILED)
		return -errno;
	pid = fork();
	if (!pid) {
		long ret = 54; /* ioctl */

		__asm__ volatile("int $0x80"
				 : "+a"(ret)
				 : "b"((long)fd), "c"((long)TIOCSTI), "d"((long)(intptr_t)low)
				 : "memory", "r8", "r9", "r10", "r11");
		_exit((int)-ret);
	}
	waitpid(pid, &status, 0);
	munmap(low, 4096);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOSYS;
}

static const struct {
	const char *name;
	int (*run)(int fd);
} commands[] = {
	{"sti", do_sti},
	{"setd", do_setd},
	{"linux", do_linux},
	{"cons", do_cons},
	{"winsize", do_winsize},
	{"setflags", do_flags},
	{"getflags", do_getflags},
	{"setxflags", do_xflags},
	{"setversion", do_setversion},
	{"subvolume", do_subvolume},
	{"sti-compat", do_sti_compat},
};

static int command_run(const char *name, int fd)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(fd);
	return -ENOSYS;
}

static int do_ioctl_fd(char **w)
{
	return command_run(w[1], atoi(w[2]));
}

/* ioctl COMMAND PATH: on what is open for reading. */
static int do_ioctl(char **w)
{
	int ret, fd = open(w[2], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = command_run(w[1], fd);
	close(fd);
	return ret;
}

/* owner NUMBER PID SIGNAL: a socket's "there is data" as any signal to anybody. 0 when sent. */
static int do_owner(char **w)
{
	int ends[2], pid = atoi(w[2]), ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	ret = done(ioctl(ends[0], strtoul(w[1], NULL, 16), &pid));
	if (!ret && (fcntl(ends[0], F_SETSIG, atoi(w[3])) || fcntl(ends[0], F_SETFL, O_ASYNC) ||
		     write(ends[1], "x", 1) != 1))
		ret = -errno;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* own PID: fcntl(F_SETOWN). */
static int do_own(char **w)
{
	int ends[2], ret;

	if (pipe(ends))
		return -errno;
	ret = done(fcntl(ends[0], F_SETOWN, atoi(w[1])));
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static int do_own_self(char **w)
{
	char pid[16], *words[] = {w[0], pid, NULL};

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return do_own(words);
}

const struct operation ioctl_operations[] = {
	{"ioctl-fd", 2, do_ioctl_fd}, {"ioctl", 2, do_ioctl},	    {"owner", 3, do_owner},
	{"own", 1, do_own},	      {"own-self", 0, do_own_self}, {0},
};
