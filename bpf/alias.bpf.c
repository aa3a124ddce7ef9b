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

#define ROOMS	    256
#define ROOMS_TRIED 16
#define ALIASES_MAX 64	       /* mounts of one file system in one namespace that are tried */
#define SEARCHES    4	       /* while mounts come and go */
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

__noinline int aliases_begin(struct aliases *a, __u64 dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!a)
		return -1;
	a->counter = mounts_counter();
	a->ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	a->sb = 0;
	READ_AT(&a->sb, struct dentry, dentry, d_sb);
	a->next = a->sb ? mounts_first(a->sb) : 0;
	a->step = 0;
	a->mnt = 0;
	return 0;
}

/* An object on a mount that is nobody's moves to where the caller sees its file system, if it does. */
int object_place(struct object *o)
{
	struct aliases a = {}; /* 6.1 wants it set when its address goes to a function */
	__u64 ns = 0;

	if (!o)
		return -1;
	READ_AT(&ns, struct mount, o->mnt - OFFSET(struct mount, mnt), mnt_ns);
	if (ns && ns < (__u64)-4095)
		return 0; /* it is on somebody's */
	aliases_begin(&a, o->dentry);
	if (!alias_next(&a) || a.counter != mounts_counter())
		return -1;
	o->mnt = a.mnt;
	return 0;
}

/*
 * Room for a search. The stack has none: object_resolve() needs nearly all of it. Taken for one hook's time,
 * during which a task may be preempted, so neither a processor's nor a task's own would be simpler.
 */
struct alias_room {
	__u32 busy;
	__u32 ops;
	__u64 dentry;
	__u64 denied; /* a mount where it is */
	struct aliases aliases;
	struct object object;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROOMS);
	__type(key, __u32);
	__type(value, struct alias_room);
} alias_rooms __weak SEC(".maps");

static __noinline struct alias_room *room_take(void)
{
	__u32 start = bpf_get_prandom_u32();

	for (int i = 0; i < ROOMS_TRIED; i++) {
		__u32 key = (start + i) % ROOMS;
		struct alias_room *room = bpf_map_lookup_elem(&alias_rooms, &key);

		if (room && __sync_bool_compare_and_swap(&room->busy, 0, 1))
			return room;
	}
	return 0;
}

__noinline int room_aim(struct alias_room *room, __u64 mnt)
{
	struct tag *tag = caller_tag();

	if (room && tag)
		object_at(&room->object, tag, room->dentry, mnt);
	return 0;
}

__noinline int room_allows(const struct alias_room *room)
{
	return room && !(room->ops & (object_ward(&room->object) |
				      ~decide_rights(room->object.slot, room->object.state)));
}

/* At the mount found: whether it is there and all of it allowed. A function of its own, which is verified
 * once and not for each turn of the loops below. */
__noinline int room_try(struct alias_room *room)
{
	if (!room)
		return 0;
	room_aim(room, room->aliases.mnt);
	if (object_retry(&room->object) != WHY_RULE || room->object.state >= PLACE_INNER)
		return 0;
	room->denied = room->aliases.mnt;
	return room_allows(room);
}

/* WHY_RULE with the object where one allows, else where it is denied; or why it is nowhere. */
static __always_inline int room_search(struct alias_room *room)
{
	room->denied = 0;
	aliases_begin(&room->aliases, room->dentry);
	for (int i = 0; i < ALIASES_MAX && alias_next(&room->aliases); i++)
		if (room_try(room))
			return WHY_RULE;
	room_aim(room, room->denied); /* at no mount too: what the room had of another's is in no verdict */
	return room->denied ? object_resolve(&room->object) : WHY_UNREACHABLE;
}

/* Memory and pipes are in no directory. The kernel's own devtmpfs is a tmpfs too, but has one. */
__noinline int room_is_nobodys(const struct alias_room *room)
{
	__u64 parent = 0, root = 0;

	if (!room)
		return 0;
	READ_AT(&parent, struct dentry, room->dentry, d_parent);
	READ_AT(&root, struct super_block, room->aliases.sb, s_root);
	return parent == room->dentry && parent != root && sb_is_anon(room->aliases.sb);
}

/* A list of mounts that changed meanwhile may have led astray. */
static __always_inline int room_find(struct alias_room *room)
{
	for (int i = 0; i < SEARCHES; i++) {
		int why = room_search(room);

		if (room->aliases.counter == mounts_counter())
			return why;
	}
	return WHY_BUSY;
}

int dentry_check(__u64 dentry, __u32 ops)
{
	struct alias_room *room = room_take();
	int why;

	if (!room)
		return file_check(0, WHY_BUSY, ops);
	room->dentry = dentry;
	room->ops = ops;
	why = room_find(room);
	if (why == WHY_UNREACHABLE && room_is_nobodys(room)) {
		room->object.state = PLACE_ANON;
		why = WHY_RULE;
	}
	why = file_check(&room->object, why, ops);
	__sync_fetch_and_and(&room->busy, 0);
	return why;
}
