// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files mapped shared. No program can take a mapping away, and who has one reads and writes without asking,
 * so where the end of a grant is refusals it kills those who have. What counts is what is mapped until the
 * process executes another program: whether it was unmapped again nobody tells. Memory without a place
 * (memfd, System V) is not looked at, nor is a private mapping, which is a copy, nor a program's or library's
 * file that is mapped to be read: who has a locale has one (gconv-modules.cache).
 */
#include "anon.h"
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define MAP_SHARED 1 /* MAP_SHARED_VALIDATE (3) has this bit too, MAP_PRIVATE (2) has not */

/* Functions of their own to keep what they need off the stack of the walk. */
__noinline int mapping_is_program(__u32 slot, __u32 state)
{
	return state < PLACE_INNER && decide_file(slot, state, OP_EXEC).action == ACT_ALLOW;
}

__noinline int mapping_tell(struct object *o)
{
	struct report r = {.type = EV_TASK, .op = TASK_MAP, .action = ACT_ALLOW};
	struct tag *tag = caller_tag();
	struct slot *s;

	if (!o || !tag)
		return 0;
	s = slot_get(tag->slot, tag->gen);
	if (!s || s->flags & SLOT_KILL)
		return 0;
	r.slot = tag->slot;
	r.gen = tag->gen;
	event_emit(&r, o);
	return 0;
}

/*
 * No hook sees mq_timedsend(2) and mq_timedreceive(2). Whose descriptors lead to the queue is not followed
 * through forks, executing and tables in common: the grant ends by death from the first one on.
 */
int queue_mark(struct object *o)
{
	struct tag *tag = caller_tag();
	struct slot *s = tag ? slot_get(tag->slot, tag->gen) : 0;
	unsigned long magic = 0;
	__u64 sb = 0, parent = 0;

	if (!o || !s)
		return 0;
	READ_AT(&sb, struct dentry, o->dentry, d_sb);
	READ_AT(&parent, struct dentry, o->dentry, d_parent);
	READ_AT(&magic, struct super_block, sb, s_magic);
	if (magic != MQUEUE_MAGIC || parent == o->dentry) /* the only directory there */
		return 0;
	if (!(s->flags & SLOT_MAPPED))
		mapping_tell(o);
	slots_mark(process_tag((void *)bpf_get_current_task()), s);
	return 0;
}

/*
 * Marked before it is asked with whom the memory is shared, as task_alloc and task_born do it the other way
 * round: one of the two sees the other. With one user of the memory that is the caller, and nobody else can
 * come by it meanwhile.
 */
static __always_inline void mapping_mark(struct tag *process, struct slot *s)
{
	struct task_struct___mm *task = (void *)bpf_get_current_task();

	__sync_fetch_and_or(&process->flags, TAG_MAPPED);
	if (process->flags & TAG_LENT && BPF_CORE_READ(task, mm, mm_users.counter) != 1)
		slots_mark(process, s);
}

#define SOCKFS_MAGIC 0x534f434b

/*
 * What is mapped of a socket is the kernel's own memory even where the mapping is private, and of a packet
 * socket's ring (PACKET_RX_RING) packets go on coming in that nobody asks for.
 */
static __always_inline int mapping_counts(const struct file *file, unsigned long flags)
{
	__u64 sb = (__u64)file->f_inode->i_sb;

	if (sb_is_kernels(sb))
		return file->f_inode->i_sb->s_magic == SOCKFS_MAGIC;
	return flags & MAP_SHARED;
}

SEC("lsm/mmap_file")
int BPF_PROG(mapping_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	struct tag *tag, *process;
	struct object object;

	if (!file || !hook_arg(ctx, 0))
		return 0;
	tag = caller_tag();
	if (!tag || !mapping_counts(file, flags))
		return 0;
	process = process_tag((void *)bpf_get_current_task());
	if (!process)
		return -EACCES;
	if ((process->flags & (TAG_MAPPED | TAG_LENT)) == TAG_MAPPED)
		return 0;
	object_set(&object, tag, file->f_path.dentry, file->f_path.mnt);
	if (!(file->f_mode & FMODE_WRITE) && object_resolve(&object) == WHY_RULE &&
	    mapping_is_program(object.slot, object.state))
		return 0;
	if (!(process->flags & TAG_MAPPED))
		mapping_tell(&object);
	mapping_mark(process, slot_get(tag->slot, tag->gen));
	return 0;
}

/* A new program has none of it; the threads of before are gone, and the caller is the first. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(mapping_exec, void *bprm)
{
	struct tag *tag = caller_tag();

	if (tag)
		__sync_lock_test_and_set(&tag->flags, 0);
	return 0;
}
