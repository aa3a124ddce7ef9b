/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel structures that Deputy reads, reduced to the fields it reads. preserve_access_index makes each
 * access a CO-RE relocation, so offsets come from the running kernel's BTF and one object serves 6.1 to 7.x.
 */
#ifndef DEPUTY_KERNEL_H
#define DEPUTY_KERNEL_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "abi.h"

#define EPERM  1
#define ESRCH  3
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EBUSY  16
#define EEXIST 17
#define EXDEV  18
#define EINVAL 22
#define EMLINK 31
#define ENOSYS 38
#define ELOOP  40
#define EBADFD 77
#define EUSERS 87

#define S_IFMT	0170000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFBLK 0060000

#define FMODE_READ  0x1
#define FMODE_WRITE 0x2
#define O_ACCMODE   03
#define FMODE_EXEC  0x20 /* in f_flags of a file opened to be executed: fs/exec.c, do_open_execat() */

#define PROT_EXEC  0x4
#define MAY_WRITE  0x2
#define VM_EXEC	   0x4
#define PF_EXITING 0x4

#define PF_IO_WORKER   0x10
#define PF_USER_WORKER 0x4000

#define AF_UNSPEC   0
#define AF_UNIX	    1
#define AF_INET	    2
#define AF_INET6    10
#define AF_NETLINK  16
#define SOCK_STREAM 1
#define SOCK_DGRAM  2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

#define PROC_SUPER_MAGIC  0x9fa0
#define DCACHE_OP_COMPARE 2 /* names are compared in the file system's own way */
#define S_CASEFOLD	  (1u << 15)
#define SB_KERNMOUNT	  (1ul << 22)
#define PIDTYPE_PID	  0
#define PIDTYPE_TGID	  1

#define __ksym_core __attribute__((preserve_access_index))

struct super_block {
	unsigned int s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
} __ksym_core;

struct inode {
	unsigned short i_mode;
	unsigned int i_flags;
	unsigned int i_rdev;
	unsigned int i_generation;
	unsigned long i_ino;
	struct super_block *i_sb;
} __ksym_core;

struct qstr {
	__u32 hash;
	__u32 len;
	const unsigned char *name;
} __ksym_core;

struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
} __ksym_core;

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
} __ksym_core;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
} __ksym_core;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} __ksym_core;

struct file {
	unsigned int f_mode;
	unsigned int f_flags;
	struct inode *f_inode;
	struct path f_path;
} __ksym_core;

struct hlist_node {
	struct hlist_node *next;
} __ksym_core;

struct hlist_head {
	struct hlist_node *first;
} __ksym_core;

struct upid {
	int nr;
	struct pid_namespace *ns;
} __ksym_core;

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[]; /* one for each namespace it is in, from the first of all; [1] before 6.5
				  (b69f0aeb0689) */
} __ksym_core;

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
} __ksym_core;

struct kuid {
	__u32 val;
} __ksym_core;

struct user_namespace;

struct kgid {
	__u32 val;
} __ksym_core;

struct cred {
	struct kuid uid;
	struct kuid euid;
	struct kgid egid;
	struct user_namespace *user_ns;
} __ksym_core;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} __ksym_core;

struct signal_struct {
	int nr_threads;
	struct pid *pids[4];
} __ksym_core;

typedef struct {
	int counter;
} atomic_t;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
} __ksym_core;

struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
} __ksym_core;

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	__u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid; /* NULL once the task is unhashed */
	const struct cred *real_cred;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct files_struct *files;
	struct signal_struct *signal;
	struct hlist_node pid_links[4];
} __ksym_core;

struct mm_struct {
	atomic_t mm_users;
	struct file *exe_file;
} __ksym_core;

struct task_struct___mm {
	struct mm_struct *mm;
} __ksym_core;

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
} __ksym_core;

struct in6_addr_words {
	__u64 d[2];
};

struct sock_common {
	unsigned short skc_family;
	__u16 skc_num;
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	volatile unsigned char skc_state;
	struct in6_addr_words skc_v6_daddr;
	struct in6_addr_words skc_v6_rcv_saddr;
} __ksym_core;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	__u16 sk_protocol;
	unsigned char sk_userlocks : 4;
	struct socket *sk_socket;
	struct pid *sk_peer_pid;
} __ksym_core;

struct socket {
	struct sock *sk;
} __ksym_core;

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
} __ksym_core;

struct msghdr {
	void *msg_name;
	int msg_namelen;
	void *msg_control;
	unsigned long msg_controllen;
} __ksym_core;

struct sk_buff {
	unsigned int len;
	unsigned char *data;
} __ksym_core;

struct bpf_iter_meta {
	struct seq_file *seq;
} __ksym_core;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __ksym_core;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} __ksym_core;

/* User API, fixed for ever, so not relocated. */
struct sockaddr_any {
	__u16 family;
	__u16 port; /* network order, in both internet families */
	union {
		__u32 v4;
		struct {
			__u32 flowinfo;
			__u8 v6[16];
		};
	};
};

/* Byte offset of a field in the running kernel. */
#define OFFSET(type, field) __builtin_preserve_field_info(((type *)0)->field, BPF_FIELD_BYTE_OFFSET)

/* Reads a field behind an address that the verifier knows only as a number. Zero when unreadable. */
#define READ_AT(dst, type, at, field)                                                                        \
	({                                                                                                   \
		__u64 at_ = (at); /* outside the relocated expression */                                     \
		bpf_core_read(dst, sizeof(*(dst)), &((const type *)at_)->field);                             \
	})

#endif
