/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is calling: the current task's tag, and whether its grant still stands. */
#ifndef DEPUTY_CALLER_H
#define DEPUTY_CALLER_H

#include "maps.h"

static __always_inline struct tag *tag_of(__u64 task)
{
	struct tag *tag = bpf_map_lookup_elem(&tags, &task);

	return tag && tag->slot ? tag : 0;
}

/* The caller's tag or NULL: untagged tasks leave every hook here. */
static __always_inline struct tag *caller_tag(void)
{
	struct control *c = control_get();

	if (!c || !c->tagged)
		return 0;
	return tag_of((__u64)bpf_get_current_task());
}

static __always_inline struct slot *slot_get(__u32 slot, __u32 gen)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot);

	return s && s->gen == gen && slot ? s : 0;
}

/*
 * Whether every grant above is live. Walked only after a revocation moved the epoch; the epoch is read
 * before the walk, so a revocation meanwhile makes the next call walk again. What was seen is the slot's:
 * a tag that is narrowed meanwhile has not seen those above its new one.
 */
static __always_inline enum reason ancestors_live(struct tag *tag, __u32 slot, const struct slot *s)
{
	struct control *c = control_get();
	__u32 up = s->parent, gen = s->parent_gen;
	__u64 seen;

	if (!c)
		return WHY_STALE;
	seen = *(volatile __u64 *)&c->epoch << 16 | slot;
	if (tag->seen == seen)
		return WHY_RULE;
	for (__u32 i = 0; i < CHAIN_MAX && up; i++) {
		const struct slot *p = slot_get(up, gen);

		if (!p)
			return WHY_STALE;
		if (p->state != SLOT_LIVE)
			return WHY_REVOKED;
		up = p->parent;
		gen = p->parent_gen;
	}
	if (up)
		return WHY_STALE;
	tag->seen = seen;
	return WHY_RULE;
}

/*
 * Whether a grant's time is over. Whoever finds it so first writes 0, in exchange for the very expiry that he
 * found over; the warden renews by exchanging the expiry that it found not to be over. One of the two comes
 * about, so where a grant was refused anything for its age, no renewal that was under way revives it, however
 * long the warden was held up between its look at the clock and its write. Where the renewal came first, its
 * expiry holds.
 */
static __always_inline int slot_over(struct slot *s)
{
	__u64 end = *(volatile __u64 *)&s->expires;

	if (bpf_ktime_get_boot_ns() < end)
		return 0;
	if (!end || __sync_val_compare_and_swap(&s->expires, end, 0) == end)
		return 1;
	return bpf_ktime_get_boot_ns() >= *(volatile __u64 *)&s->expires;
}

/* WHY_RULE and the slot when the grant stands: its table decides. Any other reason refuses. */
static __always_inline enum reason caller_live(struct tag *tag, struct slot **slot)
{
	__u32 at = *(volatile __u32 *)&tag->slot;
	struct slot *s = slot_get(at, tag->gen);

	*slot = s;
	if (!s)
		return WHY_STALE;
	if (*(volatile __u32 *)&s->state != SLOT_LIVE)
		return WHY_REVOKED;
	if (slot_over(s))
		return WHY_EXPIRED;
	return ancestors_live(tag, at, s);
}

/* The tag that stands for a task's whole process. */
static __always_inline struct tag *process_tag(const struct task_struct *task)
{
	return tag_of((__u64)BPF_CORE_READ(task, group_leader));
}

/*
 * Whether any task of the grant may have what needs no asking. So may those beneath: they may have memory or
 * descriptors in common with it, or with who had.
 */
static __always_inline int slot_is_mapped(__u32 slot, __u32 gen)
{
	for (__u32 i = 0; i <= CHAIN_MAX && slot; i++) {
		const struct slot *s = slot_get(slot, gen);

		if (!s || s->flags & SLOT_MAPPED)
			return !!s;
		slot = s->parent;
		gen = s->parent_gen;
	}
	return 0;
}

/*
 * Whether revocation or expiry, here or above, asks for the end of the tasks. Where a grant ends in refusals,
 * of those who need to ask for nothing any more: they have a file mapped (mapping.bpf.c).
 */
