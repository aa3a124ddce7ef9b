// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an object to the state of the caller's table that its path leads to.
 *
 * Paths are walked over dentries and mounts, never over a string that userspace could change meanwhile.
 * An object is only where its path leads in the caller's own mount namespace: files of other namespaces and
 * of detached mounts have no path, and without a path nothing is granted. Files of the kernel's internal
 * mounts (pipes, memfds) are nobody's but the holder's: data may flow, they may never be executed.
 *
 * Directories are cached. A cached state holds for (mount, inode number, generation, grant) at one value of
 * the kernel's rename_lock and mount_lock counters: every rename and every (un)mount moves one of them, and
 * a directory that was removed and made anew has another inode generation. Where a file system has no
 * generations (0), or inodes that share them (magic_is_exact()), nothing is
 * cached; nor where names have several spellings and a rule depends on one, so that the step from a cached
 * directory is never ambiguous. The counters are read before and after; odd means a change under way.
 */
#include "anon.h"
#include "walk.h"

char LICENSE[] __weak SEC("license") = "GPL";

extern const void rename_lock __ksym;
extern const void mount_lock __ksym;

struct moves {
	__u32 renames;
	__u32 mounts;
};

/* A seqlock_t begins with its counter. -1 while a rename or mount is under way. */
static __always_inline int moves_read(struct moves *m)
{
	if (bpf_probe_read_kernel(&m->renames, 4, &rename_lock) ||
	    bpf_probe_read_kernel(&m->mounts, 4, &mount_lock))
		return -1;
	return (m->renames | m->mounts) & 1 ? -1 : 0;
}

static __always_inline int moves_same(const struct moves *then)
{
	struct moves now;

	return !moves_read(&now) && now.renames == then->renames && now.mounts == then->mounts;
}

int mounts_counter(void)
{
	__u32 counter = 0;

	bpf_probe_read_kernel(&counter, sizeof(counter), &mount_lock);
	return (int)counter;
}

static long moves_step(__u32 i, struct moves *m)
{
	return !moves_read(m);
}

/* Waits while a counter is odd, as the kernel's own readers do: a hypervisor may have paused the one who
 * moves. */
static __always_inline int moves_wait(struct moves *m, __u32 *patience)
{
	long waited = bpf_loop(*patience, moves_step, m, 0);

	*patience = waited < 0 || waited > *patience ? 0 : *patience - waited;
	return *patience ? 0 : -1;
}

/* ---- the cache ---- */

static __always_inline struct cached_dir *cache_entry(const struct object *o)
{
	__u64 h = hash_mix(hash_mix(o->mnt, o->dir_ino), (__u64)o->slot << 32 | o->dir_generation);
	__u32 i = (__u32)(h >> 40) & (CACHE_DIRS - 1);

	return bpf_map_lookup_elem(&cache, &i);
}

/* x86 keeps loads in order with loads and stores with stores; the compiler has to be told. */
#define ordered() asm volatile("" ::: "memory")

static __always_inline int cache_find(struct object *o, const struct moves *m, __u32 *state)
{
	const struct cached_dir *e = o->dir_generation ? cache_entry(o) : 0;
	__u32 version;

	if (!e)
		return -1;
	version = *(volatile __u32 *)&e->version;
	ordered();
	if (version & 1 || e->ino != o->dir_ino || e->mnt != o->mnt || e->generation != o->dir_generation ||
	    e->slot != o->slot || e->gen != o->gen || e->renames != m->renames || e->mounts != m->mounts)
		return -1;
	*state = e->state;
	o->dirs = e->ward;
	ordered();
	return *(volatile __u32 *)&e->version == version ? 0 : -1;
}

static __always_inline void cache_store(const struct object *o, const struct moves *m, __u32 state)
{
	struct cached_dir *e = o->dir_generation ? cache_entry(o) : 0;
	__u32 version;

	if (!e)
		return;
	version = *(volatile __u32 *)&e->version;
	if (version & 1 || !__sync_bool_compare_and_swap(&e->version, version, version + 1))
		return; /* somebody else writes it: their entry serves as well */
	e->ino = o->dir_ino;
	e->mnt = o->mnt;
	e->generation = o->dir_generation;
	e->slot = o->slot;
	e->gen = o->gen;
	e->renames = m->renames;
	e->mounts = m->mounts;
	e->state = state;
	e->ward = o->dirs;
	ordered();
	*(volatile __u32 *)&e->version = version + 2;
}

/* A process's own directory in proc is named self, and so is that of every process of its grant. */
static __always_inline int is_own_proc(__u64 dentry, const struct object *o)
{
	__u64 parent = 0, sb = 0, root = 0, inode = 0, task;
	struct pid *pid = 0;
	struct tag *tag;

	READ_AT(&parent, struct dentry, dentry, d_parent);
	READ_AT(&sb, struct dentry, dentry, d_sb);
	READ_AT(&root, struct super_block, sb, s_root);
	READ_AT(&inode, struct dentry, dentry, d_inode);
	if (parent != root || !inode)
		return 0;
	READ_AT(&pid, struct proc_inode, inode - OFFSET(struct proc_inode, vfs_inode), pid);
	if (!pid)
		return 0;
	tag = tag_of_pid(pid, &task);
	return tag && tag->slot == o->slot && tag->gen == o->gen;
}

/* s_encoding, where the kernel has it. */
struct super_block___encoding {
	void *s_encoding;
} __ksym_core;

/*
 * Whether one name in the directory may be written in several ways (vfat; ext4 and tmpfs with casefold): the
 * dentry has the spelling that somebody chose, and d_compare() takes it for the name on disk. Where the file
 * system folds names by directory, the directory says.
 */
