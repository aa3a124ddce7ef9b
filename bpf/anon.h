/* SPDX-License-Identifier: GPL-2.0-only */
/* File systems of the kernel's own whose objects are nobody's but the holder's. */
#ifndef DEPUTY_ANON_H
#define DEPUTY_ANON_H

#include "kernel.h"

#define MQUEUE_MAGIC 0x19800202

/*
 * Named one by one: what is not here has no path and is refused. Left out on purpose are message queues,
 * which have a path in /dev/mqueue, and namespaces (nsfs).
 */
static __always_inline int magic_is_anon(unsigned long magic)
{
	switch (magic) {
	case 0x50495045: /* pipefs */
	case 0x534f434b: /* sockfs */
	case 0x09041934: /* anon_inodefs: eventfd, epoll, io_uring */
	case 0x50494446: /* pidfs, since 6.9; anon_inodefs before */
	case 0x01021994: /* tmpfs: the mount behind memfd_create(2), shmget(2) and shared anonymous memory */
	case 0x958458f6: /* hugetlbfs: the same with huge pages */
	case 0x5345434d: /* memfd_secret(2) */
	case 0x444d4142: /* dma-buf: exported by a device that was opened by its path */
		return 1;
	}
	return 0;
}

/* Only file systems that nobody mounted: any of these may be mounted in a place as well. */
static __always_inline int sb_is_kernels(__u64 sb)
{
	unsigned long flags = 0;

	READ_AT(&flags, struct super_block, sb, s_flags);
	return !!(flags & SB_KERNMOUNT);
}

static __always_inline int sb_is_anon(__u64 sb)
{
	unsigned long magic = 0;

	READ_AT(&magic, struct super_block, sb, s_magic);
	return sb_is_kernels(sb) && magic_is_anon(magic);
}

/* Overlayfs and cachefiles hold clones of mounts that are in no namespace (clone_private_mount()). */
static __always_inline int mount_is_private(__u64 mnt)
{
	__u64 ns = 0, sb = 0;

	READ_AT(&ns, struct mount, mnt - OFFSET(struct mount, mnt), mnt_ns);
	READ_AT(&sb, struct vfsmount, mnt, mnt_sb);
	return ns >= (__u64)-4095 && !sb_is_kernels(sb); /* MNT_NS_INTERNAL is ERR_PTR(-EINVAL) */
}

#endif
