// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that are the kernel's controls: who writes to them changes the host, and with it what any rule is
 * worth (core_pattern, modprobe's path, sysrq, a cgroup's release_agent, raw memory and disks). No rule opens
 * them, not even one for all paths.
 */
#include "file.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* A file system all of whose files are controls; what can be seen there is for rules to say. */
static __always_inline int magic_is_control(unsigned long magic)
{
	switch (magic) {
	case 0x62656572: /* sysfs */
	case 0x27e0eb:	 /* cgroup */
	case 0x63677270: /* cgroup2 */
	case 0x73636673: /* securityfs */
	case 0x62656570: /* configfs: devices, iSCSI targets */
	case 0xde5e81e4: /* efivarfs */
	case 0x6165676c: /* pstore */
	case 0x42494e4d: /* binfmt_misc */
	case 0x65735543: /* fusectl: ends others' file systems */
	case 0x7655821:	 /* resctrl */
	case 0xabba1974: /* xenfs */
	case 0xf97cff8c: /* selinuxfs */
	case 0x43415d53: /* smackfs */
	case 0x6e667364: /* nfsd */
	case 0x67596969: /* rpc_pipefs */
		return 1;
	}
	return magic_is_secret(magic);
}

/* In proc a process has files of its own; all others are the host's. */
static __always_inline int is_own_process(__u64 inode)
{
	struct pid *pid = 0;
	struct hlist_node *first;
	struct tag *tag = caller_tag(), *other;

	READ_AT(&pid, struct proc_inode, inode - OFFSET(struct proc_inode, vfs_inode), pid);
	first = pid ? BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first) : 0;
	if (!first || !tag)
		return 0;
	other = tag_of((__u64)first - OFFSET(struct task_struct, pid_links[PIDTYPE_PID]));
	/* Of several grants it is nobody's: there is no stack to ask which (task_within()). */
	return other && !(other->flags & TAG_SPLIT) &&
	       grant_within(other->slot, other->gen, tag->slot, tag->gen);
}

/* See file.h. */
int dentry_is_control(__u64 dentry)
{
	unsigned long magic = 0;
	__u64 sb = 0, inode = 0;

	READ_AT(&sb, struct dentry, dentry, d_sb);
	READ_AT(&magic, struct super_block, sb, s_magic);
	if (magic != PROC_SUPER_MAGIC)
		return magic_is_control(magic);
	READ_AT(&inode, struct dentry, dentry, d_inode);
	return !inode || !is_own_process(inode);
}

/* Whose a major number is: fs/char_dev.c, as /proc/devices shows it. */
#define CHRDEV_BUCKETS 255 /* CHRDEV_MAJOR_HASH_SIZE */
#define CHRDEV_STEPS   32

extern const void chrdevs __ksym __weak;

struct char_device_struct {
	struct char_device_struct *next;
	unsigned int major;
	char name[64];
} __ksym_core;

struct device_name {
	char text[16];
} __attribute__((aligned(8)));

static __always_inline int name_is_raw(const struct device_name *n)
{
	static const struct device_name raw[] = {{"bsg"}, {"nvme"}, {"nvme-generic"}, {"dax"}};

	for (int i = 0; i < 4; i++)
		if (!__builtin_memcmp(n->text, raw[i].text, sizeof(n->text)))
			return 1;
	return 0;
}

/*
 * Disks' and memory's other devices get a number when they come: SCSI and NVMe commands, memory that is
 * addressed as such. What is not found to its end may be one.
 */
__noinline int chrdev_is_raw(__u32 major)
{
	struct device_name name = {};
	__u64 at = 0;
	__u32 has = 0;

	if (!&chrdevs || bpf_probe_read_kernel(&at, sizeof(at), &chrdevs + 8 * (major % CHRDEV_BUCKETS)))
		return 0;
	for (int i = 0; i < CHRDEV_STEPS && at; i++) {
		READ_AT(&has, struct char_device_struct, at, major);
		if (has == major) {
			bpf_core_read(&name, sizeof(name), &((struct char_device_struct *)at)->name);
			return name_is_raw(&name);
		}
		READ_AT(&at, struct char_device_struct, at, next);
	}
	return !!at;
}

#define MKDEV(major, minor) ((major) << 20 | (minor))

/* Devices that are memory or disks, or type for the user, whatever name they go by. */
static __always_inline int device_is_raw(unsigned int mode, unsigned int dev)
{
	if ((mode & S_IFMT) == S_IFBLK)
		return 1;
	if ((mode & S_IFMT) != S_IFCHR)
		return 0;
	switch (dev) {
	case MKDEV(1, 1):    /* mem */
	case MKDEV(1, 2):    /* kmem */
	case MKDEV(1, 4):    /* port */
	case MKDEV(10, 223): /* uinput */
	case MKDEV(10, 239): /* uhid */
	case MKDEV(10, 231): /* snapshot: the image to wake up from */
		return 1;
	}
	switch (dev >> 20) {
	case 21:  /* SCSI commands */
	case 90:  /* flash memory (mtd) */
	case 189: /* what is plugged in, past its driver (usbfs): disks and keyboards */
	case 202: /* processor registers (msr) */
		return 1;
	}
	return chrdev_is_raw(dev >> 20);
}

static __always_inline int is_guarded(struct inode *inode)
{
	return device_is_raw(inode->i_mode, inode->i_rdev) || magic_is_secret(inode->i_sb->s_magic);
}

SEC("lsm/file_open")
int BPF_PROG(control_open, struct file *file)
{
	struct tag *tag = caller_tag();
	struct object object;

	if (!tag || !is_guarded(file->f_inode))
		return 0;
	object_set(&object, tag, file->f_path.dentry, file->f_path.mnt);
	return verdict_errno(file_check(&object, WHY_GUARDED, held_ops(file) ?: BIT(OP_METADATA)));
}
