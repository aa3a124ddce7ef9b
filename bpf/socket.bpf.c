// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no grant may do with a socket, whatever its kind: options that send packets elsewhere than the address
 * says, and netlink beyond asking.
 */
#include "net.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* ---- whose a socket is: its maker's, which no listen(2) or passing on changes ---- */

static __always_inline void sock_mark(struct sock *sk)
{
	struct tag *tag = caller_tag();
	struct maker m = {};

	if (!tag)
		return;
	m.slot = tag->slot;
	m.gen = tag->gen;
	bpf_sk_storage_get(&makers, sk, &m, BPF_SK_STORAGE_GET_F_CREATE); /* without one it is a stranger's */
}

SEC("lsm/socket_post_create")
int BPF_PROG(socket_made, struct socket *sock, int family, int type, int protocol, int kern)
{
	struct sock *sk = sock->sk;

	if (sk && !kern)
		sock_mark(sk);
	return 0;
}

/* accept(2), by a listener of whomever: what comes of it is the caller's to hand on. */
SEC("lsm/sock_graft")
int BPF_PROG(socket_accepted, struct sock *sk, struct socket *parent)
{
	sock_mark(sk);
	return 0;
}

__noinline int socket_guard(__u32 op, __u32 level, __u32 detail)
{
	struct report r = {.type = EV_GUARD, .op = op, .detail = detail, .sock_type = level};
	struct tag *tag = caller_tag();

	if (!tag)
		return -EPERM;
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), WHY_GUARDED, 0);
}

/* io_uring's commands on sockets come by here as well (do_sock_setsockopt()). */
SEC("lsm/socket_setsockopt")
int BPF_PROG(socket_option, struct socket *sock, int level, int option)
{
	if (!caller_tag() || !option_is_refused(level, option))
		return 0;
	return verdict_errno(socket_guard(GUARD_SOCKET_OPTION, level, option));
}

/* ---- control messages: the kernel's own copy, which userspace cannot change (____sys_sendmsg()) ---- */

#define CONTROL_STEPS (1u << 16) /* 16 bytes each: more than net.core.optmem_max lets through */

struct control_walk {
	__u64 at, end;
	__u32 level, type;
	__u32 over; /* the walk came to the end that the kernel's has */
	__u32 bad;
};

struct control_head {
	__u64 len;
	__u32 level;
	__u32 type;
};

/* A link is chosen by IP_PKTINFO's first word and the one behind the address of IPV6_PKTINFO. */
static __always_inline int names_link(const struct control_walk *w, const struct control_head *h)
{
	__u32 link = 1, at;

	if (h->level == 0 && h->type == 8)
		at = 0;
	else if (h->level == 41 && (h->type == 50 || h->type == 2))
		at = 16;
	else
		return 0;
	return !bpf_probe_read_kernel(&link, sizeof(link), (void *)(w->at + sizeof(*h) + at)) && link;
}

/* As for_each_cmsghdr() goes; a length that CMSG_OK() does not take ends the call with EINVAL. */
static long control_step(__u32 i, struct control_walk *w)
{
	struct control_head h;

	w->over = 1;
	if (w->at + sizeof(h) > w->end)
		return 1;
	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)w->at)) {
		w->bad = 1;
		return 1;
	}
	if (h.len < sizeof(h) || h.len > w->end - w->at)
		return 1;
	if (control_is_refused(h.level, h.type) || names_link(w, &h)) {
		w->level = h.level;
		w->type = h.type;
		w->bad = 1;
		return 1;
	}
	w->at += (h.len + 7) & ~7ull;
	w->over = 0;
	return 0;
}

__noinline int control_check(__u64 at, __u64 len)
{
	struct control_walk w = {.at = at, .end = at + len};

	bpf_loop(CONTROL_STEPS, control_step, &w, 0);
	return w.bad || !w.over ? socket_guard(GUARD_SOCKET_CONTROL, w.level, w.type) : 0;
}

/* ---- several messages in one call ---- */

struct pt_regs___call {
	unsigned long orig_ax;
	unsigned long dx;
} __ksym_core;

