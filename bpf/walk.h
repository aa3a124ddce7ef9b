/* SPDX-License-Identifier: GPL-2.0-only */
/* From an object up to the root of its mount namespace. */
#ifndef DEPUTY_WALK_H
#define DEPUTY_WALK_H

#include "object.h"

#define CHUNK 4u /* the kernel gives all frames of a program 512 bytes */

enum walk_top { TOP_NONE, TOP_ROOT, TOP_ANON, TOP_LOST };

/*
 * From a leaf towards the root. `chunk` is a ring of the CHUNK components passed last, so after a walk to the
 * root it holds the topmost ones, and a second walk that stops below those holds the next, and so on:
 * components come out root first without room for a whole path.
 */
struct walk {
	__u64 dentry;
	__u64 mnt;
	__u64 ns;    /* the caller's mount namespace */
	__u32 count; /* components passed */
	__u32 stop;  /* where to stop */
	__u32 top;   /* enum walk_top */
	__u32 proc;  /* the leaf is in proc */
	__u64 chunk[CHUNK];
};

/* What a mount is to the caller when there is nothing above it. */
static __always_inline enum walk_top mount_kind(const struct walk *w, __u64 mount)
{
	__u64 ns = 0;

	READ_AT(&ns, struct mount, mount, mnt_ns);
	if (ns && ns == w->ns) /* what was unmounted is in none, nor is a task that has nearly ended */
		return TOP_ROOT;
	return ns >= (__u64)-4095 ? TOP_ANON : TOP_LOST; /* MNT_NS_INTERNAL is ERR_PTR(-EINVAL) */
}

/* A dentry that hangs from nothing: a pipe's or memfd's, or a bind mount's source that was moved away. */
static __always_inline enum walk_top loose_kind(const struct walk *w)
{
	return mount_kind(w, w->mnt - OFFSET(struct mount, mnt)) == TOP_ANON ? TOP_ANON : TOP_LOST;
}

/* From the root of a mount to its mount point; 1 when there is nothing above. */
static __always_inline long walk_cross(struct walk *w)
{
	__u64 mount = w->mnt - OFFSET(struct mount, mnt), parent = 0;

	READ_AT(&parent, struct mount, mount, mnt_parent);
	if (!parent || parent == mount) {
		w->top = mount_kind(w, mount);
		return 1;
	}
	READ_AT(&w->dentry, struct mount, mount, mnt_mountpoint);
	w->mnt = parent + OFFSET(struct mount, mnt);
	return 0;
}

/* Passes one component or crosses one mount; 1 at the end. */
static __always_inline long walk_step(struct walk *w)
{
	__u64 root = 0, parent = 0;

	if (w->count >= w->stop)
		return 1;
	READ_AT(&root, struct vfsmount, w->mnt, mnt_root);
	if (w->dentry == root)
		return walk_cross(w);
	READ_AT(&parent, struct dentry, w->dentry, d_parent);
	if (!parent || parent == w->dentry) {
		w->top = loose_kind(w);
		return 1;
	}
	w->chunk[w->count & (CHUNK - 1)] = w->dentry;
	w->count++;
	w->dentry = parent;
	return 0;
}

/*
 * Sets a loop's counter to a number that the verifier takes for any: it would follow a known one through
 * every round of bpf_loop().
 */
static __always_inline void counter_set(__u32 *counter, __u32 value)
{
	bpf_probe_read_kernel(counter, sizeof(*counter), &value);
}

static __always_inline void walk_prepare(struct walk *w, const struct object *o)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 sb = 0;
	unsigned long magic = 0;

	w->ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	READ_AT(&sb, struct dentry, o->dentry, d_sb);
	READ_AT(&magic, struct super_block, sb, s_magic);
	w->proc = magic == PROC_SUPER_MAGIC;
}

#endif
