// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and UDP by address: connect, send, bind, listen. Every other kind of socket has to be granted as such;
 * that is decided when the socket is made and, for sockets from before the tag, at each use.
 */
#include "net.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct call {
	__u64 hi, lo; /* as cell_addr */
	__u32 op;     /* enum net_op */
	__u32 family;
	__u32 sock_type;
	__u32 protocol;
	__u16 port;
	__u8 only_live; /* no address to decide: the grant has to stand, that is all */
	__u8 chosen;	/* the kernel chose the port for the grant's own socket: port 0 was asked for */
	__u32 kind;	/* enum socket_kind */
};

static __always_inline int kind_granted(__u32 slot, __u32 kind)
{
	return kind == SOCKET_PLAIN || (kind < SOCKET_KINDS && decide_socket(slot, kind));
}

/*
 * A port that the kernel chose is granted as port 0, which is how it is asked for, unless a rule names it:
 * the choice of a port is no way to one that is denied.
 */
static __always_inline struct verdict call_decide(__u32 slot, const struct call *c)
{
	struct verdict v = decide_net(slot, c->op, c->hi, c->lo, c->port);

	return !c->chosen || v.action == ACT_ALLOW || v.rule ? v : decide_net(slot, c->op, c->hi, c->lo, 0);
}

/* 0, or -errno with the refusal reported. */
__noinline int net_check(struct call *c)
{
	struct report r = {.type = EV_NET};
	struct tag *tag = caller_tag();
	struct slot *s = 0;
	struct verdict v;
	enum reason why;

	if (!c || !tag)
		return -EACCES;
	r.slot = tag->slot;
	r.gen = tag->gen;
	r.op = c->op;
	r.addr_hi = c->hi;
	r.addr_lo = c->lo;
	r.port = c->port;
	r.family = c->family;
	r.sock_type = c->sock_type;
	r.protocol = c->protocol;
	why = caller_live(tag, &s);
	if (why == WHY_RULE && !kind_granted(r.slot, c->kind))
		why = WHY_FAMILY;
	if (why != WHY_RULE)
		return refuse(&r, s, why, 0);
	r.action = ACT_ALLOW;
	if (c->op == NET_SOCKET && c->kind != SOCKET_PLAIN && audited(s, 1))
		event_emit(&r, 0);
	if (c->only_live)
		return 0;
	v = call_decide(r.slot, c);
	r.rule = v.rule;
	if (v.action != ACT_ALLOW)
		return refuse(&r, s, WHY_RULE, 0);
	r.action = v.action;
	if (audited(s, 1))
		event_emit(&r, 0);
	return 0;
}

static __always_inline void addr_v4(struct call *c, __u32 be)
{
	c->hi = 0;
	c->lo = 0xffffull << 32 | __builtin_bswap32(be);
}

static __always_inline void addr_v6(struct call *c, const __u64 *be)
{
	c->hi = __builtin_bswap64(be[0]);
	c->lo = __builtin_bswap64(be[1]);
}

/*
 * Reads the address as the protocol will: AF_UNSPEC on an AF_INET socket is AF_INET to bind() and sendto()
 * (net/ipv4/af_inet.c __inet_bind, net/ipv4/udp.c udp_sendmsg). 0, or the errno that the kernel gives.
 */
static __always_inline int addr_read(struct call *c, const void *at, int len)
{
	struct sockaddr_any a = {};
	__u64 v6[2];

	if (len < 2 || bpf_probe_read_kernel(&a, len < 24 ? 16 : 24, at))
		return -EINVAL;
	if (a.family == AF_UNSPEC)
		a.family = c->family;
	c->port = __builtin_bswap16(a.port);
	if (a.family == AF_INET && len >= 16) {
		addr_v4(c, a.v4);
		return 0;
	}
	if (a.family != AF_INET6 || len < 24)
		return -EINVAL;
	__builtin_memcpy(v6, a.v6, 16);
	addr_v6(c, v6);
	return 0;
}

/* A destination of no address at all is this host: tcp_v4_connect(), ip_route_output_key(), tcp_v6_connect().
 */
static __always_inline void destination_of_none(struct call *c)
{
	if (c->hi)
		return;
	if (c->lo == 0)
		c->lo = 1;
	else if (c->lo == 0xffffull << 32)
		c->lo |= 0x7f000001;
}

