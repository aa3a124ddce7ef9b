// SPDX-License-Identifier: GPL-2.0-only
/* Tags on tasks: inherited at birth, dropped with the task's memory, put on and swept by the warden. */
#include "emit.h"
#include "ring.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct visit visit = {};

static __always_inline void tasks_add(const struct tag *tag, int n)
{
	struct slot *s = slot_get(tag->slot, tag->gen);
	struct control *c = control_get();

	if (s)
		__sync_fetch_and_add(&s->tasks, n);
	if (c)
		__sync_fetch_and_add(&c->tagged, n);
}

/* An entry left by a task_free that could not delete (a busy bucket on 6.1) must not tag the next owner. */
static __always_inline void tag_disarm(__u64 task)
{
	struct tag *stale = bpf_map_lookup_elem(&tags, &task);

	if (stale)
		stale->slot = 0;
}

static __always_inline int tag_put(__u64 task, const struct tag *tag)
{
	struct tag copy = {.slot = tag->slot, .gen = tag->gen, .flags = tag->flags, .whole = tag->whole};

	if (bpf_map_update_elem(&tags, &task, &copy, BPF_ANY))
		return -EAGAIN;
	tasks_add(&copy, 1);
	return 0;
}

static __always_inline void tag_drop(__u64 task, const struct tag *tag)
{
	tag_disarm(task);
	bpf_map_delete_elem(&tags, &task);
	tasks_add(tag, -1);
}

/*
 * While a new build's programs stand beside those of the old one, both come by here: one of them counts. The
 * entry of a task that has gone is empty, so what is found is not stale.
 */
static __always_inline int tag_inherit(__u64 child, const struct tag *tag)
{
	const struct tag *put = tag_of(child);

	return put && put->slot == tag->slot && put->gen == tag->gen ? 0 : tag_put(child, tag);
}

#define CLONE_VM     0x100
#define CLONE_THREAD 0x10000

/*
 * What the child's process will have mapped. A copy of the memory has what is mapped now; memory in common
 * has what either maps later, which mapping.bpf.c can tell of one of them only.
 */
static __always_inline __u32 flags_inherit(unsigned long clone)
{
	struct tag *process = process_tag((void *)bpf_get_current_task());

	if (!process || clone & CLONE_THREAD)
		return 0;
	if (clone & CLONE_VM)
		__sync_fetch_and_or(&process->flags, TAG_LENT);
	return (process->flags & TAG_MAPPED) |
	       (clone & CLONE_VM ? TAG_LENT | (process->flags & TAG_SPLIT) : 0);
}

/* Of a child that has the memory in common, as flags_inherit() says it. */
static __always_inline __u32 whole_inherit(__u32 flags)
{
	struct tag *process = process_tag((void *)bpf_get_current_task());

	return flags & TAG_SPLIT && process ? process->whole : 0;
}

/* Threads, forks, vforks and io_uring workers are all born here, with `current` the one that asked. */
SEC("lsm/task_alloc")
int BPF_PROG(task_alloc, struct task_struct *child, unsigned long flags)
{
	struct report r = {.type = EV_TASK, .op = TASK_FORK};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	enum reason why;
	struct tag put;

	if (!tag) {
		struct control *c = control_get();

		if (c && c->tagged)
			tag_disarm((__u64)child);
		return 0;
	}
	r.slot = tag->slot;
	r.gen = tag->gen;
	why = caller_live(tag, &s);
	if (why != WHY_RULE)
		return verdict_errno(refuse(&r, s, why, 0));
	put = (struct tag){.slot = tag->slot, .gen = tag->gen, .flags = flags_inherit(flags)};
	put.whole = whole_inherit(put.flags);
	if (tag_inherit((__u64)child, &put))
		return verdict_errno(refuse(&r, s, WHY_LIMIT, 0));
	return 0;
}

#define SIGKILL 9

static __always_inline __u64 memory_of(const struct task_struct *task)
{
	const struct task_struct___mm *memory = (const void *)task;

	return (__u64)BPF_CORE_READ(memory, mm);
}

