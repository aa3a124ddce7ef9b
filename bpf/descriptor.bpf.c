// SPDX-License-Identifier: GPL-2.0-only
/* What is done with a file that is open, and how descriptors come in from others. */
#include "file.h"
#include "ring.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define IOC_TYPE(cmd) ((cmd) >> 8 & 0xff)
#define IOC_NR(cmd)   ((cmd) & 0xff)
#define BTRFS_TYPE    0x94
#define BCACHEFS_TYPE 0xbc

/* Refuses what no rule can grant, by the object's name. */
#define NEVER(dentry, mnt, op)                                                                               \
	do {                                                                                                 \
		struct tag *tag = caller_tag();                                                              \
		struct object object;                                                                        \
		if (!tag)                                                                                    \
			return 0;                                                                            \
		object_set(&object, tag, dentry, mnt);                                                       \
		return verdict_errno(file_check(&object, WHY_GUARDED, BIT(op)));                             \
	} while (0)

enum command { COMMAND_FREE, COMMAND_WRITES, COMMAND_NEVER, COMMAND_OWNER };

/* As for fcntl(F_SETOWN) (guard.bpf.c). */
extern int guard_refuse(__u32 op, __u32 detail);

/* Since 6.17 (inode_file_setattr) the kernel asks about these by dentry: once is enough. */
extern const void bpf_lsm_inode_file_setattr __ksym __weak;

/*
 * Commands that change a file's attributes by a descriptor that need not be open for writing. Cloning and
 * deduplicating move data between descriptors that were opened for it.
 */
static __always_inline enum command command_on_file(__u32 cmd)
{
	switch (cmd) {
	case 0x40086602: /* FS_IOC_SETFLAGS */
	case 0x40046602: /* FS_IOC32_SETFLAGS */
	case 0x401c5820: /* FS_IOC_FSSETXATTR */
		return &bpf_lsm_inode_file_setattr ? COMMAND_FREE : COMMAND_WRITES;
	case 0x40087602: /* FS_IOC_SETVERSION */
	case 0x40047602: /* FS_IOC32_SETVERSION */
	case 0x40086604: /* EXT4_IOC_SETVERSION */
	case 0x40086606: /* EXT4_IOC_SETRSVSZ */
	case 0x6609:	 /* EXT4_IOC_MIGRATE */
	case 0x660c:	 /* EXT4_IOC_ALLOC_DA_BLKS */
	case 0x800c6613: /* FS_IOC_SET_ENCRYPTION_POLICY */
	case 0x40806685: /* FS_IOC_ENABLE_VERITY */
	case 0x40047211: /* FAT_IOCTL_SET_ATTRIBUTES */
		return COMMAND_WRITES;
	}
	return COMMAND_FREE;
}

/*
 * Subvolumes and snapshots are made and removed by name in a directory that is open for reading, unseen by
 * the hooks for mkdir(2): a snapshot would show a tree under names that no rule knows.
 */
static __always_inline int makes_subvolume(__u32 cmd)
{
	switch (IOC_NR(cmd)) {
	case 1:	 /* SNAP_CREATE */
	case 14: /* SUBVOL_CREATE */
	case 15: /* SNAP_DESTROY */
	case 23: /* SNAP_CREATE_V2 */
	case 24: /* SUBVOL_CREATE_V2 */
	case 26: /* SUBVOL_SETFLAGS */
	case 63: /* SNAP_DESTROY_V2 */
		return IOC_TYPE(cmd) == BTRFS_TYPE;
	case 16: /* BCH_IOCTL_SUBVOLUME_CREATE */
	case 17: /* BCH_IOCTL_SUBVOLUME_DESTROY */
		return IOC_TYPE(cmd) == BCACHEFS_TYPE;
	}
	return 0;
}

