/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io_uring rings: what is submitted to one is done by whoever submits, or by a thread of whoever made it
 * (IORING_SETUP_SQPOLL), which carries no tag when its maker carries none.
 */
#ifndef DEPUTY_RING_H
#define DEPUTY_RING_H

#include "anon.h"

#define ANON_INODE_FS_MAGIC 0x09041934
#define TABLE_WORDS	    (1u << 23) /* of 64 descriptors; BPF_MAX_LOOPS, and more than nr_open can be */

/* By the name that the kernel gives it, which a file in a place may have too. */
static __always_inline int dentry_is_ring(__u64 dentry)
{
	__u64 name[2] = {}, at = 0, sb = 0;
	unsigned long magic = 0;
	__u32 len = 0;

	READ_AT(&len, struct dentry, dentry, d_name.len);
	READ_AT(&at, struct dentry, dentry, d_name.name);
	READ_AT(&sb, struct dentry, dentry, d_sb);
	READ_AT(&magic, struct super_block, sb, s_magic);
	if (magic != ANON_INODE_FS_MAGIC || len != 10 || bpf_probe_read_kernel(name, 10, (void *)at))
		return 0;
	return name[0] == 0x6e6972755f6f695bull && name[1] == 0x5d67; /* "[io_uring]" */
}

static __always_inline int file_is_ring(__u64 file)
{
	__u64 dentry = 0;

	READ_AT(&dentry, struct file, file, f_path.dentry);
	return dentry_is_ring(dentry);
}

#define OPENS_RING  1u
#define OPENS_QUEUE 2u /* of POSIX messages: mapping.bpf.c */

struct ring_search {
	__u64 files; /* struct file *[] */
	__u64 words; /* which of them are open */
	__u64 word;
	__u32 base;
	__u32 found; /* OPENS_*; the search ends with a ring */
};

static __always_inline int file_is_on_mqueue(__u64 file)
{
	__u64 dentry = 0, sb = 0;
	unsigned long magic = 0;

	READ_AT(&dentry, struct file, file, f_path.dentry);
	READ_AT(&sb, struct dentry, dentry, d_sb);
	READ_AT(&magic, struct super_block, sb, s_magic);
	return magic == MQUEUE_MAGIC;
}

static long ring_search_fd(__u32 i, struct ring_search *s)
{
	__u64 file = 0;

	if (!(s->word >> (i & 63) & 1))
		return 0;
	if (bpf_probe_read_kernel(&file, sizeof(file), (void *)(s->files + (s->base + (__u64)i) * 8)) ||
	    (file && file_is_ring(file)))
		s->found |= OPENS_RING; /* what cannot be read may be one */
	else if (file && file_is_on_mqueue(file))
		s->found |= OPENS_QUEUE;
	return s->found & OPENS_RING;
}

static long ring_search_word(__u32 i, struct ring_search *s)
{
	s->base = i * 64;
	if (bpf_probe_read_kernel(&s->word, sizeof(s->word), (void *)(s->words + (__u64)i * 8)))
		s->found |= OPENS_RING;
	else if (s->word)
		bpf_loop(64, ring_search_fd, s, 0);
	return s->found & OPENS_RING;
}

/* OPENS_*: what of the kind the task has open. */
static __always_inline __u32 task_opens(const struct task_struct *task)
{
	const struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct ring_search s = {
		.files = (__u64)BPF_CORE_READ(fdt, fd),
		.words = (__u64)BPF_CORE_READ(fdt, open_fds),
	};
	__u32 words = BPF_CORE_READ(fdt, max_fds) / 64;

	if (words > TABLE_WORDS || bpf_loop(words, ring_search_word, &s, 0) < 0)
		return OPENS_RING;
	return s.found;
}

struct io_uring_task {
	struct file *registered_rings[16]; /* IO_RINGFD_REG_MAX; since 5.18 (e7a6c00dc77a) */
} __ksym_core;

struct task_struct___uring {
	struct io_uring_task *io_uring;
} __ksym_core;

/* Whether the task has put a ring where no descriptor is needed to use it (IORING_REGISTER_RING_FDS). */
static __always_inline int task_registers_ring(const void *task)
{
	const struct task_struct___uring *t = task;
	const struct io_uring_task *uring;
	__u64 rings[16] = {}, any = 0;

	if (!bpf_core_field_exists(t->io_uring))
		return 0;
	uring = BPF_CORE_READ(t, io_uring);
	if (!uring || !bpf_core_field_exists(uring->registered_rings))
		return !!uring; /* a kernel that keeps them elsewhere: any use of a ring may have left one */
	if (bpf_core_read(&rings, sizeof(rings), &uring->registered_rings))
		return 1;
	for (int i = 0; i < 16; i++)
		any |= rings[i];
	return any != 0;
}

/* Whether workers may be there that do the task's work: they are born with its tag, and keep it. */
static __always_inline int task_used_ring(const void *task)
{
	const struct task_struct___uring *t = task;

	return bpf_core_field_exists(t->io_uring) && BPF_CORE_READ(t, io_uring);
}

#endif
