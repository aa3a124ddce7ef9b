/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets that are neither TCP, UDP nor unix, and socket options that no grant may set: by name and number.
 * One table each, for the parser, `deputy policy explain`, events and the kernel side.
 */
#ifndef DEPUTY_SOCKETS_H
#define DEPUTY_SOCKETS_H

#define SOCKET_ANY  0xffffu /* any type or protocol */
#define SOCKET_INET 0xfffeu /* either internet family */

/*
 * X(kind, name, family, type, protocol): a socket is of the first kind that matches. Bits of
 * cell_masks.sockets by position, so new kinds go to the end.
 */
#define SOCKET_TABLE(X)                                                                                      \
	X(RAW, "raw", 2, 3, SOCKET_ANY)                                                                      \
	X(RAW6, "raw6", 10, 3, SOCKET_ANY)                                                                   \
	X(ICMP, "icmp", 2, 2, 1)                                                                             \
	X(ICMPV6, "icmpv6", 10, 2, 58)                                                                       \
	X(PACKET, "packet", 17, SOCKET_ANY, SOCKET_ANY)                                                      \
	X(NETLINK_ROUTE, "netlink-route", 16, SOCKET_ANY, 0)                                                 \
	X(VSOCK, "vsock", 40, SOCKET_ANY, SOCKET_ANY)                                                        \
	X(ALG, "alg", 38, SOCKET_ANY, SOCKET_ANY)                                                            \
	X(MPTCP, "mptcp", SOCKET_INET, 1, 262)                                                               \
	X(SCTP, "sctp", SOCKET_INET, SOCKET_ANY, 132)                                                        \
	X(UDPLITE, "udplite", SOCKET_INET, 2, 136)                                                           \
	X(CAN, "can", 29, SOCKET_ANY, SOCKET_ANY)                                                            \
	X(BLUETOOTH, "bluetooth", 31, SOCKET_ANY, SOCKET_ANY)

enum socket_kind {
#define SOCKET_ENUM(kind, name, family, type, protocol) SOCKET_##kind,
	SOCKET_TABLE(SOCKET_ENUM)
#undef SOCKET_ENUM
		SOCKET_KINDS,
	SOCKET_PLAIN /* TCP, UDP and unix, which need no bit */
};

static inline int socket_matches(unsigned have, unsigned want)
{
	return want == SOCKET_ANY || have == want || (want == SOCKET_INET && (have == 2 || have == 10));
}

/* SOCKET_KINDS: one that nothing grants. */
static inline unsigned socket_kind(unsigned family, unsigned type, unsigned protocol)
{
	if (family == 1)
		return SOCKET_PLAIN;
	if (socket_matches(family, SOCKET_INET) && ((type == 1 && (protocol == 0 || protocol == 6)) ||
						    (type == 2 && (protocol == 0 || protocol == 17))))
		return SOCKET_PLAIN;
#define SOCKET_MATCH(kind, name, f, t, p)                                                                    \
	if (socket_matches(family, f) && socket_matches(type, t) && socket_matches(protocol, p))             \
		return SOCKET_##kind;
	SOCKET_TABLE(SOCKET_MATCH)
#undef SOCKET_MATCH
	return SOCKET_KINDS;
}

/*
 * Whether rules on addresses hold for it. SCTP's peers name further addresses themselves, and the rest have
 * none that a rule could name.
 */
static inline int socket_has_addresses(unsigned kind)
{
	return kind == SOCKET_PLAIN || kind == SOCKET_MPTCP || kind == SOCKET_UDPLITE;
}

/*
 * X(level, option, "name"): what no grant may set on its sockets, by setsockopt(2) or io_uring, since a
 * rule's address would no longer be the packet's. Most want a capability besides.
 */
#define OPTION_TABLE(X)                                                                                      \
	X(0, 4, "IP_OPTIONS")	/* source routes: the packet goes to the first hop */                        \
	X(41, 57, "IPV6_RTHDR") /* likewise */                                                               \
	X(41, 5, "IPV6_2292RTHDR")                                                                           \
	X(41, 6, "IPV6_2292PKTOPTIONS") /* any of them at once */                                            \
	X(41, 32, "IPV6_FLOWLABEL_MGR") /* a label keeps a routing header, which then needs no option */     \
	X(41, 59, "IPV6_DSTOPTS")	/* a home address is another sender */                               \
	X(41, 55, "IPV6_RTHDRDSTOPTS")                                                                       \
	X(41, 54, "IPV6_HOPOPTS")                                                                            \
	X(0, 15, "IP_FREEBIND") /* sends from addresses that are not the host's */                           \
	X(41, 78, "IPV6_FREEBIND")                                                                           \
	X(0, 19, "IP_TRANSPARENT")                                                                           \
	X(41, 75, "IPV6_TRANSPARENT")                                                                        \
	X(1, 25, "SO_BINDTODEVICE") /* the same address by another link is another host */                   \
	X(1, 62, "SO_BINDTOIFINDEX")                                                                         \
	X(41, 50, "IPV6_PKTINFO")                                                                            \
	X(0, 50, "IP_UNICAST_IF")                                                                            \
	X(41, 76, "IPV6_UNICAST_IF")                                                                         \
	X(1, 36, "SO_MARK")	    /* another routing table */                                              \
	X(0, 16, "IP_IPSEC_POLICY") /* a tunnel's end is where the packet goes */                            \
	X(0, 17, "IP_XFRM_POLICY")                                                                           \
	X(41, 34, "IPV6_IPSEC_POLICY")                                                                       \
	X(41, 35, "IPV6_XFRM_POLICY")                                                                        \
	X(6, 19, "TCP_REPAIR")	  /* takes over a connection that it did not make */                         \
	X(1, 50, "SO_ATTACH_BPF") /* programs in the kernel */                                               \
	X(1, 52, "SO_ATTACH_REUSEPORT_EBPF")                                                                 \
	X(270, 1, "NETLINK_ADD_MEMBERSHIP") /* of any group: the value is not shown; bind(2) names groups */ \
	X(270, 8, "NETLINK_LISTEN_ALL_NSID") /* other network namespaces' news */

/* The same by a control message of one sendmsg(2). */
#define CONTROL_TABLE(X)                                                                                     \
	X(0, 7, "IP_RETOPTS")                                                                                \
	X(41, 57, "IPV6_RTHDR")                                                                              \
	X(41, 5, "IPV6_2292RTHDR")                                                                           \
	X(41, 54, "IPV6_HOPOPTS")                                                                            \
	X(41, 3, "IPV6_2292HOPOPTS")                                                                         \
	X(41, 59, "IPV6_DSTOPTS")                                                                            \
	X(41, 4, "IPV6_2292DSTOPTS")                                                                         \
	X(41, 55, "IPV6_RTHDRDSTOPTS")                                                                       \
	X(1, 36, "SO_MARK")

static inline int option_is_refused(unsigned level, unsigned option)
{
#define OPTION_MATCH(l, o, name)                                                                             \
	if (level == l && option == o)                                                                       \
		return 1;
	OPTION_TABLE(OPTION_MATCH)
	return 0;
}

static inline int control_is_refused(unsigned level, unsigned option)
{
	CONTROL_TABLE(OPTION_MATCH)
#undef OPTION_MATCH
	return 0;
}

#endif
