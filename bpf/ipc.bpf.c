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
 * nowhere, and the caller found the socket under one of its own.
 */
static __always_inline int unix_is_elsewhere(__u64 mnt)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 ns = 0;

	READ_AT(&ns, struct mount, mnt - OFFSET(struct mount, mnt), mnt_ns);
	return ns != (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
}

static __always_inline int unix_check(const struct tag *tag, struct sock *other)
{
	struct unix_sock *u = bpf_skc_to_unix_sock(other);
	struct dentry *dentry = u ? u->path.dentry : 0;
	struct object object;
	__u64 number = 0; /* functions take no pointers */

	if (sock_is_ours(tag, other))
		return 0;
	if (!dentry)
		return refuse_nameless(other->sk_type);
	if (unix_is_elsewhere((__u64)u->path.mnt)) {
		READ_AT(&number, struct unix_sock, (__u64)u, path.dentry);
		return dentry_check(number, BIT(OP_UNIX_CONNECT));
	}
	object_set(&object, tag, dentry, u->path.mnt);
	return object_check(&object, BIT(OP_UNIX_CONNECT));
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sock, struct sock *other, struct sock *newsk)
{
	struct tag *tag = caller_tag();

	return tag ? verdict_errno(unix_check(tag, other)) : 0;
}

/* Datagrams. Two sockets connected to each other are a pair that somebody made on purpose. */
SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send, struct socket *sock, struct socket *other)
{
	struct tag *tag = caller_tag();
	struct sock *to = other->sk;
	struct unix_sock *u;

	if (!tag || !to)
		return 0;
	u = bpf_skc_to_unix_sock(to);
	return u && u->peer == sock->sk ? 0 : verdict_errno(unix_check(tag, to));
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

/*
 * A stranger's socket that comes in: connected to a name it needs what connecting there needs, and listening
 * or bound it needs what binding there needs. Of a pair without names both ends were made by who hands one
 * on.
 */
SEC("lsm/file_receive")
int BPF_PROG(unix_receive, struct file *file)
{
	struct tag *tag = caller_tag();
	struct socket *sock = tag ? bpf_sock_from_file(file) : 0;
	struct sock *sk = sock ? sock->sk : 0;
	struct object object = {};
	__u64 self = 0; /* a number: functions take no pointers */
	__u32 ops;
	int end;

	if (!sk || sk->__sk_common.skc_family != AF_UNIX || sock_is_ours(tag, sk))
		return 0;
	READ_AT(&self, struct socket, (__u64)sock, sk);
	end = unix_end(self, &object);
	if (end != END_PEER && end != END_SELF)
		return end == END_NONE ? 0 : verdict_errno(refuse_nameless(sk->sk_type));
	ops = end == END_PEER ? BIT(OP_UNIX_CONNECT) : BIT(OP_CREATE);
	if (unix_is_elsewhere(object.mnt))
		return verdict_errno(dentry_check(object.dentry, ops));
	return verdict_errno(object_check(&object, ops));
}
