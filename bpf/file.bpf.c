// SPDX-License-Identifier: GPL-2.0-only
/* Files: every hook says which operations on which object it stands for; file_check() decides them all. */
#include "file.h"

char LICENSE[] __weak SEC("license") = "GPL";

static __always_inline int is_open_file(__u64 file, const struct object *o)
{
	__u64 dentry = 0, mnt = 0;
	unsigned int mode = 0;

	READ_AT(&mode, struct file, file, f_mode);
	READ_AT(&dentry, struct file, file, f_path.dentry);
	READ_AT(&mnt, struct file, file, f_path.mnt);
	return mode & (FMODE_READ | FMODE_WRITE) && dentry == o->dentry && mnt == o->mnt;
}

/*
 * Whether descriptor 0, 1 or 2 is open on the object. Programs fstat(2) them, wherever who started the agent
 * directed them, and the metadata of what one may read or write is not much more. O_PATH opens nothing.
 * Looked at twice, because the memory of a file that is closed meanwhile may become another's.
 */
static __always_inline int is_stdio(const struct object *o)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **fds = BPF_CORE_READ(task, files, fdt, fd);

	for (int i = 0; i < 3; i++) {
		__u64 file = 0;

		bpf_probe_read_kernel(&file, sizeof(file), fds + i);
		if (file && is_open_file(file, o) && is_open_file(file, o))
			return 1;
	}
	return 0;
}

static __always_inline int file_refuse(struct report *r, struct slot *s, enum reason why, struct object *o)
{
	if (o && r->op == OP_METADATA && (why == WHY_RULE || why == WHY_UNREACHABLE) && is_stdio(o))
		return 0;
	return refuse(r, s, why, o);
}

/* Decides `ops` on a resolved object; 0 or -errno. */
static __always_inline int file_decide(struct object *o, struct report *r, struct slot *s, __u32 ops)
{
	for (__u32 op = 0; op < FILE_OPS; op++) {
		struct verdict v;

		if (!(ops >> op & 1))
			continue;
		if (o->state == PLACE_ANON)
			v = (struct verdict){op == OP_EXEC ? ACT_DENY : ACT_ALLOW, 0};
		else
			v = decide_file(o->slot, o->state, op);
		r->op = op;
		r->rule = v.rule;
		if (v.action != ACT_ALLOW)
			return file_refuse(r, s, WHY_RULE, o);
		r->action = v.action;
		if (audited(s, CHANGES >> op & 1))
			event_emit(r, o);
	}
	return 0;
}

/* `why`: what object_resolve() said; without an object, what kept it from being found. 0, or -errno,
 * reported. */
int file_check(struct object *o, __u32 why, __u32 ops)
{
	struct report r = {.type = EV_FILE};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	enum reason dead;

	if (!tag)
		return -EACCES;
	r.slot = tag->slot;
	r.gen = tag->gen;
	r.op = ops ? __builtin_ctz(ops) : 0;
	dead = caller_live(tag, &s);
	if (!o && why == WHY_RULE)
		why = WHY_UNREACHABLE;
	if (o && ops & WRITES && dentry_is_control(o->dentry))
		why = WHY_GUARDED;
	if (!o || dead != WHY_RULE || why != WHY_RULE)
		return file_refuse(&r, s, dead ?: why, o);
	if (object_ward(o) & ops) {
		r.op = __builtin_ctz((object_ward(o) & ops & WARD_ALL) ?: ops);
		return refuse(&r, s, WHY_GUARDED, o);
	}
	if (o->state == PLACE_INNER)
		return 0;
	return file_decide(o, &r, s, ops);
}

static __always_inline __u32 open_ops(const struct file *file)
{
	if (file->f_flags & FMODE_EXEC)
		return BIT(OP_EXEC);
	return held_ops(file) ?: BIT(OP_METADATA); /* access mode 3: for ioctl only */
}

/* An address goes to a function of its own as a number. */
static __always_inline void object_layer(struct object *o, __u64 file)
{
	__u64 inode = 0;

	READ_AT(&inode, struct file, file, f_inode);
	o->leaf |= ward_inode(inode);
}

