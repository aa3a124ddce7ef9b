/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hooks on files, inodes and descriptors share. */
#ifndef DEPUTY_FILE_H
#define DEPUTY_FILE_H

#include "anon.h"
#include "emit.h"

#define BIT(op) (1u << (op))

/* `why`: what object_resolve() said. 0, or -errno with the refusal reported (file.bpf.c). */
extern int file_check(struct object *o, __u32 why, __u32 ops);

/* The same for an object of which only the dentry is known (alias.bpf.c). */
extern int dentry_check(__u64 dentry, __u32 ops);
extern int object_place(struct object *o);

/* Whether writing, making or removing it is to operate the kernel (control.bpf.c). */
extern int dentry_is_control(__u64 dentry);

#define WRITES (BIT(OP_WRITE) | BIT(OP_CREATE) | BIT(OP_DELETE))

/* What is seen in these is of all tasks, or a way into the kernel: tracefs, debugfs, pinned BPF objects. */
static __always_inline int magic_is_secret(unsigned long magic)
{
	return magic == 0x74726163 || magic == 0x64626720 || magic == 0xcafe4a11;
}

static __always_inline int object_check(struct object *o, __u32 ops)
{
	return file_check(o, object_resolve(o), ops);
}

/*
 * Untagged callers stop here. The object is resolved from here and not in file_check(), because all frames of
 * a program share 512 bytes. No hook takes the verdict of the programs before it: the trampoline stops at the
 * first refusal (BPF_TRAMP_MODIFY_RETURN, ae24082331d9), and its position changes when a hook gains
 * arguments.
 */
#define CHECK(dentry, mnt, ops)                                                                              \
	do {                                                                                                 \
		struct tag *tag = caller_tag();                                                              \
		struct object object;                                                                        \
		if (!tag)                                                                                    \
			return 0;                                                                            \
		object_set(&object, tag, dentry, mnt);                                                       \
		return verdict_errno(object_check(&object, ops));                                            \
	} while (0)

/*
 * The same of what may be held open: mq_open(2) opens on a mount that is nobody's, and a queue's path is that
 * of /dev/mqueue, if it is mounted.
 */
#define CHECK_HELD(dentry, mnt, ops)                                                                         \
	do {                                                                                                 \
		struct tag *tag = caller_tag();                                                              \
		struct object object;                                                                        \
		if (!tag)                                                                                    \
			return 0;                                                                            \
		object_set(&object, tag, dentry, mnt);                                                       \
		if ((dentry)->d_sb->s_magic == MQUEUE_MAGIC)                                                 \
			object_place(&object);                                                               \
		return verdict_errno(object_check(&object, ops));                                            \
	} while (0)

/* What a descriptor is open for; nothing for O_PATH, and for access mode 3, which is for ioctl only. */
static __always_inline __u32 held_ops(const struct file *file)
{
	__u32 mode = file->f_mode, ops = 0;

	if (mode & FMODE_WRITE)
		ops |= BIT(OP_WRITE);
	if (mode & FMODE_READ)
		ops |= (file->f_inode->i_mode & S_IFMT) == S_IFDIR ? BIT(OP_LIST) : BIT(OP_READ);
	return ops;
}

#endif