static __always_inline int condemned(const struct task_struct *task, __u32 slot, __u32 gen)
{
	const struct tag *process = process_tag(task);
	int mapped = (process && process->flags & TAG_MAPPED) || slot_is_mapped(slot, gen);

	for (__u32 i = 0; i <= CHAIN_MAX && slot; i++) {
		struct slot *s = slot_get(slot, gen);

		if (!s)
			return 0;
		if ((mapped || s->flags & SLOT_KILL) && (s->state != SLOT_LIVE || slot_over(s)))
			return 1;
		slot = s->parent;
		gen = s->parent_gen;
	}
	return 0;
}

/*
 * Any task of the grant may have it from now on; where the caller has memory and descriptors in common with
 * wider grants, any of the widest too.
 */
static __always_inline void slots_mark(const struct tag *process, struct slot *own)
{
	struct slot *whole = 0;
	__u32 at;

	if (own)
		__sync_fetch_and_or(&own->flags, SLOT_MAPPED);
	if (!process || !(process->flags & TAG_SPLIT))
		return;
	at = process->whole;
	whole = bpf_map_lookup_elem(&slots, &at); /* as in task_within() */
	if (whole)
		__sync_fetch_and_or(&whole->flags, SLOT_MAPPED);
}

/* Whether the first grant is the second or one that it delegated, however far beneath. */
static __always_inline int grant_within(__u32 at, __u32 at_gen, __u32 slot, __u32 gen)
{
	for (__u32 i = 0; i <= CHAIN_MAX && at; i++) {
		const struct slot *s;

		if (at == slot && at_gen == gen)
			return 1;
		s = slot_get(at, at_gen);
		if (!s)
			return 0;
		at = s->parent;
		at_gen = s->parent_gen;
	}
	return 0;
}

static __always_inline int same_process(const struct task_struct *a, const struct task_struct *b)
{
	return BPF_CORE_READ(a, group_leader) == BPF_CORE_READ(b, group_leader);
}

/*
 * Whether what is done to a task stays within a grant. Memory and signals are the process's: where its
 * threads have several grants the widest counts, but to a thread of that process, which has all of it anyway.
 */
static __always_inline int task_within(const struct task_struct *task, __u32 slot, __u32 gen)
{
	const struct task_struct *self = (void *)bpf_get_current_task();
	const struct tag *tag = tag_of((__u64)task), *process = process_tag(task);
	__u32 at, at_gen;

	if (!tag)
		return 0;
	at = tag->slot;
	at_gen = tag->gen;
	if (process && process->flags & TAG_SPLIT && !same_process(task, self)) {
		const struct slot *s;

		at = process->whole;
		s = bpf_map_lookup_elem(&slots, &at); /* held for as long as those beneath it are */
		if (!s)
			return 0;
		at_gen = s->gen;
	}
	return grant_within(at, at_gen, slot, gen);
}

/*
 * Argument n as a number, for those that can be NULL: the verifier takes a hook's pointers for valid and
 * removes a test of the pointer itself as dead code.
 */
static __always_inline __u64 hook_arg(void *ctx, __u32 n)
{
	__u64 value = 0;

	bpf_get_func_arg(ctx, n, &value);
	return value;
}

/* What a hook returns. The verifier wants proof of the range since 6.12 (5d99e198be27), and -EACCES is safe.
 */
static __always_inline int verdict_errno(int ret)
{
	if (ret > 0)
		return -EACCES;
	barrier_var(ret); /* or the compiler joins both tests into an unsigned one that proves nothing */
	return ret < -4095 ? -EACCES : ret;
}

/* What a process or thread is called in the namespace of that level, from the first of all; zeros where it is
 * in none. */
static __always_inline struct upid pid_number(const struct pid *pid, __u32 level)
{
	__u64 at = (__u64)pid + OFFSET(struct pid, numbers) + level * (__u64)bpf_core_type_size(struct upid);
	struct upid number = {};

	if (pid && level <= BPF_CORE_READ(pid, level)) {
		READ_AT(&number.nr, struct upid, at, nr);
		READ_AT(&number.ns, struct upid, at, ns);
	}
	return number;
}

/* The tag of the process behind a struct pid, for peers on sockets and in proc. */
static __always_inline struct tag *tag_of_pid(const struct pid *pid, __u64 *task)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);

	*task = 0;
	if (!first)
		return 0;
	*task = (__u64)first - OFFSET(struct task_struct, pid_links[PIDTYPE_TGID]);
	return tag_of(*task);
}

#endif