SEC("lsm/file_open")
int BPF_PROG(file_open, struct file *file)
{
	struct tag *tag = caller_tag();
	struct object object;
	int ret;

	if (!tag)
		return 0;
	object_set(&object, tag, file->f_path.dentry, file->f_path.mnt);
	if (file->f_inode->i_sb->s_magic == MQUEUE_MAGIC)
		object_place(&object); /* as CHECK_HELD() */
	/* A layer's file under the name that it has in the overlay: open_with_fake_path(), until 6.5. */
	if (file->f_inode->i_sb != file->f_path.dentry->d_sb)
		object_layer(&object, (__u64)file);
	ret = object_check(&object, open_ops(file));
	if (!ret && file->f_inode->i_sb->s_magic == MQUEUE_MAGIC)
		queue_mark(&object);
	return verdict_errno(ret);
}

/* Executable mappings: what `ld.so ./program` and dlopen() do. */
SEC("lsm/mmap_file")
int BPF_PROG(mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	if (!(prot & PROT_EXEC) || !file || !hook_arg(ctx, 0)) /* anonymous memory has no file */
		return 0;
	CHECK(file->f_path.dentry, file->f_path.mnt, BIT(OP_EXEC));
}

struct backing_file {
	struct path user_path;
} __ksym_core;

/*
 * A mapping made through an overlay is of the layer's file since 6.8 (f567377e406c); beside that stands the
 * path that it was opened by, which is the one to decide on. Only such files are on private mounts.
 */
__noinline int object_mapped(struct object *o, __u64 vma)
{
	struct tag *tag = caller_tag();
	__u64 file = 0, dentry = 0, mnt = 0;

	if (!o || !tag || !bpf_core_type_exists(struct backing_file) || !mount_is_private(o->mnt))
		return 0;
	READ_AT(&file, struct vm_area_struct, vma, vm_file);
	READ_AT(&dentry, struct backing_file, file, user_path.dentry);
	READ_AT(&mnt, struct backing_file, file, user_path.mnt);
	object_at(o, tag, dentry, mnt);
	return 0;
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct file *file = vma->vm_file;
	struct object object;
	struct tag *tag;

	if (!file || !(prot & PROT_EXEC) || vma->vm_flags & VM_EXEC)
		return 0;
	tag = caller_tag();
	if (!tag)
		return 0;
	object_set(&object, tag, file->f_path.dentry, file->f_path.mnt);
	object_mapped(&object, hook_arg(ctx, 0));
	return verdict_errno(object_check(&object, BIT(OP_EXEC)));
}

SEC("lsm/inode_getattr")
int BPF_PROG(inode_getattr, const struct path *path)
{
	CHECK_HELD(path->dentry, path->mnt, BIT(OP_METADATA));
}

SEC("lsm/path_truncate")
int BPF_PROG(path_truncate, const struct path *path)
{
	CHECK(path->dentry, path->mnt, BIT(OP_WRITE));
}

/* Since 6.2 (3350607dc563) ftruncate() has a hook of its own; before, path_truncate sees it. */
SEC("?lsm/file_truncate")
int BPF_PROG(file_truncate, struct file *file)
{
	CHECK(file->f_path.dentry, file->f_path.mnt, BIT(OP_WRITE));
}

SEC("lsm/path_chmod")
int BPF_PROG(path_chmod, const struct path *path, unsigned short mode)
{
	CHECK_HELD(path->dentry, path->mnt, BIT(OP_WRITE));
}

SEC("lsm/path_chown")
int BPF_PROG(path_chown, const struct path *path, unsigned int uid, unsigned int gid)
{
	CHECK_HELD(path->dentry, path->mnt, BIT(OP_WRITE));
}

SEC("lsm/path_mknod")
int BPF_PROG(path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode, unsigned int dev)
{
	CHECK(dentry, dir->mnt, BIT(OP_CREATE));
}

SEC("lsm/path_mkdir")
int BPF_PROG(path_mkdir, const struct path *dir, struct dentry *dentry, unsigned short mode)
{
	CHECK(dentry, dir->mnt, BIT(OP_CREATE));
}

SEC("lsm/path_symlink")
int BPF_PROG(path_symlink, const struct path *dir, struct dentry *dentry, const char *old)
{
	CHECK(dentry, dir->mnt, BIT(OP_CREATE));
}

SEC("lsm/path_unlink")
int BPF_PROG(path_unlink, const struct path *dir, struct dentry *dentry)
{
	CHECK(dentry, dir->mnt, BIT(OP_DELETE));
}

SEC("lsm/path_rmdir")
int BPF_PROG(path_rmdir, const struct path *dir, struct dentry *dentry)
{
	CHECK(dentry, dir->mnt, BIT(OP_DELETE));
}
