/* SPDX-License-Identifier: GPL-2.0-only */
/* The mounts of a file system. 7.x chains them (mnt_next_for_sb); before, s_mounts was a list like others. */
#ifndef DEPUTY_ALIAS_H
#define DEPUTY_ALIAS_H

#include "kernel.h"

struct list_head {
	struct list_head *next;
} __ksym_core;

struct super_block___list {
	struct list_head s_mounts;
} __ksym_core;

struct mount___list {
	struct list_head mnt_instance;
} __ksym_core;

struct super_block___chain {
	struct mount *s_mounts;
} __ksym_core;

struct mount___chain {
	struct mount *mnt_next_for_sb;
} __ksym_core;

struct fs_struct {
	struct path root;
	struct path pwd;
} __ksym_core;

struct task_struct___fs {
	struct fs_struct *fs;
} __ksym_core;

/* A walk along them. */
struct aliases {
	__u64 sb;
	__u64 ns;   /* the caller's mount namespace */
	__u64 next; /* mount or list node to look at, 0: none are left */
	__u64 mnt;  /* found */
	__u32 step;
	int counter; /* of moves of mounts, as it was at the beginning */
};

static __always_inline int mounts_are_chained(void)
{
	return bpf_core_field_exists(((struct mount___chain *)0)->mnt_next_for_sb);
}

static __always_inline __u64 mounts_first(__u64 sb)
{
	__u64 first = 0;

	if (mounts_are_chained())
		READ_AT(&first, struct super_block___chain, sb, s_mounts);
	else
		READ_AT(&first, struct super_block___list, sb, s_mounts.next);
	return first;
}

/* The mount at `next`, which moves on; 0 at the end. */
static __always_inline __u64 mounts_take(__u64 sb, __u64 *next)
{
	__u64 mount = *next;

	if (mounts_are_chained()) {
		READ_AT(next, struct mount___chain, mount, mnt_next_for_sb);
		return mount;
	}
	if (mount == sb + OFFSET(struct super_block___list, s_mounts))
		return 0;
	READ_AT(next, struct list_head, mount, next);
	return mount - OFFSET(struct mount___list, mnt_instance);
}

#endif
