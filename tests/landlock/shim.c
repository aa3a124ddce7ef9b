/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock's three system calls over Deputy. Rulesets live in memory that all processes of a test share;
 * their descriptors are epoll's, for which read(2) and write(2) are EINVAL too, and of which the one thing
 * watched gives the ruleset's number, whoever the descriptor was passed to. Wrong arguments are answered in
 * the order of security/landlock/syscalls.c.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ruleset.h"

#define ABI	     6
#define LAYERS_MAX   16
#define RULESETS_MAX 4096

#define ERRATA_FLAG (1u << 1) /* LANDLOCK_CREATE_RULESET_ERRATA */
#define FS_ALL	    ((LANDLOCK_ACCESS_FS_IOCTL_DEV << 1) - 1)
#define FS_FILE                                                                                              \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |         \
	 LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)
#define NET_ALL	  (LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP)
#define SCOPE_ALL (LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL)

int proc_fd, daemon_fd;

static int always_ready; /* what rulesets' descriptors watch */
static int layers;	 /* of this process and, by fork(), of those before it */

static struct shared {
	unsigned int count;
	struct ruleset rulesets[RULESETS_MAX];
} *shared;

static int fd_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 900);

	close(fd);
	return high;
}

__attribute__((constructor)) static void shim_start(void)
{
	const char *folder = getenv("SHIM_DAEMON");

	proc_fd = fd_high(open("/proc", O_PATH | O_DIRECTORY));
	daemon_fd = fd_high(open(folder ? folder : "/run/deputy", O_PATH | O_DIRECTORY));
	always_ready = fd_high(eventfd(1, 0));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (proc_fd >= 0 && daemon_fd >= 0 && always_ready >= 0 && shared != MAP_FAILED)
		return;
	perror("shim: no daemon in SHIM_DAEMON");
	exit(1);
}

void shim_note(const char *reason, const char *text)
{
	dprintf(STDERR_FILENO, "# shim: %s: %s\n", reason, text);
}

static int fail(int err)
{
	errno = err;
	return -1;
}

/* ---- rulesets ---- */

static int ruleset_open(__u64 fs, __u64 net)
{
	unsigned int number = __atomic_fetch_add(&shared->count, 1, __ATOMIC_RELAXED);
	struct epoll_event ready = {.events = EPOLLIN, .data.u64 = number};
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (number >= RULESETS_MAX)
		return fail(ENOMEM);
	if (fd < 0)
		return -1;
	if (epoll_ctl(fd, EPOLL_CTL_ADD, always_ready, &ready)) {
		close(fd);
		return -1;
	}
	shared->rulesets[number].fs = fs;
	shared->rulesets[number].net = net;
	return fd;
}

/* NULL with EBADF, or EBADFD for a descriptor of something else. */
static struct ruleset *ruleset_of(int fd)
{
	struct epoll_event ready = {0};

	if (epoll_wait(fd, &ready, 1, 0) == 1 && ready.data.u64 < RULESETS_MAX)
		return &shared->rulesets[ready.data.u64];
	errno = errno == EBADF ? EBADF : EBADFD;
	return NULL;
}

/* copy_struct_from_user(): what this kernel does not know must be zero. */
static int attr_copy(struct landlock_ruleset_attr *to, const void *from, size_t size)
{
	const char *bytes = from;

	if (!from)
		return fail(EFAULT);
	if (size < sizeof(to->handled_access_fs))
		return fail(EINVAL);
	if (size > (size_t)sysconf(_SC_PAGESIZE))
		return fail(E2BIG);
	for (size_t i = sizeof(*to); i < size; i++)
		if (bytes[i])
			return fail(E2BIG);
	memcpy(to, from, size < sizeof(*to) ? size : sizeof(*to));
	return 0;
}

