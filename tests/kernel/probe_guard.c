/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to change what paths mean, or to act through or upon another process; and io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static int do_bpf(char **w)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	(void)w;
	return done_fd((int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static int do_mount(char **w)
{
	return done(mount("tmpfs", w[1], "tmpfs", 0, NULL));
}

static int do_bind_mount(char **w)
{
	return done(mount(w[1], w[2], NULL, MS_BIND, NULL));
}

static int do_umount(char **w)
{
	return done(umount2(w[1], MNT_DETACH));
}

static int do_clone_mount(char **w)
{
	int ret, tree = (int)syscall(SYS_open_tree, AT_FDCWD, w[1], 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);

	if (tree < 0)
		return -errno;
	ret = done(syscall(SYS_move_mount, tree, "", AT_FDCWD, w[2], 4 /* MOVE_MOUNT_F_EMPTY_PATH */));
	close(tree);
	return ret;
}

static int do_ptrace(char **w)
{
	pid_t pid = atoi(w[1]);

	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		return -errno;
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, NULL, __WALL);
	return done(ptrace(PTRACE_DETACH, pid, 0, 0));
}

/* Once the file is there. It answers by itself, and ends: only a run of its own asks for this. */
static int do_traceme(char **w)
{
	while (access(w[1], F_OK))
		usleep(20000);
	return done(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

static int do_kill(char **w)
{
	return done(kill(atoi(w[1]), atoi(w[2])));
}

static int do_tgkill(char **w)
{
	return done(syscall(SYS_tgkill, atoi(w[1]), atoi(w[1]), atoi(w[2])));
}

static int do_pidfd_kill(char **w)
{
	int ret, fd = (int)syscall(SYS_pidfd_open, atoi(w[1]), 0);

	if (fd < 0)
		return -errno;
	ret = done(syscall(SYS_pidfd_send_signal, fd, atoi(w[2]), NULL, 0));
	close(fd);
	return ret;
}

/* A pipe's "there is data" can be any signal to anybody. 0 when sent: whether it came, its target knows. */
static int do_sigio(char **w)
{
	int ends[2], ret;

	if (pipe(ends))
		return -errno;
	ret = done(fcntl(ends[0], F_SETOWN, atoi(w[1])));
	if (!ret && (fcntl(ends[0], F_SETSIG, atoi(w[2])) || fcntl(ends[0], F_SETFL, O_ASYNC) ||
		     write(ends[1], "x", 1) != 1))
		ret = -errno;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static int do_kill_child(char **w)
{
	int status;
	pid_t pid = fork();

	(void)w;
	if (!pid)
		for (;;)
			pause();
	if (pid < 0 || kill(pid, SIGTERM) || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFSIGNALED(status) ? 0 : -EINTR;
}

static int do_ptrace_child(char **w)
{
	char pid_text[16], *words[] = {"ptrace", pid_text, NULL};
	pid_t pid = fork();
	int ret;

	(void)w;
	if (!pid)
		for (;;)
			pause();
	if (pid < 0)
		return -errno;
	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	ret = do_ptrace(words);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ret;
}

/* Writes nowhere: the kernel looks at who may before it looks at where. */
static int do_vm_writev(char **w)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {(void *)16, 1};
	ssize_t n = process_vm_writev(atoi(w[1]), &here, 1, &there, 1, 0);

	return n < 0 && errno == EFAULT ? 0 : done(n);
}

static int do_pidfd_getfd(char **w)
{
	int ret, fd = (int)syscall(SYS_pidfd_open, atoi(w[1]), 0);

	if (fd < 0)
		return -errno;
	ret = done_fd((int)syscall(SYS_pidfd_getfd, fd, 0, 0));
	close(fd);
	return ret;
}

static int do_unshare(char **w)
{
	return done(syscall(SYS_unshare, strtol(w[1], NULL, 16)));
}

static int do_chroot(char **w)
{
	return done(chroot(w[1]));
}

/* ---- io_uring by hand: one entry, to be carried out by a kernel worker ---- */

struct rings {
	struct io_uring_params p;
	int fd;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
};

static int rings_open(struct rings *r)
{
	memset(r, 0, sizeof(*r));
	r->fd = (int)syscall(SYS_io_uring_setup, 1, &r->p);
	if (r->fd < 0)
		return -errno;
	r->sq = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || (void *)r->sqe == MAP_FAILED ? -errno : 0;
}

static int rings_submit(struct rings *r)
{
	struct io_uring_cqe *cqes = (void *)(r->cq + r->p.cq_off.cqes);
	uint32_t *tail = (void *)(r->sq + r->p.sq_off.tail), *array = (void *)(r->sq + r->p.sq_off.array);

	array[0] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -errno;
	return __atomic_load_n(&cqes[0].res, __ATOMIC_ACQUIRE);
}

static int do_uring_read(char **w)
{
	struct rings r;
	int ret = rings_open(&r);

	if (!ret) {
		*r.sqe = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
					       .flags = IOSQE_ASYNC,
					       .fd = AT_FDCWD,
					       .addr = (uintptr_t)w[1],
					       .open_flags = O_RDONLY | O_CLOEXEC};
		ret = rings_submit(&r);
	}
	if (r.fd >= 0)
		close(r.fd);
	return ret < 0 ? ret : done_fd(ret);
}

const struct operation guard_operations[] = {
	{"bpf", 0, do_bpf},
	{"mount", 1, do_mount},
	{"bind-mount", 2, do_bind_mount},
	{"clone-mount", 2, do_clone_mount},
	{"umount", 1, do_umount},
	{"ptrace", 1, do_ptrace},
	{"ptrace-child", 0, do_ptrace_child},
	{"traceme", 1, do_traceme},
	{"kill", 2, do_kill},
	{"tgkill", 2, do_tgkill},
	{"pidfd-kill", 2, do_pidfd_kill},
	{"sigio", 2, do_sigio},
	{"kill-child", 0, do_kill_child},
	{"vm-writev", 1, do_vm_writev},
	{"pidfd-getfd", 1, do_pidfd_getfd},
	{"unshare", 1, do_unshare},
	{"chroot", 1, do_chroot},
	{"uring-read", 1, do_uring_read},
	{0},
};