static __always_inline int is_folded(__u64 dir)
{
	unsigned int flags = 0, inode_flags = 0;
	__u64 sb = 0, inode = 0;
	void *encoding = 0;

	READ_AT(&flags, struct dentry, dir, d_flags);
	if (!(flags & DCACHE_OP_COMPARE))
		return 0;
	READ_AT(&sb, struct dentry, dir, d_sb);
	if (bpf_core_field_exists(((struct super_block___encoding *)0)->s_encoding))
		READ_AT(&encoding, struct super_block___encoding, sb, s_encoding);
	if (!encoding)
		return 1;
	READ_AT(&inode, struct dentry, dir, d_inode);
	READ_AT(&inode_flags, struct inode, inode, i_flags);
	return !!(inode_flags & S_CASEFOLD);
}

/* A rule about a name would be passed by with another spelling: there is no telling whom it is about. A
 * function of its own to be off the stack of the step that follows. */
__noinline int is_ambiguous(__u32 slot, __u32 state, __u64 dentry)
{
	__u64 dir = 0;

	READ_AT(&dir, struct dentry, dentry, d_parent);
	return is_folded(dir) && decide_named(slot, state);
}

static long walk_up(__u32 i, struct walk **w)
{
	return walk_step(*w);
}

/*
 * Walks until the root, or until `stop` components were passed. A function of its own, with the walk behind a
 * pointer: of what lies there the verifier knows nothing, so it follows one round instead of a round for
 * every value that the callers' loops leave there (7.3: 93,000 instructions a hook, and 18,000 so).
 */
__noinline int walk_run(struct walk *w, const struct object *o, __u32 stop)
{
	if (!w || !o)
		return -1;
	w->dentry = o->dentry;
	w->mnt = o->mnt;
	w->top = TOP_NONE;
	w->count = 0;
	w->stop = stop;
	bpf_loop(2 * PATH_STEPS, walk_up, &w, 0);
	return 0;
}

struct run {
	struct walk walk;
	const struct object *o;
	__u32 state;
	__u32 before; /* state of the directory that the leaf is in */
	__u32 left;   /* components not stepped yet */
	__u32 base;   /* those of them that are not in the ring */
	__u32 ambiguous;
};

/* Steps over the component passed (left - 1) ago. */
static __always_inline void run_component(struct run *r)
{
	__u64 dentry, name = 0;
	__u32 len = 0;

	r->left--;
	dentry = r->walk.chunk[r->left & (CHUNK - 1)];
	r->before = r->state;
	if (!r->walk.proc && is_ambiguous(r->o->slot, r->state, dentry))
		r->ambiguous = 1;
	if (r->walk.proc && is_own_proc(dentry, r->o)) {
		name = NAME_SELF;
		len = 4;
	} else {
		READ_AT(&name, struct dentry, dentry, d_name.name);
		READ_AT(&len, struct dentry, dentry, d_name.len);
	}
	r->state = decide_step(r->o->slot, r->state, name, len);
}

/* One round: fills the ring anew when it is used up, then steps. 1 ends the run. */
static long run_step(__u32 i, struct run *r)
{
	if (!r->left)
		return 1;
	if (r->left <= r->base) {
		walk_run(&r->walk, r->o, r->left);
		if (r->walk.count != r->left)
			return 1; /* moved meanwhile: the counters will tell */
		r->base = r->left > CHUNK ? r->left - CHUNK : 0;
	}
	run_component(r);
	return 0;
}

/* On no mount of anybody's: overlayfs opens its layers' files on private clones of ordinary mounts. */
static __always_inline enum reason run_loose(struct run *r, const struct object *o)
{
	__u64 sb = 0;

	READ_AT(&sb, struct dentry, o->dentry, d_sb);
	if (!sb_is_kernels(sb))
		r->state = PLACE_INNER;
	else if (sb_is_anon(sb))
		r->state = PLACE_ANON;
	else
		return WHY_UNREACHABLE;
	return WHY_RULE;
}

/* WHY_RULE and the states of the object and of its directory; or the reason for which there are none. */
static __always_inline enum reason run_all(struct run *r, const struct object *o)
{
	r->o = o;
	r->before = 0;
	walk_prepare(&r->walk, o);
	walk_run(&r->walk, o, PATH_STEPS);
	if (r->walk.top == TOP_ANON)
		return run_loose(r, o);
	if (r->walk.top != TOP_ROOT)
		return WHY_UNREACHABLE;
	r->state = decide_start(o->slot);
	counter_set(&r->left, r->walk.count);
	r->base = r->left > CHUNK ? r->left - CHUNK : 0;
	bpf_loop(PATH_STEPS, run_step, r, 0);
	if (r->left)
		return WHY_UNREACHABLE;
	return r->ambiguous ? WHY_SPELLING : WHY_RULE;
}

/* One try: the cached directory and one step, or the whole walk. */
int object_try(struct object *o)
{
	struct run r = {};
	enum reason why;
	struct moves m;

	if (!o || (moves_read(&m) && moves_wait(&m, &o->patience)))
		return WHY_BUSY;
	if (!cache_find(o, &m, &r.before)) {
		o->state = decide_step(o->slot, r.before, o->name, o->name_len);
		return moves_same(&m) ? WHY_RULE : WHY_BUSY;
	}
	o->dirs = 0;
	why = run_all(&r, o);
	if (why == WHY_RULE && r.state != PLACE_ANON && ward_dirs(o))
		why = WHY_UNREACHABLE;
	if (!moves_same(&m))
		return WHY_BUSY;
	o->state = r.state;
	if (why == WHY_RULE && r.state < PLACE_INNER)
		cache_store(o, &m, r.before);
	return why;
}

int object_resolve(struct object *o)
{
	return object_retry(o);
}
