// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets: by a rule on the path they are bound at, or free when the other end is the same grant's.
 * Abstract and unnamed sockets of anybody else cannot be granted.
 */
#include "emit.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* The same check as for files, seen from here (file.bpf.c). */
extern int file_check(struct object *o, __u32 why, __u32 ops);

/* Whether the process that made the other end (listen(2), socketpair(2)) carries the caller's tag. */
static __always_inline int peer_is_ours(const struct tag *tag, const struct sock *other)
{
	struct pid *pid = other->sk_peer_pid;
	struct tag *peer;
	__u64 task;

	if (!pid)
		return 0;
	peer = tag_of_pid(pid, &task);
	return peer && peer->slot == tag->slot && peer->gen == tag->gen;
}

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

static __always_inline int unix_check(const struct tag *tag, struct sock *other)
{
	struct unix_sock *u = bpf_skc_to_unix_sock(other);
	struct dentry *dentry = u ? u->path.dentry : 0;
	struct object object;

	if (peer_is_ours(tag, other))
		return 0;
	if (!dentry)
		return refuse_nameless(other->sk_type);
	object_set(&object, tag, dentry, u->path.mnt);
	return file_check(&object, object_resolve(&object), 1u << OP_UNIX_CONNECT);
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