int(landlock_create_ruleset)(const struct landlock_ruleset_attr *attr, size_t size, __u32 flags)
{
	struct landlock_ruleset_attr a = {0};

	if (flags) {
		if (attr || size || (flags != LANDLOCK_CREATE_RULESET_VERSION && flags != ERRATA_FLAG))
			return fail(EINVAL);
		return flags == LANDLOCK_CREATE_RULESET_VERSION ? ABI : 0;
	}
	if (attr_copy(&a, attr, size))
		return -1;
	if (a.handled_access_fs & ~FS_ALL || a.handled_access_net & ~NET_ALL || a.scoped & ~SCOPE_ALL)
		return fail(EINVAL);
	if (!a.handled_access_fs && !a.handled_access_net && !a.scoped)
		return fail(ENOMSG);
	return ruleset_open(a.handled_access_fs, a.handled_access_net);
}

/* ---- rules ---- */

/* The path by which the caller sees what a descriptor is open on; objects of the kernel's own have none. */
static int rule_path(struct rule *rule, int fd)
{
	char link[64];
	struct statx at;
	ssize_t len;

	snprintf(link, sizeof(link), "self/fd/%d", fd);
	len = readlinkat(proc_fd, link, rule->path, sizeof(rule->path) - 1);
	if (len < 0)
		return fail(EBADF);
	rule->path[len] = '\0';
	if (rule->path[0] != '/' || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &at))
		return fail(EBADFD);
	rule->is_dir = S_ISDIR(at.stx_mode);
	rule->mount = at.stx_mnt_id;
	rule->dev = makedev(at.stx_dev_major, at.stx_dev_minor);
	rule->ino = at.stx_ino;
	return 0;
}

static int beneath_read(const struct ruleset *r, const struct landlock_path_beneath_attr *attr,
			struct rule *rule)
{
	if (!attr)
		return fail(EFAULT);
	rule->access = attr->allowed_access;
	if (!rule->access)
		return fail(ENOMSG);
	if (rule->access & ~r->fs)
		return fail(EINVAL);
	if (rule_path(rule, attr->parent_fd))
		return -1;
	return rule->is_dir || !(rule->access & ~FS_FILE) ? 0 : fail(EINVAL);
}

static int port_read(const struct ruleset *r, const struct landlock_net_port_attr *attr, struct rule *rule)
{
	if (!attr)
		return fail(EFAULT);
	rule->access = attr->allowed_access;
	rule->port = attr->port;
	if (!rule->access)
		return fail(ENOMSG);
	return rule->access & ~r->net || rule->port > UINT16_MAX ? fail(EINVAL) : 0;
}

int(landlock_add_rule)(int ruleset_fd, enum landlock_rule_type type, const void *attr, __u32 flags)
{
	struct rule rule = {.type = type};
	struct ruleset *r;
	int ret;

	if (flags)
		return fail(EINVAL);
	r = ruleset_of(ruleset_fd);
	if (!r)
		return -1;
	if (type == LANDLOCK_RULE_PATH_BENEATH)
		ret = beneath_read(r, attr, &rule);
	else if (type == LANDLOCK_RULE_NET_PORT)
		ret = port_read(r, attr, &rule);
	else
		ret = fail(EINVAL);
	if (ret)
		return -1;
	if (r->count == RULES_MAX)
		return fail(E2BIG);
	r->rules[r->count++] = rule;
	return 0;
}

/* ---- in force ---- */

static bool may_restrict(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return true;
	return !syscall(SYS_capget, &header, data) && data[0].effective & 1u << CAP_SYS_ADMIN;
}

int(landlock_restrict_self)(int ruleset_fd, __u32 flags)
{
	struct ruleset *r;
	char *policy;
	int err;

	if (!may_restrict())
		return fail(EPERM);
	if (flags)
		return fail(EINVAL);
	r = ruleset_of(ruleset_fd);
	if (!r)
		return -1;
	if (layers == LAYERS_MAX)
		return fail(E2BIG);
	policy = ruleset_policy(r);
	if (!policy)
		return fail(ENOMEM);
	err = grant_take(policy);
	free(policy);
	if (err)
		return fail(-err);
	layers++;
	return 0;
}