/* What kind of socket; `tcp` and `udp` are the operations that the call means for each. */
static __always_inline void call_set(struct call *c, const struct sock *sk, __u32 tcp, __u32 udp)
{
	__builtin_memset(c, 0, sizeof(*c));
	c->family = sk->__sk_common.skc_family;
	c->sock_type = sk->sk_type;
	c->protocol = sk->sk_protocol;
	c->op = c->sock_type == SOCK_STREAM ? tcp : udp;
	c->kind = socket_kind(c->family, c->sock_type, c->protocol);
	c->only_live = !socket_has_addresses(c->kind);
}

SEC("lsm/socket_create")
int BPF_PROG(socket_create, int family, int type, int protocol, int kern)
{
	struct call c = {.family = family, .sock_type = type & 0xf, .protocol = protocol, .op = NET_SOCKET};

	if (kern || !caller_tag())
		return 0;
	c.kind = socket_kind(family, c.sock_type, protocol);
	c.only_live = 1;
	return verdict_errno(net_check(&c));
}

SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *sock, void *address, int len)
{
	struct sock *sk = sock->sk;
	struct call c;
	__u16 family = 0;
	int ret = 0;

	if (!sk || !caller_tag() || sk->__sk_common.skc_family == AF_UNIX)
		return 0; /* of unix sockets ipc.bpf.c sees the other end */
	call_set(&c, sk, NET_TCP_CONNECT, NET_UDP_SEND);
	bpf_probe_read_kernel(&family, 2, address);
	if (family == AF_UNSPEC)
		c.only_live = 1; /* disconnects */
	else if (c.family == AF_NETLINK)
		ret = netlink_check_address(hook_arg(ctx, 1), len, 0);
	else if (!c.only_live && addr_read(&c, address, len))
		return -EINVAL;
	destination_of_none(&c);
	return verdict_errno(ret ?: net_check(&c));
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(socket_sendmsg, struct socket *sock, struct msghdr *msg, int size)
{
	struct sock *sk = sock->sk;
	struct call c;
	__u64 at = 0; /* a number: functions take no pointers */
	int ret = 0;

	if (!sk || !caller_tag() || sk->__sk_common.skc_family == AF_UNIX)
		return 0;
	call_set(&c, sk, NET_TCP_CONNECT, NET_UDP_SEND); /* a stream with an address: TCP fast open */
	if (msg->msg_controllen) {
		READ_AT(&at, struct msghdr, (__u64)msg, msg_control);
		ret = control_check(at, msg->msg_controllen);
	}
	if (msg->msg_name && !ret)
		ret = several_check();
	if (!msg->msg_name)
		c.only_live = 1;
	else if (c.family == AF_NETLINK && !ret) {
		READ_AT(&at, struct msghdr, (__u64)msg, msg_name);
		ret = netlink_check_address(at, msg->msg_namelen, 0);
	} else if (!c.only_live && addr_read(&c, msg->msg_name, msg->msg_namelen))
		return -EINVAL;
	destination_of_none(&c);
	return verdict_errno(ret ?: net_check(&c));
}

SEC("lsm/socket_bind")
int BPF_PROG(socket_bind, struct socket *sock, void *address, int len)
{
	struct sock *sk = sock->sk;
	struct call c;
	int ret = 0;

	if (!sk || !caller_tag() || sk->__sk_common.skc_family == AF_UNIX)
		return 0;
	call_set(&c, sk, NET_TCP_BIND, NET_UDP_BIND);
	if (c.family == AF_NETLINK)
		ret = netlink_check_address(hook_arg(ctx, 1), len, NETLINK_GROUPS);
	if (!c.only_live && addr_read(&c, address, len))
		return -EINVAL;
	return verdict_errno(ret ?: net_check(&c));
}

#define SCTP_BINDX_ADD 100
#define SCTP_CALLS     255 /* above are parameters of packets, which come when nobody calls */

/*
 * Addresses that SCTP takes as an option's value (sctp_connectx(3), sctp_bindx(3)), which passes none of the
 * hooks above.
 */
SEC("lsm/sctp_bind_connect")
int BPF_PROG(sctp_bind_connect, struct sock *sk, int option, void *address, int len)
{
	struct call c;

	if (option > SCTP_CALLS || !caller_tag())
		return 0;
	if (option == SCTP_BINDX_ADD)
		call_set(&c, sk, NET_TCP_BIND, NET_UDP_BIND);
	else
		call_set(&c, sk, NET_TCP_CONNECT, NET_UDP_SEND);
	return verdict_errno(net_check(&c));
}

static __always_inline void call_local(struct call *c, const struct sock *sk)
{
	__u64 v6[2];

	c->port = sk->__sk_common.skc_num;
	if (c->family == AF_INET6) {
		BPF_CORE_READ_INTO(&v6, sk, __sk_common.skc_v6_rcv_saddr);
		addr_v6(c, v6);
	} else {
		addr_v4(c, sk->__sk_common.skc_rcv_saddr);
	}
}

struct mptcp_sock {
	struct sock *first;
} __ksym_core;

/* An MPTCP socket is bound as its first subflow is. */
static __always_inline const struct sock *sock_bound(const struct sock *sk, __u32 kind)
{
	return kind == SOCKET_MPTCP && bpf_core_type_exists(struct mptcp_sock)
		       ? BPF_CORE_READ((const struct mptcp_sock *)sk, first)
		       : sk;
}

/*
 * Bound, but not to a port that bind(2) named (__inet_bind()). Of the grant's own sockets only: where a
 * stranger's is bound others may know already.
 */
static __always_inline int port_is_chosen(const struct tag *tag, struct sock *sk, __u32 kind)
{
	const struct sock *bound = sock_bound(sk, kind);

	return sk->__sk_common.skc_num && bound &&
	       !(BPF_CORE_READ_BITFIELD_PROBED(bound, sk_userlocks) & SOCK_BINDPORT_LOCK) &&
	       sock_is_ours(tag, sk);
}

/* listen() without bind() takes a free port on every address: decided as port 0 there. */
SEC("lsm/socket_listen")
int BPF_PROG(socket_listen, struct socket *sock, int backlog)
{
	struct tag *tag = caller_tag();
	struct sock *sk = sock->sk;
	struct call c;

	if (!sk || !tag || sk->__sk_common.skc_family == AF_UNIX)
		return 0;
	call_set(&c, sk, NET_TCP_BIND, NET_UDP_BIND);
	call_local(&c, sk);
	c.chosen = !c.only_live && port_is_chosen(tag, sk, c.kind);
	return verdict_errno(net_check(&c));
}

/* ---- sockets that come in by SCM_RIGHTS, pidfd_getfd(2) or seccomp's notifier ---- */

static __always_inline void call_peer(struct call *c, const struct sock *sk)
{
	__u64 v6[2];

	c->port = __builtin_bswap16(sk->__sk_common.skc_dport);
	if (c->family == AF_INET6) {
		BPF_CORE_READ_INTO(&v6, sk, __sk_common.skc_v6_daddr);
		addr_v6(c, v6);
	} else {
		addr_v4(c, sk->__sk_common.skc_daddr);
	}
}

/* Listening, or by bind(2) with a port; the kernel's own choice for a sender names nothing that others send
 * to. */
static __always_inline int is_bound(struct sock *sk)
{
	if (sk->__sk_common.skc_state == TCP_LISTEN)
		return 1;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
}

/*
 * A socket of a stranger's leads where no rule was asked: where it is connected to has to be granted, and
 * where it listens or is bound. The grant's own come back to it without: an accepted one leads to a port that
 * no rule names. Asked here and not at each use, since sendfile(2) asks nothing on a socket before 6.5
 * (sendpage).
 */
SEC("lsm/file_receive")
int BPF_PROG(inet_receive, struct file *file)
{
	struct tag *tag = caller_tag();
	struct socket *sock = tag ? bpf_sock_from_file(file) : 0;
	struct sock *sk = sock ? sock->sk : 0;
	struct call c;
	int ret = 0;

	if (!sk || sk->__sk_common.skc_family == AF_UNIX || sock_is_ours(tag, sk))
		return 0;
	call_set(&c, sk, NET_TCP_CONNECT, NET_UDP_SEND);
	if (c.only_live)
		return verdict_errno(net_check(&c));
	if (sk->__sk_common.skc_dport && sk->__sk_common.skc_state != TCP_CLOSE) {
		call_peer(&c, sk);
		ret = net_check(&c);
	}
	if (ret || !is_bound(sk))
		return verdict_errno(ret);
	if (c.sock_type == SOCK_STREAM && sk->__sk_common.skc_dport)
		return 0;
	call_set(&c, sk, NET_TCP_BIND, NET_UDP_BIND);
	call_local(&c, sk);
	return verdict_errno(net_check(&c));
}
