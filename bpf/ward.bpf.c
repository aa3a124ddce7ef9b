// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wards: files, directories and processes of Deputy's own, which no policy can grant.
 *
 * A ward is an inode and not a path, so a hard link, a bind mount or the layer below an overlay are the same
 * ward. Its number alone is not enough, because numbers are used again: the generation tells them apart where
 * the file system has one, and the warden takes back what the daemon before it said and it does not.
 *
 * What is beneath a warded directory is found by going up to the root of its file system, and not only to
 * that of the mount, which may be a directory below the ward; then on from where the mount is. The nearest
 * decides.
 */
#include "object.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define STEPS	(4 * PATH_STEPS)
#define ALIASES 16				    /* names of one file that are looked at */
#define WAY	(1u << OP_CREATE | 1u << OP_DELETE) /* what would move a directory away from above a ward */

struct climb {
	__u64 dentry;
	__u64 mnt;
	__u64 root; /* of the file system */
	__u32 dev;
	__u32 proc; /* it is proc */
	__u32 mask; /* found, with WARD_OWN */
	__u32 top;  /* reached */
};

static __always_inline const struct ward *ward_find(__u64 ino, __u64 place)
{
	struct ward_key key = {ino, place >> 32, (__u32)place};

	return bpf_map_lookup_elem(&wards, &key);
}

int ward_leaf(__u64 ino, __u64 place)
{
	const struct ward *w = ino ? ward_find(ino, place) : 0;

	if (!w)
		return 0;
	return (w->ward ? w->self | WARD_OWN : 0) | (w->way ? WAY : 0);
}

/* What is beneath a directory; WARD_OWN when it is one of Deputy's. */
__noinline int ward_tree(__u64 ino, __u64 place)
{
	const struct ward *w = ino ? ward_find(ino, place) : 0;

	return w && w->ward && w->tree ? w->tree | WARD_OWN : 0;
}

/* The file system that the climb has come to. */
static __always_inline void climb_enter(struct climb *c)
{
	unsigned long magic = 0;
	__u64 sb = 0;

	READ_AT(&sb, struct dentry, c->dentry, d_sb);
	READ_AT(&c->root, struct super_block, sb, s_root);
	READ_AT(&c->dev, struct super_block, sb, s_dev);
	READ_AT(&magic, struct super_block, sb, s_magic);
	c->proc = magic == PROC_SUPER_MAGIC;
}

/* Whether the process that a directory of proc shows, or the thread, runs a program of Deputy's own. */
__noinline int ward_process(__u64 inode)
{
	__u64 first = 0, file = 0, exe = 0, ino = 0, sb = 0;
	__u32 dev = 0, generation = 0;
	struct task_struct___mm *task;
	struct pid *pid = 0;

	READ_AT(&pid, struct proc_inode, inode - OFFSET(struct proc_inode, vfs_inode), pid);
	if (!inode || !pid)
		return 0;
	first = (__u64)BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
	if (!first)
		return 0;
	task = (void *)(first - OFFSET(struct task_struct, pid_links[PIDTYPE_PID]));
	file = (__u64)BPF_CORE_READ(task, mm, exe_file);
	READ_AT(&exe, struct file, file, f_inode);
	READ_AT(&ino, struct inode, exe, i_ino);
	READ_AT(&generation, struct inode, exe, i_generation);
	READ_AT(&sb, struct inode, exe, i_sb);
	READ_AT(&dev, struct super_block, sb, s_dev);
	return ward_leaf(ino, WARD_PLACE(dev, generation)) & WARD_PROGRAM;
}

static __always_inline __u32 climb_look(const struct climb *c)
{
	__u64 inode = 0, ino = 0;
	__u32 generation = 0;

	READ_AT(&inode, struct dentry, c->dentry, d_inode);
	READ_AT(&ino, struct inode, inode, i_ino);
	READ_AT(&generation, struct inode, inode, i_generation);
	return ward_tree(ino, WARD_PLACE(c->dev, generation));
}

/* From the root of a file system to where it is mounted; 1 when there is nothing above. */
static __always_inline long climb_cross(struct climb *c)
{
	__u64 mount = c->mnt - OFFSET(struct mount, mnt), parent = 0;

	READ_AT(&parent, struct mount, mount, mnt_parent);
	if (!parent || parent == mount) {
		c->top = 1;
		return 1;
	}
	READ_AT(&c->dentry, struct mount, mount, mnt_mountpoint);
	c->mnt = parent + OFFSET(struct mount, mnt);
	climb_enter(c);
	c->mask = climb_look(c);
	return !!c->mask;
}

