/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls upon the whole machine. Each is made so that it changes nothing when it is let through: what it asks
 * for is void, or what is there already, and the kernel looks at who may before it looks at what.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* What the kernel says to void arguments once it has let the caller pass. */
static int passed(long ret, int err)
{
	return ret < 0 && errno == err ? 0 : done(ret);
}

static int call_kexec_load(void)
{
	return done(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static int call_kexec_file(void)
{
	return passed(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, 0), EBADF);
}

static int call_swapon(void)
{
	return passed(swapon("/no-such-file", 0), ENOENT);
}

static int call_swapoff(void)
{
	return passed(swapoff("/no-such-file"), ENOENT);
}

static int call_init_module(void)
{
	return passed(syscall(SYS_init_module, NULL, 0, ""), ENOEXEC);
}

static int call_finit_module(void)
{
	return passed(syscall(SYS_finit_module, -1, "", 0), EBADF);
}

static int call_delete_module(void)
{
	return passed(syscall(SYS_delete_module, "no_such_module", 0), ENOENT);
}

static int call_userfaultfd(void)
{
	return done_fd((int)syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int call_userfaultfd_own(void)
{
	return done_fd((int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */));
}

/* Of all processes on a CPU. */
static int call_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK};

	return done_fd((int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
}

static int call_acct(void)
{
	return done(acct(NULL));
}

static int call_syslog(void)
{
	char text[64];

	return done(klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof(text)));
}

static int call_sethostname(void)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	return done(sethostname(name, strlen(name)));
}

static int call_setdomainname(void)
{
	char name[65] = "";

	if (getdomainname(name, sizeof(name) - 1))
		return -errno;
	return done(setdomainname(name, strlen(name)));
}

static int call_settimeofday(void)
{
	return done(syscall(SYS_settimeofday, NULL, NULL));
}

static int call_reboot(void)
{
	return passed(syscall(SYS_reboot, 0, 0, 0, NULL), EINVAL);
}

static int in_child(int (*call)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-call());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int ports_some(void)
{
	return done(ioperm(0x80, 1, 1));
}

static int ports_all(void)
{
	return done(iopl(3));
}

static int call_ioperm(void)
{
	return in_child(ports_some);
}

static int call_iopl(void)
{
	return in_child(ports_all);
}

/* The root for itself: whoever may is told that it is busy, or that it cannot be moved. */
static int root_pivot(void)
{
	long ret = syscall(SYS_pivot_root, "/", "/");

	return ret < 0 && (errno == EBUSY || errno == EINVAL) ? 0 : done(ret);
}

static int call_fsopen(void)
{
	return done_fd((int)syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */));
}

static int call_mount_setattr(void)
{
	uint64_t attr[4] = {0};

	return done(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, attr, sizeof(attr)));
}

static const struct {
	const char *name;
	int (*run)(void);
} calls[] = {
	{"kexec_load", call_kexec_load},
	{"kexec_file_load", call_kexec_file},
	{"swapon", call_swapon},
	{"swapoff", call_swapoff},
	{"init_module", call_init_module},
	{"finit_module", call_finit_module},
	{"delete_module", call_delete_module},
	{"userfaultfd", call_userfaultfd},
	{"userfaultfd-own", call_userfaultfd_own},
	{"perf_event_open", call_perf},
	{"acct", call_acct},
	{"syslog", call_syslog},
	{"sethostname", call_sethostname},
	{"setdomainname", call_setdomainname},
	{"settimeofday", call_settimeofday},
	{"reboot", call_reboot},
	{"ioperm", call_ioperm},
	{"iopl", call_iopl},
	{"pivot_root", root_pivot},
	{"fsopen", call_fsopen},
	{"mount_setattr", call_mount_setattr},
};

/* host CALL */
static int do_host(char **w)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, w[1]))
			return calls[i].run();
	return -ENOSYS;
}

/* quota DIR: of the file system that it is on. */
static int do_quota(char **w)
{
	int ret, fd = open(w[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret = passed(syscall(SYS_quotactl_fd, fd, QCMD(Q_QUOTAOFF, USRQUOTA), 0, NULL), ESRCH);
	close(fd);
	return ret;
}

/* Nothing is where it reads from: the kernel looks at who may first. */
static int do_vm_readv(char **w)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)16, 1};

	return passed(process_vm_readv(atoi(w[1]), &here, 1, &there, 1, 0), EFAULT);
}

static int do_kcmp(char **w)
{
	return done(syscall(SYS_kcmp, getpid(), atoi(w[1]), KCMP_VM, 0, 0));
}

static int with_pidfd(char **w, int (*then)(int pidfd))
{
	int ret, fd = (int)syscall(SYS_pidfd_open, atoi(w[1]), 0);

	if (fd < 0)
		return -errno;
	ret = then(fd);
	close(fd);
	return ret;
}

static int pidfd_only(int pidfd)
{
	return pidfd < 0;
}

static int pidfd_join(int pidfd)
{
	return done(setns(pidfd, CLONE_NEWNS | CLONE_NEWUTS));
}

static int pidfd_advise(int pidfd)
{
	struct iovec there = {(void *)4096, 4096};

	return passed(syscall(SYS_process_madvise, pidfd, &there, 1, MADV_COLD, 0), ENOMEM);
}

static int pidfd_reap(int pidfd)
{
	return passed(syscall(SYS_process_mrelease, pidfd, 0), EINVAL);
}

static int do_pidfd_open(char **w)
{
	return with_pidfd(w, pidfd_only);
}

static int do_setns(char **w)
{
	return with_pidfd(w, pidfd_join);
}

static int do_process_madvise(char **w)
{
	return with_pidfd(w, pidfd_advise);
}

static int do_process_mrelease(char **w)
{
	return with_pidfd(w, pidfd_reap);
}

/*
 * What may be read and written is made code by the personality under which all that can be read can be run:
 * as it is mapped, or by remap_file_pages(2) of a mapping from before, which wants it shared and writable.
 */
static int map_readable(const char *path, int remap)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), ret;
	void *at;

	if (fd < 0)
		return -errno;
	if (!remap)
		personality(READ_IMPLIES_EXEC);
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -errno;
	personality(READ_IMPLIES_EXEC);
	ret = remap ? done(remap_file_pages(at, 4096, 0, 1, 0)) : 0;
	munmap(at, 8192);
	return ret;
}

static int readable_in_child(char **w, int remap)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-map_readable(w[1], remap));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int do_map_personality(char **w)
{
	return readable_in_child(w, 0);
}

static int do_remap(char **w)
{
	return readable_in_child(w, 1);
}

const struct operation host_operations[] = {
	{"host", 1, do_host},
	{"quota", 1, do_quota},
	{"vm-readv", 1, do_vm_readv},
	{"kcmp", 1, do_kcmp},
	{"pidfd-open", 1, do_pidfd_open},
	{"setns-pid", 1, do_setns},
	{"process-madvise", 1, do_process_madvise},
	{"process-mrelease", 1, do_process_mrelease},
	{"map-personality", 1, do_map_personality},
	{"map-remap", 1, do_remap},
	{0},
};