static __always_inline int is_lent(const struct task_struct *child, const struct task_struct *maker)
{
	__u64 mm = memory_of(child);

	return mm && mm == memory_of(maker) && !same_process(child, maker);
}

/*
 * task_alloc() is asked before the memory is in common (copy_process()), and the visit of a maker that was
 * tagged or narrowed in between found it its own. Here it is in common, and neither has run since.
 */
static __always_inline void born_split(struct tag *process, struct tag *born, const struct tag *tag, int lent)
{
	if ((born->slot != tag->slot || born->gen != tag->gen) && !(process->flags & TAG_SPLIT)) {
		process->whole = born->slot;
		__sync_fetch_and_or(&process->flags, TAG_SPLIT);
	}
	if (!lent)
		return;
	__sync_fetch_and_or(&process->flags, TAG_LENT);
	if (process->flags & TAG_SPLIT && !(born->flags & TAG_SPLIT)) {
		born->whole = process->whole;
		__sync_fetch_and_or(&born->flags, TAG_SPLIT);
	}
	__sync_fetch_and_or(&born->flags, TAG_LENT);
}

/*
 * A task that was being born while its maker was tagged has been past task_alloc by then. It has not run yet.
 * Nothing can be refused here, so where there is no room for its tag its maker dies with it. What another
 * thread mapped meanwhile is in the child's memory too.
 */
SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(task_born, struct task_struct *child)
{
	const struct task_struct *maker = (void *)bpf_get_current_task();
	struct tag *tag = caller_tag(), *process, *born;
	int lent;

	if (!tag)
		return 0;
	born = tag_of((__u64)child);
	if (!born) {
		struct tag put = {.slot = tag->slot, .gen = tag->gen};

		if (tag_put((__u64)child, &put))
			bpf_send_signal(SIGKILL);
		born = tag_of((__u64)child);
	}
	process = process_tag(maker);
	if (!process || !born)
		return 0;
	if (process->flags & TAG_MAPPED)
		__sync_fetch_and_or(&born->flags, TAG_MAPPED);
	lent = is_lent(child, maker);
	if (lent || same_process(child, maker))
		born_split(process, born, tag, lent);
	return 0;
}

SEC("lsm/task_free")
int BPF_PROG(task_free, struct task_struct *task)
{
	struct report r = {.type = EV_TASK, .op = TASK_LAST_EXIT, .action = ACT_ALLOW};
	__u64 key = (__u64)task;
	struct tag *tag = tag_of(key);
	struct slot *s;
	struct tag old;

	if (!tag)
		return 0;
	old = *tag;
	tag->slot = 0;
	bpf_map_delete_elem(&tags, &key);
	tasks_add(&old, -1);
	s = slot_get(old.slot, old.gen);
	if (s && !s->tasks) {
		r.slot = old.slot;
		r.gen = old.gen;
		event_emit(&r, 0);
	}
	return 0;
}

/*
 * From a grant to one that it delegated, in one store: the task may be in a hook meanwhile, and decides by
 * the one or the other, or finds that slot and generation do not belong together and is refused.
 */
static __always_inline int tag_narrow(__u64 task, const struct tag *to)
{
	__u64 whole = (__u64)to->gen << 32 | to->slot;
	struct tag *tag = tag_of(task);
	struct tag from;

	_Static_assert(__builtin_offsetof(struct tag, gen) == 4 && !__builtin_offsetof(struct tag, slot),
		       "one store");
	if (!tag)
		return -ESRCH;
	from = (struct tag){.slot = tag->slot, .gen = tag->gen};
	*(volatile __u64 *)tag = whole;
	tasks_add(to, 1);
	tasks_add(&from, -1);
	return 0;
}

/* Whether the tag may be put on: of a grant that the task's own delegated, or where there is none, on all of
 * it. */
static __always_inline int visit_may(const struct tag *tag)
{
	const struct slot *s = slot_get(visit.slot, visit.gen);

	if (!tag->slot)
		return visit.op == VISIT_TAG;
	return s && s->parent == tag->slot && s->parent_gen == tag->gen;
}

