// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel keeps for processes under numbers and not under paths: System V shared memory, semaphores
 * and queues, keys, and user namespaces. A grant may use those that it made, and those of grants beneath it;
 * no rule names them.
 */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct kern_ipc_perm {
	int id;
} __ksym_core;

struct key_type {
	const char *name;
} __ksym_core;

struct key {
	struct key_type *type;
} __ksym_core;

/*
 * An entry left by a release that could not delete (a busy bucket on 6.1) has slot 0, and must not serve the
 * next object at that address: hence the look at birth too, for untagged makers as well.
 */
static __always_inline void owner_drop(void *map, __u64 object)
{
	struct owner *owner = bpf_map_lookup_elem(map, &object);

	if (!owner)
		return;
	owner->slot = 0;
	bpf_map_delete_elem(map, &object);
}

static __always_inline void report_for(struct report *r, const struct tag *tag, __u32 op)
{
	r->type = EV_GUARD;
	r->op = op;
	r->slot = tag->slot;
	r->gen = tag->gen;
	r->error = -EACCES; /* which is what the kernel makes of most refusals here */
}

/* A new object of the caller's. */
__noinline int owner_put(__u64 object, __u32 op)
{
	struct tag *tag = caller_tag();
	struct report r = {};
	struct owner owner;
	struct slot *s = 0;
	enum reason why;

	if (!tag)
		return -EACCES;
	report_for(&r, tag, op);
	why = caller_live(tag, &s);
	if (why != WHY_RULE)
		return refuse(&r, s, why, 0);
	owner.slot = r.slot;
	owner.gen = r.gen;
	if (op == GUARD_KEY ? bpf_map_update_elem(&owned_keys, &object, &owner, BPF_ANY)
			    : bpf_map_update_elem(&owned, &object, &owner, BPF_ANY))
		return refuse(&r, s, WHY_LIMIT, 0);
	return 0;
}

/* An object that is used. */
__noinline int owner_check(__u64 object, __u32 op)
{
	struct owner *owner = op == GUARD_KEY ? bpf_map_lookup_elem(&owned_keys, &object)
					      : bpf_map_lookup_elem(&owned, &object);
	struct tag *tag = caller_tag();
	struct report r = {};
	struct slot *s = 0;
	enum reason why;

	if (!tag)
		return -EACCES;
	report_for(&r, tag, op);
	why = caller_live(tag, &s);
	if (why == WHY_RULE && !(owner && grant_within(owner->slot, owner->gen, r.slot, r.gen)))
		why = WHY_GUARDED;
	return why == WHY_RULE ? 0 : refuse(&r, s, why, 0);
}

/* ---- System V ---- */

static __always_inline int ipc_new(__u64 perm)
{
	if (caller_tag())
		return verdict_errno(owner_put(perm, GUARD_SYSV));
	owner_drop(&owned, perm);
	return 0;
}

/* The numbers of the whole host (IPC_INFO, SHM_INFO) come without an object: limits, and how much there is.
 */
static __always_inline int ipc_control(__u64 perm)
{
	return perm && caller_tag() ? verdict_errno(owner_check(perm, GUARD_SYSV)) : 0;
}

SEC("lsm/shm_alloc_security")
int BPF_PROG(owned_shm_alloc, struct kern_ipc_perm *perm)
{
	return ipc_new(hook_arg(ctx, 0));
}

SEC("lsm/sem_alloc_security")
int BPF_PROG(owned_sem_alloc, struct kern_ipc_perm *perm)
{
	return ipc_new(hook_arg(ctx, 0));
}

SEC("lsm/msg_queue_alloc_security")
int BPF_PROG(owned_msg_queue_alloc, struct kern_ipc_perm *perm)
{
	return ipc_new(hook_arg(ctx, 0));
}

SEC("lsm/shm_free_security")
int BPF_PROG(owned_shm_free, struct kern_ipc_perm *perm)
{
	owner_drop(&owned, (__u64)perm);
	return 0;
}

SEC("lsm/sem_free_security")
int BPF_PROG(owned_sem_free, struct kern_ipc_perm *perm)
{
	owner_drop(&owned, (__u64)perm);
	return 0;
}

SEC("lsm/msg_queue_free_security")
int BPF_PROG(owned_msg_queue_free, struct kern_ipc_perm *perm)
{
	owner_drop(&owned, (__u64)perm);
	return 0;
}

