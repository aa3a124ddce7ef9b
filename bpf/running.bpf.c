// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work already running when its grant ends: reads and writes on open files, sends and receives on sockets.
 *
 * What may be done on a descriptor was decided when it was opened, so here only the grant has to stand. These
 * hooks are on the paths of every read and write of the host: the warden attaches them while a grant is
 * ending or may end without killing (running.c), and nobody pays for them at any other time. The clock is for
 * a warden that is dead: it ends whom it finds running, however little they call the kernel.
 */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* 0 while the grant stands, else -errno with the refusal reported; o may be NULL. */
__noinline int running_check(struct object *o, __u32 type, __u32 op)
{
	struct report r = {.type = type, .op = op};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	enum reason dead;

	if (!tag)
		return 0;
	dead = caller_live(tag, &s);
	if (dead == WHY_RULE)
		return 0;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, s, dead, o);
}

static __always_inline int running_file(struct file *file, __u32 op)
{
	struct tag *tag = caller_tag();
	struct object o;

	if (!tag)
		return 0;
	object_own(&o, tag);
	object_name(&o, file->f_path.dentry, file->f_path.mnt);
	return verdict_errno(running_check(&o, EV_FILE, op));
}

SEC("lsm/file_permission")
int BPF_PROG(running_file_permission, struct file *file, int mask)
{
	return running_file(file, mask & MAY_WRITE ? OP_WRITE : OP_READ);
}

/* Frame buffers, GPUs and terminals do as much by ioctl as others by write. */
SEC("lsm/file_ioctl")
int BPF_PROG(running_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
{
	return running_file(file, OP_WRITE);
}

/* Since 6.8 (f1bb47a31dff) programs of 32 bits have a hook of their own. */
SEC("?lsm/file_ioctl_compat")
int BPF_PROG(running_file_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg)
{
	return running_file(file, OP_WRITE);
}

struct io_uring_cmd {
	struct file *file;
} __ksym_core;

/* What a ring passes to a file's driver. */
SEC("lsm/uring_cmd")
int BPF_PROG(running_uring_cmd, struct io_uring_cmd *cmd)
{
	return running_file(cmd->file, OP_WRITE);
}

#define TCP_ZEROCOPY_RECEIVE 35

/* Copies what was received, too. */
SEC("lsm/socket_getsockopt")
int BPF_PROG(running_getsockopt, struct socket *sock, int level, int option)
{
	if (level != IPPROTO_TCP || option != TCP_ZEROCOPY_RECEIVE)
		return 0;
	return verdict_errno(running_check(0, EV_NET, NET_UDP_SEND));
}

/* Of every family: unix sockets too, which net.bpf.c leaves alone. */
SEC("lsm/socket_sendmsg")
int BPF_PROG(running_sendmsg, struct socket *sock, struct msghdr *msg, int size)
{
	return verdict_errno(running_check(0, EV_NET, NET_UDP_SEND));
}

SEC("lsm/socket_recvmsg")
int BPF_PROG(running_recvmsg, struct socket *sock, struct msghdr *msg, int size, int flags)
{
	return verdict_errno(running_check(0, EV_NET, NET_UDP_SEND));
}

SEC("lsm/socket_accept")
int BPF_PROG(running_accept, struct socket *sock, struct socket *newsock)
{
	return verdict_errno(running_check(0, EV_NET, NET_TCP_BIND));
}

#define SIGKILL 9

/*
 * Pipes fill and empty by vmsplice(2) and tee(2), too, of which no hook can refuse anything: such a call is
 * the caller's last. Its reader may still get what it moved.
 */
__noinline int running_last(void)
{
	return running_check(0, EV_FILE, OP_WRITE) ? bpf_send_signal(SIGKILL) : 0;
}

SEC("?fentry/do_tee")
int BPF_PROG(running_tee)
{
	running_last();
	return 0;
}

SEC("?fentry/__x64_sys_vmsplice")
int BPF_PROG(running_vmsplice)
{
	running_last();
	return 0;
}

/* By programs of 32 bits, where there are such calls. */
SEC("?fentry/__ia32_sys_vmsplice")
int BPF_PROG(running_vmsplice_compat)
{
	running_last();
	return 0;
}

/* Every CLOCK_HZ-th of a second of CPU time. */
SEC("perf_event")
int running_clock(void *ctx)
{
	struct tag *tag = caller_tag();

	if (tag)
		caller_end(tag->slot, tag->gen);
	return 0;
}