static long climb_step(__u32 i, struct climb *c)
{
	__u64 parent = 0, inode = 0;

	READ_AT(&parent, struct dentry, c->dentry, d_parent);
	if (!parent || parent == c->dentry)
		return climb_cross(c);
	if (c->proc && parent == c->root) {
		READ_AT(&inode, struct dentry, c->dentry, d_inode);
		if (ward_process(inode)) {
			c->mask = WARD_ALL | WARD_LINK | WARD_OWN;
			return 1;
		}
	}
	c->dentry = parent;
	c->mask = climb_look(c);
	return !!c->mask;
}

struct inode___aliases {
	struct hlist_head i_dentry;
} __ksym_core;

struct dentry___aliases {
	union {
		struct hlist_node d_alias;
	} d_u;
} __ksym_core;

/* What is warded beneath the directories above a dentry, in its own file system alone. */
__noinline int ward_above(__u64 dentry)
{
	struct climb c = {.dentry = dentry};

	climb_enter(&c);
	bpf_loop(STEPS, climb_step, &c, 0);
	return c.mask ?: c.top ? 0 : WARD_ALL | WARD_OWN;
}

/* By any of the names that the kernel has at hand: the one that it was reached by is among them. */
int ward_inode(__u64 inode)
{
	__u64 sb = 0, ino = 0, node = 0;
	__u32 dev = 0, generation = 0;
	int mask;

	READ_AT(&sb, struct inode, inode, i_sb);
	READ_AT(&dev, struct super_block, sb, s_dev);
	READ_AT(&ino, struct inode, inode, i_ino);
	READ_AT(&generation, struct inode, inode, i_generation);
	mask = ward_leaf(ino, WARD_PLACE(dev, generation));
	if (mask & WARD_OWN || !bpf_core_field_exists(((struct dentry___aliases *)0)->d_u.d_alias))
		return mask; /* kernels without the field have no such files any more */
	READ_AT(&node, struct inode___aliases, inode, i_dentry.first);
	for (int i = 0; i < ALIASES && node && !(mask & WARD_OWN); i++) {
		mask |= ward_above(node - OFFSET(struct dentry___aliases, d_u.d_alias));
		READ_AT(&node, struct hlist_node, node, next);
	}
	return mask;
}

/* Not having come to the top is as being warded: nothing is known of what is above. */
int ward_dirs(struct object *o)
{
	struct climb c = {};

	if (!o)
		return -1;
	c.dentry = o->dentry;
	c.mnt = o->mnt;
	climb_enter(&c);
	bpf_loop(STEPS, climb_step, &c, 0);
	o->dirs = c.mask & ~WARD_OWN;
	return c.mask || c.top ? 0 : -1;
}

/* ---- the warden's side ---- */

struct raise {
	struct climb climb;
	__u32 start;
	int err;
};

static __always_inline int ward_write(const struct climb *c, __u32 start, __u32 masks, int is_way)
{
	struct ward_key key = {.dev = c->dev};
	struct ward new = {}, *old;
	__u64 inode = 0;

	READ_AT(&inode, struct dentry, c->dentry, d_inode);
	READ_AT(&key.ino, struct inode, inode, i_ino);
	READ_AT(&key.generation, struct inode, inode, i_generation);
	old = bpf_map_lookup_elem(&wards, &key);
	if (old)
		new = *old;
	if (is_way) {
		new.way = start;
	} else {
		new.ward = start;
		new.self = masks;
		new.tree = masks >> 16;
	}
	return bpf_map_update_elem(&wards, &key, &new, BPF_ANY);
}

/* Every directory above, by its place in its file system and by the place of its mount. */
static long raise_step(__u32 i, struct raise *r)
{
	__u64 parent = 0;

	READ_AT(&parent, struct dentry, r->climb.dentry, d_parent);
	if (!parent || parent == r->climb.dentry)
		climb_cross(&r->climb);
	else
		r->climb.dentry = parent;
	if (r->climb.top)
		return 1;
	r->err = ward_write(&r->climb, r->start, 0, 1);
	return !!r->err;
}

int ward_raise(__u64 dentry, __u64 mnt, __u32 start, __u32 masks)
{
	struct raise r = {.climb = {.dentry = dentry, .mnt = mnt}, .start = start};

	climb_enter(&r.climb);
	r.err = ward_write(&r.climb, start, masks, 0);
	if (!r.err)
		bpf_loop(STEPS, raise_step, &r, 0);
	return r.err ?: r.climb.top ? 0 : -ELOOP;
}
