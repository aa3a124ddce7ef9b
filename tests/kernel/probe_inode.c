/* SPDX-License-Identifier: Apache-2.0 */
/* Operations for which the kernel asks by inode or name only: links, times, attributes, watches, queues. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "probe.h"

#define ACL "system.posix_acl_access"

/* Entries for owner, group and others, as linux/posix_acl_xattr.h has them. */
static const struct {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[3];
} acl = {2, {{0x01, 6, ~0u}, {0x04, 4, ~0u}, {0x20, 4, ~0u}}};

static int do_readlink(char **w)
{
	char to[4096];

	return done(readlink(w[1], to, sizeof(to)));
}

static const struct timespec long_ago[2] = {{1, 0}, {1, 0}};

static int do_utimes(char **w)
{
	return done(utimensat(AT_FDCWD, w[1], long_ago, 0));
}

static int do_lutimes(char **w)
{
	return done(utimensat(AT_FDCWD, w[1], long_ago, AT_SYMLINK_NOFOLLOW));
}

static int do_touch(char **w)
{
	return done(utimensat(AT_FDCWD, w[1], NULL, 0));
}

static int do_futimes(char **w)
{
	return done(futimens(atoi(w[1]), long_ago));
}

static int do_setxattr(char **w)
{
	return done(setxattr(w[1], "user.kt", "x", 1, 0));
}

static int do_fsetxattr(char **w)
{
	return done(fsetxattr(atoi(w[1]), "user.kt", "x", 1, 0));
}

/* What is not there may be asked for as well. */
static int asked(long ret)
{
	return ret < 0 && errno != ENODATA ? -errno : 0;
}

static int do_getxattr(char **w)
{
	char value[16];

	return asked(getxattr(w[1], "user.kt", value, sizeof(value)));
}

static int do_listxattr(char **w)
{
	char names[512];

	return done(listxattr(w[1], names, sizeof(names)));
}

static int do_removexattr(char **w)
{
	return asked(removexattr(w[1], "user.kt"));
}

static int do_setacl(char **w)
{
	return done(setxattr(w[1], ACL, &acl, sizeof(acl), 0));
}

static int do_getacl(char **w)
{
	char value[64];

	return asked(getxattr(w[1], ACL, value, sizeof(value)));
}

static int do_removeacl(char **w)
{
	return asked(removexattr(w[1], ACL));
}

/* flock PATH ex|sh: by a descriptor for reading. */
static int do_flock(char **w)
{
	int ret, fd = open(w[1], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = done(flock(fd, (w[2][0] == 'e' ? LOCK_EX : LOCK_SH) | LOCK_NB));
	close(fd);
	return ret;
}

static int do_inotify(char **w)
{
	int ret, fd = inotify_init1(IN_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = done(inotify_add_watch(fd, w[1], IN_ALL_EVENTS));
	close(fd);
	return ret;
}

/* As anybody may since 5.13: events name inodes by handle. */
static int do_fanotify(char **w)
{
	int ret, fd = fanotify_init(FAN_CLOEXEC | FAN_REPORT_FID, O_RDONLY);

	if (fd < 0)
		return -errno;
	ret = done(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_MODIFY, AT_FDCWD, w[1]));
	close(fd);
	return ret;
}

/* openat2 PATH RESOLVE: read, with RESOLVE_* in hexadecimal. */
static int do_openat2(char **w)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = strtoull(w[2], NULL, 16)};

	return done_fd((int)syscall(SYS_openat2, AT_FDCWD, w[1], &how, sizeof(how)));
}

/* By a handle instead of a path: CAP_DAC_READ_SEARCH. */
static int do_open_handle(char **w)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int id, ret, at = open("/", O_PATH | O_CLOEXEC);

	if (name_to_handle_at(AT_FDCWD, w[1], &h.handle, &id, 0)) {
		ret = -errno;
		close(at);
		return ret;
	}
	close(at);
	at = open(w[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = at < 0 ? -errno : done_fd(open_by_handle_at(at, &h.handle, O_RDONLY | O_CLOEXEC));
	close(at);
	return ret;
}

static int do_whiteout(char **w)
{
	return done(syscall(SYS_renameat2, AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_WHITEOUT));
}

const struct operation inode_operations[] = {
	{"readlink", 1, do_readlink},
	{"utimes", 1, do_utimes},
	{"lutimes", 1, do_lutimes},
	{"touch", 1, do_touch},
	{"futimes-fd", 1, do_futimes},
	{"setxattr", 1, do_setxattr},
	{"fsetxattr-fd", 1, do_fsetxattr},
	{"getxattr", 1, do_getxattr},
	{"listxattr", 1, do_listxattr},
	{"removexattr", 1, do_removexattr},
	{"setacl", 1, do_setacl},
	{"getacl", 1, do_getacl},
	{"removeacl", 1, do_removeacl},
	{"flock", 2, do_flock},
	{"inotify", 1, do_inotify},
	{"fanotify", 1, do_fanotify},
	{"openat2", 2, do_openat2},
	{"open-handle", 2, do_open_handle},
	{"rename-whiteout", 2, do_whiteout},
	{0},
};