static __always_inline int memory_is_shared(const struct task_struct *task)
{
	const struct task_struct___mm *memory = (const void *)task;

	return BPF_CORE_READ(memory, mm, mm_users.counter) != 1;
}

/*
 * Why no tag can bind the process, or 0: another task does its work untagged. A thread is one, a process that
 * opens descriptors in a table that both have is another, one that runs what is written into the memory of
 * both (CLONE_VM) a third, and the one behind a ring (ring.h) a fourth. Memory is shared for a moment by
 * whoever looks at it, too: the warden asks again. What else it has open is its own business. A thread has
 * memory and descriptors in common with others in any case (SECURITY.md); what is done for it all the same is
 * not to be done with more than it has.
 */
static __always_inline int visit_unfit(struct task_struct *task, const struct tag *old, __u32 *opens)
{
	int thread = visit.op == VISIT_THREAD;
	__u32 flags = BPF_CORE_READ(task, flags);

	visit.threads = BPF_CORE_READ(task, signal, nr_threads);
	if (!thread && visit.threads != 1)
		return -EBUSY;
	if (flags & PF_EXITING)
		return -ESRCH;
	if (!thread && BPF_CORE_READ(task, files, count.counter) != 1)
		return -EMLINK;
	if (!old->slot && memory_is_shared(task))
		return -EUSERS;
	*opens = task_opens(task);
	if (*opens & OPENS_RING || flags & (PF_IO_WORKER | PF_USER_WORKER))
		return -EBADFD;
	return (thread ? task_used_ring(task) : task_registers_ring(task)) ? -EBADFD : 0;
}

/* As queue_mark(), of a queue that was open before the tag. */
static __always_inline void slot_mapped(const struct tag *tag)
{
	struct slot *s = slot_get(tag->slot, tag->gen);

	if (s)
		__sync_fetch_and_or(&s->flags, SLOT_MAPPED);
}

/*
 * Before a part of what shares one memory has less than the rest: nobody gets at that by the part. Memory is
 * shared for a moment by whoever looks at it, too; then this is stricter than it need be.
 */
static __always_inline int visit_split(const struct task_struct *task, const struct tag *old)
{
	struct tag *process = process_tag(task);

	if (!process)
		return -ESRCH;
	if (process->flags & TAG_SPLIT)
		return 0;
	if (visit.op != VISIT_THREAD && !(process->flags & TAG_LENT && memory_is_shared(task)))
		return 0;
	process->whole = old->slot;
	__sync_fetch_and_or(&process->flags, TAG_SPLIT);
	return 0;
}

static __always_inline int visit_narrow(struct task_struct *task, const struct tag *old,
					const struct tag *put)
{
	return visit_split(task, old) ?: tag_narrow((__u64)task, put);
}

/* Puts the tag on, in place of `old` when that has a slot. */
static __always_inline int visit_put(struct task_struct *task, const struct tag *old)
{
	struct tag put = {.slot = visit.slot, .gen = visit.gen};
	__u32 opens = 0;
	int err = visit_unfit(task, old, &opens);

	if (!err)
		err = old->slot ? visit_narrow(task, old, &put) : tag_put((__u64)task, &put);
	if (err)
		return err;
	err = visit_unfit(task, old, &opens);
	if (err && old->slot)
		tag_narrow((__u64)task, old);
	else if (err)
		tag_drop((__u64)task, &put);
	else if (opens & OPENS_QUEUE)
		slot_mapped(&put);
	return err;
}

/* The number that a process has for whoever reads the list; 0 where its PID namespace has none for it. */
static __always_inline __u32 tgid_for_reader(const struct task_struct *task)
{
	const struct task_struct *reader = (void *)bpf_get_current_task();
	const struct pid *own = BPF_CORE_READ(reader, thread_pid);
	__u32 level = BPF_CORE_READ(own, level);
	struct upid mine = pid_number(own, level);
	struct upid its = pid_number(BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]), level);

	return its.ns == mine.ns ? its.nr : 0;
}

