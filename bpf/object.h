/* SPDX-License-Identifier: GPL-2.0-only */
/* The object of an operation, and the state of the caller's table that its path leads to. */
#ifndef DEPUTY_OBJECT_H
#define DEPUTY_OBJECT_H

#include "table.h"
#include "ward.h"

/* States that no table has. */
#define PLACE_ANON 0xffffffffu /* a pipe or memfd: the kernel's own, on no mount of anybody's */
#define PLACE_INNER                                                                                          \
	0xfffffffeu /* a layer below an overlay, which was asked already under the name it has there */

/* One object as a hook saw it. Addresses are plain numbers: bpf_probe_read_kernel() reads behind them. */
struct object {
	__u64 dentry;
	__u64 mnt;
	__u64 name; /* of the last component, and the directory it is in */
	__u64 dir_ino;
	__u32 dir_generation; /* 0: not to be cached */
	__u32 gen;
	__u32 state;	/* out of object_resolve() */
	__u32 patience; /* object.bpf.c's own */
	__u16 name_len;
	__u16 slot;
	__u16 leaf; /* what no policy can grant: on an inode of its own */
	__u16 dirs; /* and by the directories above it; out of object_resolve() */
};
_Static_assert(SLOTS_MAX <= 1u << 16, "slots fit"); /* each byte is one of every hook's stack */
_Static_assert(sizeof(struct object) == 56, "on 6.1 path_rename() has no room for more");

/*
 * Whether an inode's number and generation name one inode of the file system for ever. Not so on btrfs and
 * bcachefs, where a snapshot has both of its origin, on the same super block and mount; nor where a server or
 * several layers give the numbers. What is not known to be exact is not cached.
 */
static __always_inline int magic_is_exact(unsigned long magic)
{
	return magic == 0xef53 /* ext4 */ || magic == 0x58465342 /* xfs */ ||
	       magic == 0x01021994 /* tmpfs */ || magic == 0xf2f52010 /* f2fs */;
}

/* Where it is, without asking whether it is warded: for who asks of nothing but the path. */
static __always_inline void object_name(struct object *o, struct dentry *dentry, struct vfsmount *mnt)
{
	struct inode *dir = dentry->d_parent->d_inode;

	o->dentry = (__u64)dentry;
	o->mnt = (__u64)mnt;
	o->name = (__u64)dentry->d_name.name;
	o->name_len = dentry->d_name.len > NAME_BYTES ? 0 : dentry->d_name.len; /* none has 0, or so many */
	o->dir_ino = dir->i_ino;
	o->dir_generation =
		dentry == mnt->mnt_root || !magic_is_exact(dentry->d_sb->s_magic) ? 0 : dir->i_generation;
	o->state = 0;
	o->leaf = 0;
	o->dirs = 0;
	o->patience = 0;
}

/* On to another place, for the same caller. */
static __always_inline void object_move(struct object *o, struct dentry *dentry, struct vfsmount *mnt)
{
	struct inode *inode = dentry->d_inode;

	object_name(o, dentry, mnt);
	if (inode) /* where the verifier drops the test, NULL reads as zeros, which are nobody's */
		o->leaf = ward_leaf(inode->i_ino, WARD_PLACE(dentry->d_sb->s_dev, inode->i_generation));
}

static __always_inline void object_own(struct object *o, const struct tag *tag)
{
	o->slot = tag->slot;
	o->gen = tag->gen;
}

static __always_inline void object_set(struct object *o, const struct tag *tag, struct dentry *dentry,
				       struct vfsmount *mnt)
{
	object_own(o, tag);
	object_move(o, dentry, mnt);
}

/* What no policy can grant on it: a ward of its own decides before those above. */
static __always_inline __u32 object_ward(const struct object *o)
{
	return o->leaf & WARD_OWN ? o->leaf : o->leaf | o->dirs;
}

/* The same from addresses, which the verifier knows only as numbers. */
static __always_inline void object_at(struct object *o, const struct tag *tag, __u64 dentry, __u64 mnt)
{
	__u64 parent = 0, dir = 0, root = 0, inode = 0, ino = 0, sb = 0;
	__u32 dev = 0, generation = 0, len = 0;
	unsigned long magic = 0;

	__builtin_memset(o, 0, sizeof(*o));
	o->dentry = dentry;
	o->mnt = mnt;
	o->slot = tag->slot;
	o->gen = tag->gen;

	READ_AT(&parent, struct dentry, dentry, d_parent);
	READ_AT(&dir, struct dentry, parent, d_inode);
	READ_AT(&root, struct vfsmount, mnt, mnt_root);
	READ_AT(&o->name, struct dentry, dentry, d_name.name);
	READ_AT(&len, struct dentry, dentry, d_name.len);
	o->name_len = len > NAME_BYTES ? 0 : len; /* no component has 0, or so many */
	READ_AT(&o->dir_ino, struct inode, dir, i_ino);
	READ_AT(&sb, struct dentry, dentry, d_sb);
	READ_AT(&magic, struct super_block, sb, s_magic);
	if (dentry != root && magic_is_exact(magic))
		READ_AT(&o->dir_generation, struct inode, dir, i_generation);

	READ_AT(&inode, struct dentry, dentry, d_inode);
	READ_AT(&ino, struct inode, inode, i_ino);
	READ_AT(&generation, struct inode, inode, i_generation);
	READ_AT(&dev, struct super_block, sb, s_dev);
	o->leaf = ward_leaf(ino, WARD_PLACE(dev, generation));
}

/* The kernel's counter of mounts made and removed (object.bpf.c). */
extern int mounts_counter(void);

/* WHY_RULE and o->state, or the reason for which the object has no state (object.bpf.c). */
extern int object_resolve(struct object *o);

/* The same once, or WHY_BUSY when something moved meanwhile. */
extern int object_try(struct object *o);

#define PATIENCE (1u << 22) /* looks at odd counters: some milliseconds, after which the answer is no */
#define TRIES	 256

/* object_resolve() without its frame, for who has none of the kernel's 8 to spare. */
static __always_inline int object_retry(struct object *o)
{
	int why = WHY_BUSY;

	if (o)
		o->patience = PATIENCE;
	for (int i = 0; i < TRIES && o && why == WHY_BUSY; i++)
		why = object_try(o);
	return why;
}

#endif