/*
 * sendmmsg(2) asks nobody about a message to the address of the one before (____sys_sendmsg(), since
 * c71d8ebe7a44), whatever control messages it has. So where it has several and they are addressed, none goes;
 * who hears ENOSYS sends them one by one. Of a connected socket's, without addresses, each is asked about.
 * The number and the arguments of the call are what it was made with: nobody writes a task's registers while
 * it is in one.
 */
__noinline int several_check(void)
{
	struct report r = {.type = EV_GUARD, .op = GUARD_SOCKET_CONTROL, .error = -ENOSYS};
	struct task_struct *task = (void *)bpf_get_current_task();
	const struct pt_regs___call *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct tag *tag = caller_tag();
	unsigned long call = 0, count = 0;

	if (!tag || BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	bpf_core_read(&call, sizeof(call), &regs->orig_ax);
	bpf_core_read(&count, sizeof(count), &regs->dx);
	switch ((__u32)call) {
	case 307:	       /* sendmmsg */
	case 538 | 0x40000000: /* of x32 */
	case 345:	       /* of programs of 32 bits */
		if ((__u32)count < 2)
			return 0;
		break;
	case 102: /* socketcall, of programs of 32 bits: its arguments are in memory that may change */
		break;
	default:
		return 0;
	}
	r.slot = tag->slot;
	r.gen = tag->gen;
	return refuse(&r, slot_get(tag->slot, tag->gen), WHY_GUARDED, 0);
}

/* ---- netlink ---- */

struct netlink_address {
	__u16 family;
	__u16 pad;
	__u32 process;
	__u32 groups;
};

__noinline int netlink_check_address(__u64 at, __u32 len, __u32 groups)
{
	struct netlink_address a = {};

	if (len < sizeof(a) || bpf_probe_read_kernel(&a, sizeof(a), (void *)at))
		return -EINVAL;
	if (groups && !(a.groups & ~groups))
		return 0; /* bound: the number is its own */
	if (!groups && !a.process && !a.groups)
		return 0; /* to the kernel, and to nobody else */
	return socket_guard(GUARD_NETLINK, 0, 0);
}

#define NLMSG_MIN_TYPE 16 /* below are the acknowledgements that every protocol has */
#define RTM_KIND       3
#define RTM_KIND_GET   2
#define MESSAGES_MAX   (1u << 16)
#define MESSAGE_HEAD   16u

struct message_walk {
	__u64 at, left;
	__u32 type;
	__u32 over;
};

/* As netlink_rcv_skb() goes: what it does not reach is nobody's. */
static long message_step(__u32 i, struct message_walk *w)
{
	struct {
		__u32 len;
		__u16 type, flags;
	} h;

	w->over = 1;
	if (w->left < MESSAGE_HEAD)
		return 1;
	w->type = 0xffff;
	if (bpf_probe_read_kernel(&h, sizeof(h), (void *)w->at))
		return 1;
	w->type = 0;
	if (h.len < MESSAGE_HEAD || h.len > w->left)
		return 1;
	if (h.type >= NLMSG_MIN_TYPE && (h.type & RTM_KIND) != RTM_KIND_GET) {
		w->type = h.type;
		return 1;
	}
	h.len = (h.len + 3) & ~3u;
	if (h.len >= w->left)
		return 1;
	w->at += h.len;
	w->left -= h.len;
	w->over = 0;
	return 0;
}

/* The kernel's own copy of the message. Which protocols there are was decided when the socket was made. */
SEC("lsm/netlink_send")
int BPF_PROG(netlink_send, struct sock *sk, struct sk_buff *skb)
{
	struct message_walk w = {};

	if (!caller_tag())
		return 0;
	READ_AT(&w.at, struct sk_buff, (__u64)skb, data);
	w.left = skb->len;
	bpf_loop(MESSAGES_MAX, message_step, &w, 0);
	if (!w.type && w.over)
		return 0;
	return verdict_errno(socket_guard(GUARD_NETLINK, 0, w.type));
}
