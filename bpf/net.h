/* SPDX-License-Identifier: GPL-2.0-only */
/* What the hooks on sockets share. */
#ifndef DEPUTY_NET_BPF_H
#define DEPUTY_NET_BPF_H

#include "emit.h"

/* 0, or -errno with the refusal reported: the control messages of a sendmsg(2) (socket.bpf.c). */
extern int control_check(__u64 at, __u64 len);
/* Likewise a message with an address: whether it comes alone (socket.bpf.c). */
extern int several_check(void);
/* Likewise an address of netlink's; `groups`: those that it may name (socket.bpf.c). */
extern int netlink_check_address(__u64 at, __u32 len, __u32 groups);

/* Whether the caller's grant made the socket, or one beneath it did. */
static __always_inline int sock_is_ours(const struct tag *tag, struct sock *sk)
{
	const struct maker *m = bpf_sk_storage_get(&makers, sk, 0, 0);

	return m && grant_within(m->slot, m->gen, tag->slot, tag->gen);
}

#define TCP_CLOSE	   7
#define TCP_LISTEN	   10
#define SOCK_BINDPORT_LOCK 8

/* What rtnetlink tells of links, addresses and routes: RTMGRP_LINK, _NOTIFY, _IPV4_IFADDR, _IPV4_ROUTE, ...
 */
#define NETLINK_GROUPS 0x553u

#endif
