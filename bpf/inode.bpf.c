// SPDX-License-Identifier: GPL-2.0-only
/* Operations for which the kernel gives a dentry and no mount: symbolic links, times, extended attributes. */
#include "file.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define ATTR_SIZE  (1u << 3)
#define ATTR_ATIME (1u << 4)
#define ATTR_MTIME (1u << 5)

struct iattr {
	unsigned int ia_valid;
} __ksym_core;

/*
 * Overlayfs reaches into its layers with credentials that are not the task's own, after it was asked under
 * the name that the file has there. Workers of io_uring wear those of the time of submission
 * (io_issue_sqe()), which is a choice of the task's.
 */
static __always_inline int is_borrowed(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	return BPF_CORE_READ(task, cred) != BPF_CORE_READ(task, real_cred);
}

/* `n`: which of the hook's arguments the dentry is; a function of its own takes it as a number only. */
#define CHECK_DENTRY(n, op)                                                                                  \
	return !caller_tag() || is_borrowed() ? 0 : verdict_errno(dentry_check(hook_arg(ctx, n), BIT(op)))

SEC("lsm/inode_readlink")
int BPF_PROG(inode_readlink, struct dentry *dentry)
{
	CHECK_DENTRY(0, OP_METADATA);
}

/*
 * Times only: modes, owners and sizes have hooks with a path, and what the kernel does in passing (to drop
 * set-id bits on write) sets no times. Its last two arguments are the same on all kernels: 6.1 has no idmap.
 */
SEC("lsm/inode_setattr")
int inode_setattr(unsigned long long *ctx)
{
	__u64 count = bpf_get_func_arg_cnt(ctx), attr;
	unsigned int valid = 0;

	if (!caller_tag())
		return 0;
	attr = hook_arg(ctx, count - 1);
	READ_AT(&valid, struct iattr, attr, ia_valid);
	if (!(valid & (ATTR_ATIME | ATTR_MTIME)) || valid & ATTR_SIZE)
		return 0;
	CHECK_DENTRY(count - 2, OP_WRITE);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(inode_setxattr, void *idmap, struct dentry *dentry)
{
	CHECK_DENTRY(1, OP_WRITE);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(inode_removexattr, void *idmap, struct dentry *dentry)
{
	CHECK_DENTRY(1, OP_WRITE);
}

SEC("lsm/inode_getxattr")
int BPF_PROG(inode_getxattr, struct dentry *dentry)
{
	CHECK_DENTRY(0, OP_METADATA);
}

SEC("lsm/inode_listxattr")
int BPF_PROG(inode_listxattr, struct dentry *dentry)
{
	CHECK_DENTRY(0, OP_METADATA);
}

/* Access control lists are extended attributes before 6.2 (72b3897e7ad6). */
SEC("?lsm/inode_set_acl")
int BPF_PROG(inode_set_acl, void *idmap, struct dentry *dentry)
{
	CHECK_DENTRY(1, OP_WRITE);
}

SEC("?lsm/inode_remove_acl")
int BPF_PROG(inode_remove_acl, void *idmap, struct dentry *dentry)
{
	CHECK_DENTRY(1, OP_WRITE);
}

SEC("?lsm/inode_get_acl")
int BPF_PROG(inode_get_acl, void *idmap, struct dentry *dentry)
{
	CHECK_DENTRY(1, OP_METADATA);
}

/* chattr(1) by path or descriptor since 6.17; by ioctl() only before (descriptor.bpf.c). */
SEC("?lsm/inode_file_setattr")
int BPF_PROG(inode_file_setattr, struct dentry *dentry)
{
	CHECK_DENTRY(0, OP_WRITE);
}

SEC("?lsm/inode_file_getattr")
int BPF_PROG(inode_file_getattr, struct dentry *dentry)
{
	CHECK_DENTRY(0, OP_METADATA);
}

static __always_inline int is_mqueue(const struct dentry *dentry)
{
	return dentry->d_sb->s_magic == MQUEUE_MAGIC;
}

/* mq_open(2) and mq_unlink(2) pass none of the hooks with a path; see file_open() for queues that exist. */
SEC("lsm/inode_create")
int BPF_PROG(inode_create, struct inode *dir, struct dentry *dentry)
{
	if (!is_mqueue(dentry))
		return 0;
	CHECK_DENTRY(1, OP_CREATE);
}

SEC("lsm/inode_unlink")
int BPF_PROG(inode_unlink, struct inode *dir, struct dentry *dentry)
{
	if (!is_mqueue(dentry))
		return 0;
	CHECK_DENTRY(1, OP_DELETE);
}
