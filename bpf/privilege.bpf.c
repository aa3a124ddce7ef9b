// SPDX-License-Identifier: GPL-2.0-only
/* Capabilities, of which a grant has those that its policy names and not root's, and user namespaces. */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct linux_binprm {
	struct cred *cred;
} __ksym_core;

#define CAP_OPT_NOAUDIT 2 /* the kernel only asks which way to go: no event */

/*
 * Overlayfs acts on its layers with credentials of whoever mounted it: then these are the task's for that
 * while, and the ones asked about. Others than the task's current ones are those of a file that it opened
 * earlier (file_ns_capable()): its own as a rule, and kept from a time when they could do more. io_uring's
 * workers wear those of the time of submission, which is a choice of the task's.
 */
static __always_inline int is_kernels(__u64 cred)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 now = (__u64)BPF_CORE_READ(task, cred);

	if (BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	return cred == now && now != (__u64)BPF_CORE_READ(task, real_cred);
}

/* Whether the grant, or one beneath it, made the user namespace (owned.bpf.c). */
static __always_inline int is_own_userns(__u64 ns, const struct tag *tag)
{
	struct owner *owner = bpf_map_lookup_elem(&owned, &ns);

	return owner && grant_within(owner->slot, owner->gen, tag->slot, tag->gen);
}

static __always_inline int is_granted(const struct tag *tag, __u64 ns, __u32 cap)
{
	return decide_privilege(tag->slot, cap) || is_own_userns(ns, tag);
}

static __always_inline void allow_emit(struct report *r)
{
	r->action = ACT_ALLOW;
	r->error = 0;
	event_emit(r, 0);
}

/* 0 or -EPERM, which is what the kernel says itself. */
__noinline int capability_check(__u64 ns, __u32 cap, __u32 opts)
{
	struct report r = {.type = EV_GUARD, .op = GUARD_CAPABILITY, .detail = cap, .error = -EPERM};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	enum reason why;

	if (!tag)
		return -EPERM;
	r.slot = tag->slot;
	r.gen = tag->gen;
	why = caller_live(tag, &s);
	if (why == WHY_RULE && is_granted(tag, ns, cap)) {
		if (!(opts & CAP_OPT_NOAUDIT) && audited(s, 0))
			allow_emit(&r);
		return 0;
	}
	if (opts & CAP_OPT_NOAUDIT)
		return -EPERM;
	if (why == WHY_RULE && !(cap < PRIV_CAPABILITIES && PRIV_GRANTABLE >> cap & 1))
		why = WHY_GUARDED;
	return refuse(&r, s, why, 0);
}

SEC("lsm/capable")
int BPF_PROG(privilege_capable, const struct cred *cred, void *ns, int cap, unsigned int opts)
{
	if (!caller_tag() || is_kernels(hook_arg(ctx, 0)))
		return 0;
	return verdict_errno(capability_check(hook_arg(ctx, 1), cap, opts));
}

#define CAP_SETGID 6
#define CAP_SETUID 7

/*
 * `deputy run` sets no_new_privs, and then the kernel leaves set-id bits alone. Who takes a tag without it
 * becomes another user or group by a program only if its grant could make it that by setuid(2). A file's
 * capabilities need no look: they are refused when they are used.
 */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(privilege_program, struct linux_binprm *bprm)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct tag *tag = caller_tag();
	int ret = 0;

	if (!tag)
		return 0;
	if (bprm->cred->euid.val != BPF_CORE_READ(task, cred, euid.val))
		ret = capability_check(0, CAP_SETUID, 0);
	if (!ret && bprm->cred->egid.val != BPF_CORE_READ(task, cred, egid.val))
		ret = capability_check(0, CAP_SETGID, 0);
	return verdict_errno(ret);
}

__noinline int superblock_refuse(void)
{
	struct report r = {
		.type = EV_GUARD, .op = GUARD_MOUNT, .error = -ENOMEM}; /* as alloc_super() has it */
	struct tag *tag = caller_tag();

	if (!tag)
		return -EPERM;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), WHY_GUARDED, 0);
}

__noinline int userns_check(void)
{
	struct report r = {.type = EV_GUARD, .op = GUARD_USERNS, .error = -EPERM};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	enum reason why;

	if (!tag)
		return -EPERM;
	r.slot = tag->slot;
	r.gen = tag->gen;
	why = caller_live(tag, &s);
	if (why != WHY_RULE || !decide_privilege(r.slot, PRIV_USERNS))
		return refuse(&r, s, why, 0);
	if (audited(s, 1))
		allow_emit(&r);
	return 0;
}

/*
 * A file system made in a user namespace of one's own (fsopen(2)) shows up nowhere, but making it may change
 * others: overlayfs clears a directory for its work. In the namespace that the agent was started in, only the
 * kernel makes one in passing (NFS, for a place where another begins).
 */
SEC("lsm/sb_alloc_security")
int BPF_PROG(privilege_superblock, struct super_block *sb)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct tag *tag = caller_tag();

	if (!tag || !is_own_userns((__u64)BPF_CORE_READ(task, cred, user_ns), tag))
		return 0;
	return verdict_errno(superblock_refuse());
}

/* Whoever is in one has every capability there. */
SEC("lsm/userns_create")
int BPF_PROG(privilege_userns, const struct cred *cred)
{
	return caller_tag() ? verdict_errno(userns_check()) : 0;
}

#define S_ISUID	   04000
#define S_ISGID	   02000
#define CAP_FSETID 4

/*
 * A program with a set-id bit would go on being its owner in the hands of whoever runs it outside the grant:
 * to make one takes the capability that keeps such bits. A directory's only hands its group down.
 */
static __always_inline int set_id_check(unsigned short mode)
{
	if (!(mode & (S_ISUID | S_ISGID)) || (mode & S_IFMT) == S_IFDIR || !caller_tag())
		return 0;
	return capability_check(0, CAP_FSETID, 0);
}

static __always_inline unsigned short mode_of(const struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	return inode ? inode->i_mode : 0;
}

SEC("lsm/path_chmod")
int BPF_PROG(privilege_chmod, const struct path *path, unsigned short mode)
{
	return verdict_errno(set_id_check((mode_of(path->dentry) & S_IFMT) | (mode & ~S_IFMT)));
}

SEC("lsm/path_mknod")
int BPF_PROG(privilege_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode)
{
	return verdict_errno(set_id_check(mode));
}

/* A file made without a name (O_TMPFILE): no hook saw its mode. */
SEC("lsm/path_link")
int BPF_PROG(privilege_link, struct dentry *old)
{
	return verdict_errno(set_id_check(mode_of(old)));
}
