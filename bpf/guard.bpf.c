// SPDX-License-Identifier: GPL-2.0-only
/* What no policy can grant: ways to change the kernel's view of paths, or to act through another task. */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* `detail` as in struct event. */
__noinline int guard_refuse(__u32 op, __u32 detail)
{
	struct report r = {.type = EV_GUARD, .op = op, .detail = detail};
	struct tag *tag = caller_tag();

	if (!tag)
		return -EPERM;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), WHY_GUARDED, 0);
}

#define GUARD(op, detail) return !caller_tag() ? 0 : verdict_errno(guard_refuse(op, detail))

SEC("lsm/bpf")
int BPF_PROG(guard_bpf, int cmd, void *attr, unsigned int size)
{
	GUARD(GUARD_BPF, cmd);
}

SEC("lsm/sb_mount")
int BPF_PROG(guard_mount, const char *dev, const struct path *path, const char *type, unsigned long flags,
	     void *data)
{
	GUARD(GUARD_MOUNT, 0);
}

SEC("lsm/sb_umount")
int BPF_PROG(guard_umount, struct vfsmount *mnt, int flags)
{
	GUARD(GUARD_MOUNT, 0);
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path *from, const struct path *to)
{
	GUARD(GUARD_MOUNT, 0);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(guard_pivotroot, const struct path *old, const struct path *new)
{
	GUARD(GUARD_MOUNT, 0);
}

/* To tasks of its grant, and of those beneath, a task may do what the kernel lets it. */
static __always_inline int is_ours(const struct tag *tag, struct task_struct *task)
{
	return task_within(task, tag->slot, tag->gen);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_ptrace, struct task_struct *child, unsigned int mode)
{
	struct tag *tag = caller_tag();

	return !tag || is_ours(tag, child) ? 0 : verdict_errno(guard_refuse(GUARD_PTRACE, 0));
}

/* As guard_refuse(), for a caller that need not be tagged. */
__noinline int tracer_refuse(__u32 slot, __u32 gen)
{
	struct report r = {.type = EV_GUARD, .op = GUARD_PTRACE, .slot = slot, .gen = gen};

	return refuse(&r, slot_get(slot, gen), WHY_GUARDED, 0);
}

/* Whoever asks to be traced hands itself over: an agent gets nobody who is not its own, tagged or not. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(guard_traceme, struct task_struct *parent)
{
	struct control *c = control_get();
	struct tag *tag, *tracer;

	if (!c || !c->tagged)
		return 0;
	tag = caller_tag();
	tracer = tag_of((__u64)parent);
	if (!tag)
		return tracer ? verdict_errno(tracer_refuse(tracer->slot, tracer->gen)) : 0;
	if (tracer && grant_within(tag->slot, tag->gen, tracer->slot, tracer->gen))
		return 0;
	return verdict_errno(guard_refuse(GUARD_PTRACE, 0));
}

/* cred is that of a USB device's owner when the signal comes from an interrupt, which has no caller. */
SEC("lsm/task_kill")
int BPF_PROG(guard_kill, struct task_struct *target, void *info, int sig, const struct cred *cred)
{
	struct tag *tag = hook_arg(ctx, 3) ? 0 : caller_tag();

	return !tag || is_ours(tag, target) ? 0 : verdict_errno(guard_refuse(GUARD_SIGNAL, sig));
}

#define GUARD_TASK(task, op)                                                                                 \
	do {                                                                                                 \
		struct tag *tag = caller_tag();                                                              \
		return !tag || is_ours(tag, task) ? 0 : verdict_errno(guard_refuse(op, 0));                  \
	} while (0)

/*
 * What changes another's share of the machine. To read it (getpriority(2), sched_getscheduler(2), getpgid(2),
 * prlimit(2) with nothing to set) is free: numbers, which say what ps(1) says. A cgroup's cpuset comes by
 * here too. prlimit(2) has a hook of its own besides, which is told of credentials and not of the task.
 */
SEC("lsm/task_setnice")
int BPF_PROG(guard_setnice, struct task_struct *task, int nice)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

SEC("lsm/task_setioprio")
int BPF_PROG(guard_setioprio, struct task_struct *task, int ioprio)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

SEC("lsm/task_setscheduler")
int BPF_PROG(guard_setscheduler, struct task_struct *task)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

SEC("lsm/task_movememory")
int BPF_PROG(guard_movememory, struct task_struct *task)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(guard_setrlimit, struct task_struct *task, unsigned int resource, void *limit)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

/* Children from before the tag, which have not executed yet. */
SEC("lsm/task_setpgid")
int BPF_PROG(guard_setpgid, struct task_struct *task, int group)
{
	GUARD_TASK(task, GUARD_SCHEDULING);
}

/* io_uring personalities would be credentials that are not the task's own at the task's will. */
SEC("lsm/uring_override_creds")
int BPF_PROG(guard_personality, const struct cred *cred)
{
	GUARD(GUARD_PERSONALITY, 0);
}

/*
 * The thread of IORING_SETUP_SQPOLL does under its maker's tag what any thread writes into the ring. Rings
 * from before the threads parted have kept them from it (visit_unfit()).
 */
SEC("lsm/uring_sqpoll")
int guard_sqpoll(void *ctx)
{
	struct tag *process = caller_tag() ? process_tag((void *)bpf_get_current_task()) : 0;

	return process && process->flags & TAG_SPLIT ? verdict_errno(guard_refuse(GUARD_RING, 0)) : 0;
}

#define F_SETOWN    8
#define F_SETOWN_EX 15

/* The caller's process as its own pid namespace counts: what it calls itself when it names somebody. */
static __always_inline __u32 own_number(void)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	const struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct upid own = pid_number(pid, BPF_CORE_READ(pid, level));

	return own.nr;
}

/* Signals on input and output go to whom fcntl() names: a process may name itself. */
SEC("lsm/file_fcntl")
int BPF_PROG(guard_fcntl, struct file *file, unsigned int cmd, unsigned long arg)
{
	__u32 tgid;

	if (cmd != F_SETOWN && cmd != F_SETOWN_EX)
		return 0;
	if (!caller_tag())
		return 0;
	tgid = own_number();
	if ((cmd != F_SETOWN || !arg || arg == tgid) && cmd != F_SETOWN_EX)
		return 0;
	GUARD(GUARD_SIGNAL_OWNER, 0);
}
