/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on one file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

static int do_read(char **w)
{
	char text[64] = "";
	int fd = open(w[1], O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		detail("%.*s", (int)strcspn(text, "\n"), text);
	return done_fd(fd);
}

static int do_write(char **w)
{
	return done_fd(open(w[1], O_WRONLY | O_CLOEXEC));
}

static int do_readwrite(char **w)
{
	return done_fd(open(w[1], O_RDWR | O_CLOEXEC));
}

static int do_empty(char **w)
{
	return done_fd(open(w[1], O_WRONLY | O_TRUNC | O_CLOEXEC));
}

static int do_create(char **w)
{
	return done_fd(open(w[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

static int do_tmpfile(char **w)
{
	return done_fd(open(w[1], O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644));
}

/* A file without a name gets one: as linkat(2) shows it, for who has no CAP_DAC_READ_SEARCH. */
static int do_tmplink(char **w)
{
	char self[64];
	int ret, fd = open(w[1], O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ret = done(linkat(AT_FDCWD, self, AT_FDCWD, w[2], AT_SYMLINK_FOLLOW));
	close(fd);
	return ret;
}

static int do_mkdir(char **w)
{
	return done(mkdir(w[1], 0755));
}

static int do_mkfifo(char **w)
{
	return done(mknod(w[1], S_IFIFO | 0644, 0));
}

static int do_mkdev(char **w)
{
	return done(mknod(w[1], S_IFCHR | 0600, makedev(1, 3)));
}

static int do_symlink(char **w)
{
	return done(symlink(w[1], w[2]));
}

static int do_unlink(char **w)
{
	return done(unlink(w[1]));
}

static int do_rmdir(char **w)
{
	return done(rmdir(w[1]));
}

static int do_list(char **w)
{
	DIR *dir = opendir(w[1]);
	int entries = 0;

	if (!dir)
		return -errno;
	while (readdir(dir))
		entries++;
	detail("%d", entries);
	closedir(dir);
	return 0;
}

static int do_stat(char **w)
{
	struct stat st;

	return done(stat(w[1], &st));
}

static int do_lstat(char **w)
{
	struct stat st;

	return done(lstat(w[1], &st));
}

static int do_truncate(char **w)
{
	return done(truncate(w[1], 0));
}

static int do_chmod(char **w)
{
	return done(chmod(w[1], 0640));
}

static int do_chown(char **w)
{
	return done(chown(w[1], geteuid(), getegid())); /* what an owner may without capabilities */
}

static int do_chdir(char **w)
{
	return done(chdir(w[1]));
}

static int do_cwd(char **w)
{
	static char path[8192];

	(void)w;
	long len = syscall(SYS_getcwd, path, sizeof(path));

	detail("%ld", len);
	return done(len);
}

/* Many directories in one another, each named words[2]; the working directory ends in the innermost. */
static int do_burrow(char **w)
{
	for (int i = atoi(w[1]); i > 0; i--) {
		if (mkdir(w[2], 0755) && errno != EEXIST)
			return -errno;
		if (chdir(w[2]))
			return -errno;
	}
	return 0;
}

static int do_descend(char **w)
{
	for (int i = atoi(w[1]); i > 0; i--)
		if (chdir(w[2]))
			return -errno;
	return 0;
}

const struct operation file_operations[] = {
	{"read", 1, do_read},	    {"write", 1, do_write},	  {"readwrite", 1, do_readwrite},
	{"empty", 1, do_empty},	    {"create", 1, do_create},	  {"tmpfile", 1, do_tmpfile},
	{"tmplink", 2, do_tmplink}, {"mkdir", 1, do_mkdir},	  {"mkfifo", 1, do_mkfifo},
	{"mkdev", 1, do_mkdev},	    {"symlink", 2, do_symlink},	  {"unlink", 1, do_unlink},
	{"rmdir", 1, do_rmdir},	    {"list", 1, do_list},	  {"stat", 1, do_stat},
	{"lstat", 1, do_lstat},	    {"truncate", 1, do_truncate}, {"chmod", 1, do_chmod},
	{"chown", 1, do_chown},	    {"chdir", 1, do_chdir},	  {"cwd", 0, do_cwd},
	{"burrow", 2, do_burrow},   {"descend", 2, do_descend},	  {0},
};