/*
 * Of the task behind a connection of the warden's own, found by the struct pid that the kernel noted at
 * connect(2), so a recycled pid cannot stand in for it, reads or puts the tag. Runs under RCU: the task
 * found is freed, and its entry dropped, only after this returns. Nothing makes the task wait for its answer,
 * so it is looked at again with the tag on: what it began before that shows by then, or is tagged by
 * task_born().
 */
static __always_inline void visit_task(struct task_struct *task)
{
	struct tag *tag = tag_of((__u64)task);
	struct tag old = {};

	visit.tgid = tgid_for_reader(task);
	visit.threads = BPF_CORE_READ(task, signal, nr_threads);
	if (tag) {
		old.slot = tag->slot;
		old.gen = tag->gen;
	}
	if (visit.op == VISIT_READ || !visit_may(&old)) {
		visit.slot = old.slot;
		visit.gen = old.gen;
		visit.error = visit.op == VISIT_READ ? 0 : -EEXIST;
		return;
	}
	visit.error = visit_put(task, &old);
}

/* Addresses as numbers, which a function of its own takes. */
static __always_inline int visit_ward(const struct file *file)
{
	__u64 dentry = 0, mnt = 0;

	READ_AT(&dentry, struct file, (__u64)file, f_path.dentry);
	READ_AT(&mnt, struct file, (__u64)file, f_path.mnt);
	return ward_raise(dentry, mnt, visit.ward.ward, (__u32)visit.ward.tree << 16 | visit.ward.self);
}

/*
 * Whether the thread that made a connection is one of the process of that first thread now, for good while
 * this runs: the kernel clears thread_pid before it waits for RCU and frees a task. One that executed
 * meanwhile took over the start of the first.
 */
static __always_inline int connector_lives(const struct connector *by, __u64 leader)
{
	const struct task_struct *task = (void *)by->task;

	return BPF_CORE_READ(task, start_boottime) == by->start && BPF_CORE_READ(task, thread_pid) &&
	       (__u64)BPF_CORE_READ(task, group_leader) == leader && tag_of(by->task);
}

/* The task that made a connection, 0 when it is gone: the first of the process unless another was noted. */
static __always_inline __u64 connector_find(const struct socket *sock)
{
	struct sock *sk = sock->sk;
	const struct connector *by;
	__u64 leader;

	tag_of_pid(BPF_CORE_READ(sock, sk, sk_peer_pid), &leader);
	by = sk ? bpf_sk_storage_get(&connectors, sk, 0, 0) : 0;
	if (!leader || !by)
		return leader;
	return connector_lives(by, leader) ? by->task : 0;
}

SEC("iter/task_file")
int visit_connection(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct socket *sock;
	__u64 task;

	if (!file || ctx->fd != visit.fd || visit.done)
		return 0;
	if (visit.op == VISIT_WARD) {
		visit.done = 1;
		visit.error = visit_ward(file);
		return 0;
	}
	sock = bpf_sock_from_file(file);
	if (!sock)
		return 0;
	visit.done = 1;
	visit.error = -ESRCH;
	task = connector_find(sock);
	if (task)
		visit_task((void *)task);
	return 0;
}

int caller_end(__u32 slot, __u32 gen)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return condemned(task, slot, gen) ? bpf_send_signal(SIGKILL) : 0;
}

/* Lists the processes to be killed, a 32-bit number each. */
SEC("iter/task")
int list_condemned(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct tag *tag;
	__u32 tgid;

	if (!task)
		return 0;
	tag = tag_of((__u64)task);
	if (!tag || task->flags & PF_EXITING || !condemned(task, tag->slot, tag->gen))
		return 0;
	tgid = tgid_for_reader(task);
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}

/*
 * Lists every tagged process likewise. Pinned, and read by daemons of other builds that do not know what this
 * one's maps mean: its form stays as it is.
 */
SEC("iter/task")
int list_tagged(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 tgid;

	if (!task || !tag_of((__u64)task) || task->flags & PF_EXITING)
		return 0;
	tgid = tgid_for_reader(task);
	bpf_seq_write(ctx->meta->seq, &tgid, sizeof(tgid));
	return 0;
}
