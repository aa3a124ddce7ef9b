// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hooks that give a dentry and no mount: the object is wherever the caller could see it, under any mount of
 * its file system in the caller's mount namespace. One that allows is enough: the caller could have used it.
 * A mount under which the dentry is not has no path to it, and object_resolve() says so.
 */
#include "alias.h"
#include "anon.h"
#include "file.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define ALIASES_MAX 64	       /* mounts of one file system in one namespace that are tried */
#define MOUNTS_MAX  (1u << 20) /* mounts of one file system in all namespaces that are looked at */

static long alias_step(__u32 i, struct aliases *a)
{
	__u64 mount, ns = 0;

	if (!a->next)
		return 1;
	mount = mounts_take(a->sb, &a->next);
	if (!mount) {
		a->next = 0;
		return 1;
	}
	READ_AT(&ns, struct mount, mount, mnt_ns);
	if (ns != a->ns)
		return 0;
	a->mnt = mount + OFFSET(struct mount, mnt);
	return 1;
}

/* The mount of the caller's working or root directory, when it is of the file system: the likeliest first. */
static __always_inline __u64 alias_near(const struct aliases *a)
{
	struct task_struct___fs *task = (void *)bpf_get_current_task();
	struct vfsmount *mnt =
		a->step == 1 ? BPF_CORE_READ(task, fs, pwd.mnt) : BPF_CORE_READ(task, fs, root.mnt);
	__u64 sb = 0;

	READ_AT(&sb, struct vfsmount, (__u64)mnt, mnt_sb);
	return sb == a->sb ? (__u64)mnt : 0;
}

/* The next mount to try, in a->mnt; 0 when there is none. bpf_loop() wants its context on the stack. */
__noinline int alias_next(struct aliases *a)
{
	struct aliases copy;

	if (!a)
		return 0;
	copy = *a;
	copy.mnt = 0;
	while (copy.step < 2 && !copy.mnt) {
		copy.step++;
		copy.mnt = alias_near(&copy);
	}
	if (!copy.mnt)
		bpf_loop(MOUNTS_MAX, alias_step, &copy, 0);
	*a = copy;
	return !!copy.mnt;
}

static __always_inline void aliases_begin(struct aliases *a, __u64 dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	a->counter = mounts_counter();
	a->ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	a->sb = 0;
	READ_AT(&a->sb, struct dentry, dentry, d_sb);
	a->next = a->sb ? mounts_first(a->sb) : 0;
	a->step = 0;
	a->mnt = 0;
}

/* 0 when one allows, with `o` there; else with `o` where it is denied, or -1 when it is nowhere. */
static __always_inline int alias_search(struct object *o, struct aliases *a, const struct tag *tag,
					__u64 dentry, __u32 ops)
{
	__u64 denied = 0;
	__u32 state = 0;

	for (int i = 0; i < ALIASES_MAX && alias_next(a); i++) {
		object_at(o, tag, dentry, a->mnt);
		if (object_resolve(o) != WHY_RULE || o->state >= PLACE_INNER)
			continue;
		if (!(ops & ~decide_rights(o->slot, o->state)))
			return 0;
		denied = a->mnt;
		state = o->state;
	}
	object_at(o, tag, dentry, denied);
	o->state = state;
	return denied ? 0 : -1;
}

__noinline int dentry_check(__u64 dentry, __u32 ops)
{
	struct tag *tag = caller_tag();
	struct aliases a;
	struct object o;
	int ret;

	if (!tag)
		return -EACCES;
	aliases_begin(&a, dentry);
	ret = alias_search(&o, &a, tag, dentry, ops);
	if (ret && a.counter != mounts_counter()) { /* a list that changed may have led astray */
		aliases_begin(&a, dentry);
		ret = alias_search(&o, &a, tag, dentry, ops);
	}
	if (ret && sb_is_anon(a.sb)) {
		o.state = PLACE_ANON;
		ret = 0;
	}
	return file_check(&o, ret ? WHY_UNREACHABLE : WHY_RULE, ops);
}