static __always_inline enum command command_of(__u32 cmd)
{
	switch (cmd) {
	case 0x5412:	 /* TIOCSTI: types for whoever reads the terminal next */
	case 0x541c:	 /* TIOCLINUX: pastes the console's selection */
	case 0x541d:	 /* TIOCCONS: takes the console's output */
	case 0x5423:	 /* TIOCSETD: another line discipline, a driver of its own */
	case 0xc0406618: /* FS_IOC_REMOVE_ENCRYPTION_KEY: locks a whole file system's directories */
	case 0xc0406619: /* FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS */
		return COMMAND_NEVER;
	case 0x8901: /* FIOSETOWN: whom a socket's signals go to, where fcntl(2)'s hook is not asked */
	case 0x8902: /* SIOCSPGRP: the same. The pid is in memory that could change after a look at it */
		return COMMAND_OWNER;
	}
	return makes_subvolume(cmd) ? COMMAND_NEVER : command_on_file(cmd);
}

#define CHECK_COMMAND(file, cmd)                                                                             \
	do {                                                                                                 \
		enum command command = command_of(cmd);                                                      \
		if (command == COMMAND_FREE)                                                                 \
			return 0;                                                                            \
		if (command == COMMAND_OWNER)                                                                \
			return !caller_tag() ? 0 : verdict_errno(guard_refuse(GUARD_SIGNAL_OWNER, 0));       \
		if (command == COMMAND_NEVER)                                                                \
			NEVER(file->f_path.dentry, file->f_path.mnt, OP_WRITE);                              \
		CHECK(file->f_path.dentry, file->f_path.mnt, BIT(OP_WRITE));                                 \
	} while (0)

SEC("lsm/file_ioctl")
int BPF_PROG(file_ioctl, struct file *file, unsigned int cmd)
{
	CHECK_COMMAND(file, cmd);
}

SEC("?lsm/file_ioctl_compat")
int BPF_PROG(file_ioctl_compat, struct file *file, unsigned int cmd)
{
	CHECK_COMMAND(file, cmd);
}

/* As CHECK_HELD(). A function of its own, so that its object takes the place of the other on the stack. */
static __always_inline int receive_check(struct file *file, const struct tag *tag, __u32 ops)
{
	struct object object;
	int ret;

	object_set(&object, tag, file->f_path.dentry, file->f_path.mnt);
	if (file->f_path.dentry->d_sb->s_magic == MQUEUE_MAGIC)
		object_place(&object);
	ret = object_check(&object, ops);
	if (!ret)
		queue_mark(&object);
	return ret;
}

/* By SCM_RIGHTS, pidfd_getfd(2) or seccomp's notifier: what it is open for has to be granted by its path. */
SEC("lsm/file_receive")
int BPF_PROG(file_receive, struct file *file)
{
	__u32 ops = held_ops(file);
	struct tag *tag = caller_tag();

	if (!ops || !tag)
		return 0;
	if (dentry_is_ring((__u64)file->f_path.dentry))
		NEVER(file->f_path.dentry, file->f_path.mnt, OP_READ);
	return verdict_errno(receive_check(file, tag, ops));
}

/* inotify, fanotify and F_NOTIFY tell of names in a directory and of reads and writes of a file. */
SEC("lsm/path_notify")
int BPF_PROG(path_notify, const struct path *path, __u64 mask, unsigned int type)
{
	__u32 op = (path->dentry->d_inode->i_mode & S_IFMT) == S_IFDIR ? OP_LIST : OP_READ;

	if (type) /* of a whole mount or file system */
		NEVER(path->dentry, path->mnt, OP_LIST);
	CHECK(path->dentry, path->mnt, BIT(op));
}

#define F_WRLCK 1

/* An exclusive flock() or lease keeps writers out: by a descriptor for reading it takes the right to write.
 */
SEC("lsm/file_lock")
int BPF_PROG(file_lock, struct file *file, unsigned int type)
{
	if (type != F_WRLCK || file->f_mode & FMODE_WRITE)
		return 0;
	CHECK_HELD(file->f_path.dentry, file->f_path.mnt, BIT(OP_WRITE));
}
