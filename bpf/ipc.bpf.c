// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets: by a rule on the path they are bound at, or free when the caller's grant made the other end,
 * or one beneath it did. Abstract and unnamed sockets of anybody else cannot be granted.
 */
#include "file.h"
#include "net.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* A function of its own to keep its report off the stack of the walk. */
__noinline int refuse_nameless(__u32 type)
{
	struct report r = {.type = EV_NET, .op = NET_TCP_CONNECT, .family = AF_UNIX, .sock_type = type};
	struct tag *tag = caller_tag();

	if (!tag)
		return -EACCES;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), WHY_FAMILY, 0);
}

/*
 * A socket is on the mount where it was bound. In another mount namespace, a container's, that mount leads
 * nowhere, and the caller found the socket under one of its own: dentry_check() knows where. That takes
 * nearly all of the 512 bytes of stack that a program has, so each hook has a second program for such
 * sockets.
 */
__noinline int unix_is_elsewhere(__u64 mnt)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 ns = 0;

	READ_AT(&ns, struct mount, mnt - OFFSET(struct mount, mnt), mnt_ns);
	return ns != (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
}

/* The dentry of such a socket; else 0. `sk`: by its number, for functions take no pointers. */
__noinline __u64 unix_elsewhere(__u64 sk)
{
	__u64 dentry = 0, mnt = 0;

	READ_AT(&dentry, struct unix_sock, sk, path.dentry);
	READ_AT(&mnt, struct unix_sock, sk, path.mnt);
	return dentry && unix_is_elsewhere(mnt) ? dentry : 0;
}

static __always_inline int unix_check(const struct tag *tag, struct sock *other, __u64 number)
{
	struct unix_sock *u;
	struct dentry *dentry;
	struct object object;

	if (sock_is_ours(tag, other) || unix_elsewhere(number))
		return 0;
	u = bpf_skc_to_unix_sock(other);
	dentry = u ? u->path.dentry : 0;
	if (!dentry)
		return refuse_nameless(other->sk_type);
	object_set(&object, tag, dentry, u->path.mnt);
	return object_check(&object, BIT(OP_UNIX_CONNECT));
}

static __always_inline int unix_check_elsewhere(const struct tag *tag, struct sock *other, __u64 number)
{
	__u64 dentry = sock_is_ours(tag, other) ? 0 : unix_elsewhere(number);

	return dentry ? dentry_check(dentry, BIT(OP_UNIX_CONNECT)) : 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk)
{
	struct tag *tag = caller_tag();

	return tag ? verdict_errno(unix_check(tag, other, hook_arg(ctx, 1))) : 0;
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect_elsewhere, struct sock *sock, struct sock *other, struct sock *newsk)
{
	struct tag *tag = caller_tag();

	return tag ? verdict_errno(unix_check_elsewhere(tag, other, hook_arg(ctx, 1))) : 0;
}

/*
 * The kernel notes the process that connects. A thread may have less than that, so which one it is, is noted
 * beside it, or it does not connect. A program of its own: the walk leaves no stack.
 */
SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_connector, struct sock *sock, struct sock *other, struct sock *newsk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct connector c = {};

	if (!caller_tag() || BPF_CORE_READ(task, group_leader) == task)
		return 0;
	c.task = (__u64)task;
	c.start = BPF_CORE_READ(task, start_boottime);
	return bpf_sk_storage_get(&connectors, newsk, &c, BPF_SK_STORAGE_GET_F_CREATE) ? 0 : -ENOMEM;
}

/* Datagrams. Two sockets connected to each other are a pair that somebody made on purpose. */
static __always_inline struct sock *unix_receiver(struct socket *sock, struct socket *other)
{
	struct sock *to = other->sk;
	struct unix_sock *u = to ? bpf_skc_to_unix_sock(to) : 0;

	return u && u->peer == sock->sk ? 0 : to;
}

__noinline __u64 unix_behind(__u64 socket)
{
	__u64 sk = 0;

	READ_AT(&sk, struct socket, socket, sk);
	return sk;
}

SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send, struct socket *sock, struct socket *other)
{
	struct tag *tag = caller_tag();
	struct sock *to = tag ? unix_receiver(sock, other) : 0;

	return to ? verdict_errno(unix_check(tag, to, unix_behind(hook_arg(ctx, 1)))) : 0;
}

SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send_elsewhere, struct socket *sock, struct socket *other)
{
	struct tag *tag = caller_tag();
	struct sock *to = tag ? unix_receiver(sock, other) : 0;

	return to ? verdict_errno(unix_check_elsewhere(tag, to, unix_behind(hook_arg(ctx, 1)))) : 0;
}

enum end { END_NONE, END_NAMELESS, END_PEER, END_SELF };

/*
 * Where a socket leads: to its peer, or to itself while it has none. A function of its own, and so is its
 * stack: the walk needs the rest.
 */
__noinline int unix_end(__u64 sk, struct object *o)
{
	__u64 dentry = 0, mnt = 0, address = 0, peer = 0;
	struct tag *tag = caller_tag();

	if (!tag || !o)
		return END_NAMELESS;
	READ_AT(&peer, struct unix_sock, sk, peer);
	sk = peer ?: sk;
	READ_AT(&address, struct unix_sock, sk, addr);
	READ_AT(&dentry, struct unix_sock, sk, path.dentry);
	READ_AT(&mnt, struct unix_sock, sk, path.mnt);
	if (!dentry)
		return address ? END_NAMELESS : END_NONE;
	object_at(o, tag, dentry, mnt);
	return peer ? END_PEER : END_SELF;
}

/* The unix socket behind a file that comes in, when a stranger made it. */
static __always_inline struct socket *unix_of_stranger(const struct tag *tag, struct file *file)
{
	struct socket *sock = tag ? bpf_sock_from_file(file) : 0;
	struct sock *sk = sock ? sock->sk : 0;

	return sk && sk->__sk_common.skc_family == AF_UNIX && !sock_is_ours(tag, sk) ? sock : 0;
}

#define END_OPS(end) ((end) == END_PEER ? BIT(OP_UNIX_CONNECT) : BIT(OP_CREATE))

/*
 * A stranger's socket that comes in: connected to a name it needs what connecting there needs, and listening
 * or bound it needs what binding there needs. Of a pair without names both ends were made by who hands one
 * on.
 */
SEC("lsm/file_receive")
int BPF_PROG(unix_receive, struct file *file)
{
	struct tag *tag = caller_tag();
	struct socket *sock = unix_of_stranger(tag, file);
	struct object object = {};
	__u64 self = 0; /* a number: functions take no pointers */
	int end;

	if (!sock)
		return 0;
	READ_AT(&self, struct socket, (__u64)sock, sk);
	end = unix_end(self, &object);
	if (end != END_PEER && end != END_SELF)
		return end == END_NONE ? 0 : verdict_errno(refuse_nameless(sock->sk->sk_type));
	if (unix_is_elsewhere(object.mnt))
		return 0; /* the next program's */
	return verdict_errno(object_check(&object, END_OPS(end)));
}

/* From a socket to the dentry that it leads to, when that was bound in another mount namespace. */
__noinline int unix_end_elsewhere(__u64 *sk)
{
	__u64 at = 0, peer = 0, mnt = 0;

	if (!sk)
		return END_NONE;
	at = *sk;
	READ_AT(&peer, struct unix_sock, at, peer);
	at = peer ?: at;
	READ_AT(&mnt, struct unix_sock, at, path.mnt);
	READ_AT(sk, struct unix_sock, at, path.dentry);
	return !*sk || !unix_is_elsewhere(mnt) ? END_NONE : peer ? END_PEER : END_SELF;
}

SEC("lsm/file_receive")
int BPF_PROG(unix_receive_elsewhere, struct file *file)
{
	struct tag *tag = caller_tag();
	struct socket *sock = unix_of_stranger(tag, file);
	__u64 at = 0;
	int end;

	if (!sock)
		return 0;
	READ_AT(&at, struct socket, (__u64)sock, sk);
	end = unix_end_elsewhere(&at);
	return end == END_NONE ? 0 : verdict_errno(dentry_check(at, END_OPS(end)));
}
