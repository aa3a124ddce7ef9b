// SPDX-License-Identifier: GPL-2.0-only
/* Renames and links: nobody may have more of a file under its new name than he had under the old one. */
#include "file.h"

char LICENSE[] __weak SEC("license") = "GPL";

#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4 /* leaves a device at the old name */
#define REFER_TREE	4 /* a directory moves */

/*
 * A file under a new name may not be given rights there that it did not have under the old one (Landlock's
 * refer rule). A directory carries its whole tree, for which only the same state surely means the same.
 */
static __always_inline int gains(__u32 slot, __u32 from, __u32 to, __u32 flags)
{
	__u32 before, after;

	if (from == to)
		return 0;
	if (flags & REFER_TREE || from >= PLACE_INNER || to >= PLACE_INNER)
		return 1;
	before = decide_rights(slot, from);
	after = decide_rights(slot, to);
	return (after & ~before) || (flags & RENAME_EXCHANGE && before & ~after);
}

/* The report is not on the stack of who walks: there is no room for both. */
__noinline int refer_refuse(const struct object *o, __u32 why)
{
	struct report r = {.type = EV_FILE, .op = OP_CREATE};
	struct tag *tag = caller_tag();

	if (!o || !tag)
		return -EACCES;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), why, o);
}

/* `from`: the state at the old name; `to` was resolved. */
static __always_inline int refer_check(struct object *to, __u32 from, __u32 flags)
{
	return gains(to->slot, from, to->state, flags) ? refer_refuse(to, WHY_WIDER) : 0;
}

static __always_inline __u32 tree_flag(const struct dentry *dentry)
{
	struct inode *inode = dentry->d_inode;

	return inode && (inode->i_mode & S_IFMT) == S_IFDIR ? REFER_TREE : 0;
}

/*
 * Decides the old name of a link or rename, then the new one, to which the object moves on; they are on one
 * mount, or the kernel refuses by itself. Arguments are read from ctx when they are needed: the walk leaves
 * no stack to keep them on.
 */
#define REFER_OLD(o, tag, dentry, mnt, ops) (object_set(o, tag, dentry, mnt), object_check(o, ops))
#define REFER_NEW(o, dentry, mnt, ops)	    (object_move(o, dentry, mnt), object_check(o, ops))
#define ARG(ctx, type, n)                                                                                    \
	({                                                                                                   \
		barrier_var(ctx);                                                                            \
		(type)(ctx)[n];                                                                              \
	})

SEC("lsm/path_link")
int BPF_PROG(path_link, struct dentry *old, const struct path *dir, struct dentry *new)
{
	struct tag *tag = caller_tag();
	struct object o;
	__u32 from;
	int ret;

	if (!tag)
		return 0;
	ret = REFER_OLD(&o, tag, old, dir->mnt, BIT(OP_METADATA) | WARD_LINK);
	if (ret)
		return verdict_errno(ret);
	from = o.state;
	ret = REFER_NEW(&o, ARG(ctx, struct dentry *, 2), ARG(ctx, struct path *, 1)->mnt, BIT(OP_CREATE));
	return verdict_errno(ret ?: refer_check(&o, from, 0));
}

/* int path_rename(const struct path *old_dir, struct dentry *old, const struct path *new_dir,
 *		   struct dentry *new, unsigned int flags) */
static __always_inline __u32 rename_old_ops(unsigned long long *ctx)
{
	__u32 flags = ARG(ctx, __u32, 4);

	return BIT(OP_DELETE) | (flags & (RENAME_EXCHANGE | RENAME_WHITEOUT) ? BIT(OP_CREATE) : 0);
}

static __always_inline __u32 rename_refer(unsigned long long *ctx)
{
	__u32 exchange = ARG(ctx, __u32, 4) & RENAME_EXCHANGE;
	__u32 tree = tree_flag(ARG(ctx, struct dentry *, 1));

	return exchange | tree | (exchange ? tree_flag(ARG(ctx, struct dentry *, 3)) : 0);
}

SEC("lsm/path_rename")
int path_rename(unsigned long long *ctx)
{
	struct tag *tag = caller_tag();
	struct object o;
	__u32 from;
	int ret;

	if (!tag)
		return 0;
	ret = REFER_OLD(&o, tag, ARG(ctx, struct dentry *, 1), ARG(ctx, struct path *, 2)->mnt,
			rename_old_ops(ctx));
	if (ret)
		return verdict_errno(ret);
	from = o.state;
	ret = REFER_NEW(&o, ARG(ctx, struct dentry *, 3), ARG(ctx, struct path *, 2)->mnt,
			BIT(OP_CREATE) | (ARG(ctx, struct dentry *, 3)->d_inode ? BIT(OP_DELETE) : 0));
	return verdict_errno(ret ?: refer_check(&o, from, rename_refer(ctx)));
}

/*
 * The same for each grant above the caller's: a part of an agent's grant may let a sub-agent move what the
 * agent itself could not, from where the agent may not read to where it may. Programs of their own, because
 * those of the caller's own grant have used up the stack.
 */
static __always_inline int refer_above(unsigned long long *ctx, int old, int new, int dir,
				       __u32 (*flags)(unsigned long long *ctx))
{
	struct tag *tag = caller_tag();
	struct slot *s = tag ? slot_get(tag->slot, tag->gen) : 0;
	struct object o;
	__u32 from;

	/* An owner's own grant has none above; of one that stands no more path_rename() has told. */
	for (__u32 i = 0; i < CHAIN_MAX && s && s->parent; i++) {
		o.slot = s->parent;
		o.gen = s->parent_gen;
		object_name(&o, ARG(ctx, struct dentry *, old), ARG(ctx, struct path *, dir)->mnt);
		if (object_resolve(&o) != WHY_RULE)
			return refer_refuse(&o, WHY_WIDER);
		from = o.state;
		object_name(&o, ARG(ctx, struct dentry *, new), ARG(ctx, struct path *, dir)->mnt);
		if (object_resolve(&o) != WHY_RULE || gains(o.slot, from, o.state, flags(ctx)))
			return refer_refuse(&o, WHY_WIDER);
		s = slot_get(o.slot, o.gen);
		if (!s)
			return refer_refuse(&o, WHY_STALE);
	}
	return 0;
}

/* A directory has one name. */
static __always_inline __u32 link_refer(unsigned long long *ctx)
{
	return 0;
}

SEC("lsm/path_link")
int path_link_above(unsigned long long *ctx)
{
	return verdict_errno(refer_above(ctx, 0, 2, 1, link_refer));
}

SEC("lsm/path_rename")
int path_rename_above(unsigned long long *ctx)
{
	return verdict_errno(refer_above(ctx, 1, 3, 2, rename_refer));
}