/* Finding, attaching, sending, receiving, waiting and looking at all come by here; */
SEC("lsm/ipc_permission")
int BPF_PROG(owned_ipc_permission, struct kern_ipc_perm *perm, short flag)
{
	return ipc_control(hook_arg(ctx, 0));
}

/* removing, changing and SHM_STAT_ANY do not. */
SEC("lsm/shm_shmctl")
int BPF_PROG(owned_shmctl, struct kern_ipc_perm *perm, int cmd)
{
	return ipc_control(hook_arg(ctx, 0));
}

SEC("lsm/sem_semctl")
int BPF_PROG(owned_semctl, struct kern_ipc_perm *perm, int cmd)
{
	return ipc_control(hook_arg(ctx, 0));
}

SEC("lsm/msg_queue_msgctl")
int BPF_PROG(owned_msgctl, struct kern_ipc_perm *perm, int cmd)
{
	return ipc_control(hook_arg(ctx, 0));
}

/* ---- keys ---- */

#define KEY_ALLOC_QUOTA_OVERRUN 1 /* the one flag of keys and keyrings that are a process's own */

/*
 * The kernel looks for keys of its own with credentials of its own (names of hosts, users of NFS). It is the
 * task's will when they are the task's: io_uring has no call on keys.
 */
static __always_inline struct tag *key_caller(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct tag *tag = caller_tag();

	return tag && BPF_CORE_READ(task, cred) == BPF_CORE_READ(task, real_cred) ? tag : 0;
}

/* What request_key(2) makes to have a program of root's, outside any grant, find a key. */
static __always_inline int is_request(const struct key *key)
{
	char name[18] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(key, type, name));
	return !__builtin_memcmp(name, ".request_key_auth", sizeof(name));
}

/*
 * Keyrings that the kernel makes in passing for a user, or for good (_uid.0, _persistent.0), others find
 * their keys in: whoever happens to be the first to need one is not its owner.
 */
SEC("lsm/key_alloc")
int BPF_PROG(owned_key_alloc, struct key *key, const struct cred *cred, unsigned long flags)
{
	if (!key_caller()) {
		owner_drop(&owned_keys, (__u64)key);
		return 0;
	}
	if (is_request(key))
		return verdict_errno(owner_check(0, GUARD_KEY));
	if (flags & ~(unsigned long)KEY_ALLOC_QUOTA_OVERRUN) {
		owner_drop(&owned_keys, (__u64)key);
		return 0;
	}
	return verdict_errno(owner_put(hook_arg(ctx, 0), GUARD_KEY));
}

/* Not since 6.11 (5f8d28f6d7d5): there an entry stays until another needs its room, or its address is a
 * key's. */
SEC("?lsm/key_free")
int BPF_PROG(owned_key_free, struct key *key)
{
	owner_drop(&owned_keys, (__u64)key);
	return 0;
}

#define KEY_POSSESSED 1ul /* lowest bit of a reference to a key */

SEC("lsm/key_permission")
int BPF_PROG(owned_key_permission, void *ref, const struct cred *cred, unsigned int need)
{
	return key_caller() ? verdict_errno(owner_check(hook_arg(ctx, 0) & ~KEY_POSSESSED, GUARD_KEY)) : 0;
}

/* ---- user namespaces ---- */

/*
 * No hook sees one that is made. Where it cannot be noted the agent has no capability there, which is what
 * privilege.bpf.c goes by.
 */
SEC("fexit/create_user_ns")
int BPF_PROG(owned_userns_made, struct cred *new, int ret)
{
	struct tag *tag;
	struct owner owner;
	__u64 ns;

	if (ret)
		return 0;
	ns = (__u64) new->user_ns;
	tag = caller_tag();
	owner_drop(&owned, ns);
	if (!tag)
		return 0;
	owner.slot = tag->slot;
	owner.gen = tag->gen;
	bpf_map_update_elem(&owned, &ns, &owner, BPF_ANY);
	return 0;
}

/* Its last holder has let go. */
SEC("fentry/__put_user_ns")
int BPF_PROG(owned_userns_gone, struct user_namespace *ns)
{
	owner_drop(&owned, (__u64)ns);
	return 0;
}
