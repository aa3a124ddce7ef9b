// SPDX-License-Identifier: GPL-2.0-only
/* Events: put together in a claimed scratch buffer, then copied whole into the ring, or counted as lost. */
#include "emit.h"
#include "walk.h"

char LICENSE[] __weak SEC("license") = "GPL";

static __always_inline void loss_count(enum loss why)
{
	struct control *c = control_get();

	if (c)
		__sync_fetch_and_add(&c->lost[why], 1);
}

static __always_inline struct scratch *scratch_at(__u32 i)
{
	i &= SCRATCH_SLOTS - 1;
	return bpf_map_lookup_elem(&scratches, &i);
}

struct claim {
	__u32 next;
	int mine; /* index of the buffer, or -1 */
};

static long claim_step(__u32 i, struct claim *c)
{
	struct scratch *s = scratch_at(c->next);

	if (s && !__sync_val_compare_and_swap(&s->busy, 0, 1)) {
		c->mine = (int)(c->next & (SCRATCH_SLOTS - 1));
		return 1;
	}
	c->next++;
	return 0;
}

/*
 * The index of a buffer that is now ours, or -1. A holder can be preempted, so one per CPU is not enough.
 * By bpf_loop(), whose body the verifier follows once: every program has this in it.
 */
static __always_inline int scratch_claim(void)
{
	struct claim c = {.next = bpf_get_smp_processor_id() * 8, .mine = -1};

	bpf_loop(SCRATCH_SLOTS, claim_step, &c, 0);
	return c.mine;
}

static __always_inline void event_head(struct event *e, const struct report *r)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_boot_ns();
	e->task_start = BPF_CORE_READ(task, group_leader, start_boottime);
	e->slot = r->slot;
	e->gen = r->gen;
	e->tgid = BPF_CORE_READ(task, tgid);
	e->tid = BPF_CORE_READ(task, pid);
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = BPF_CORE_READ(task, cred, uid.val);
	e->type = r->type;
	e->op = r->op;
	e->action = r->action;
	e->reason = r->reason;
	e->rule = r->rule;
	e->error = r->error;
	e->port = r->port;
	e->addr_hi = r->addr_hi;
	e->addr_lo = r->addr_lo;
	e->family = r->family;
	e->sock_type = r->sock_type;
	e->protocol = r->protocol;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

struct put {
	struct walk walk;
	__u32 scratch;
};

/* Appends the component that a step of the walk passed. */
static long put_step(__u32 i, struct put *p)
{
	__u32 count = p->walk.count, len = 0, used;
	__u64 dentry = p->walk.dentry, name = 0;
	struct scratch *s;
	long end = walk_step(&p->walk);

	if (p->walk.count == count)
		return end;
	s = scratch_at(p->scratch);
	if (!s)
		return 1;
	used = s->used;
	READ_AT(&name, struct dentry, dentry, d_name.name);
	READ_AT(&len, struct dentry, dentry, d_name.len);
	if (used >= EVENT_PATH || len > NAME_BYTES) {
		s->event.flags |= EVENT_CUT;
		return 1;
	}
	if (bpf_probe_read_kernel(s->path + used, len & NAME_BYTES, (void *)name))
		return 1;
	used += len;
	if (used < sizeof(s->path))
		s->path[used] = 0;
	s->used = used + 1;
	return end;
}

static __always_inline void event_path(struct scratch *s, __u32 scratch, const struct object *o)
{
	struct put p = {.scratch = scratch};
	struct inode *inode = 0;
	__u64 sb = 0;

	READ_AT(&inode, struct dentry, o->dentry, d_inode);
	READ_AT(&sb, struct dentry, o->dentry, d_sb);
	READ_AT(&s->event.dev, struct super_block, sb, s_dev);
	if (inode)
		s->event.ino = BPF_CORE_READ(inode, i_ino);
	walk_prepare(&p.walk, o);
	p.walk.dentry = o->dentry;
	p.walk.mnt = o->mnt;
	counter_set(&p.walk.count, 0);
	counter_set(&p.walk.stop, PATH_STEPS);
	bpf_loop(2 * PATH_STEPS, put_step, &p, 0);
	if (p.walk.top == TOP_ANON)
		s->event.flags |= EVENT_ANON;
	else if (p.walk.top != TOP_ROOT)
		s->event.flags |= EVENT_LOST;
}

int event_emit(const struct report *r, const struct object *o)
{
	int i = scratch_claim();
	struct scratch *s = i < 0 ? 0 : scratch_at(i);
	__u32 size;
	long err;

	if (!s || !r) {
		loss_count(LOSS_NO_SCRATCH);
		return -1;
	}
	event_head(&s->event, r);
	s->used = 0;
	if (o)
		event_path(s, i, o);
	if (s->used > EVENT_PATH)
		s->event.flags |= EVENT_CUT;
	size = s->used < EVENT_PATH ? s->used : EVENT_PATH;
	s->event.path_len = size;
	err = bpf_ringbuf_output(&events, &s->event, sizeof(s->event) + size, 0);
	__sync_lock_test_and_set(&s->busy, 0);
	if (err)
		loss_count(LOSS_RING_FULL);
	return err ? -1 : 0;
}
