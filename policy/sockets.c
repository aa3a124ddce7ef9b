/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of sockets by name: those of bpf/sockets.h, and those that no policy can grant, each with its reason.
 */
#include <string.h>

#include "policy/parse.h"

struct row {
	const char *name;
	unsigned family, type, protocol;
};

static const struct row granted[SOCKET_KINDS] = {
#define ROW(kind, name, family, type, protocol) [SOCKET_##kind] = {name, family, type, protocol},
	SOCKET_TABLE(ROW)
#undef ROW
};

#define HAS_RULES  "it needs no kind: its addresses are granted by 'connect', 'send' and 'bind'"
#define CONFIGURES "it sets up the whole host's network"
#define TELLS	   "it tells of what other processes do"

static const struct {
	struct row row;
	const char *why;
} never[] = {
	{{"netlink-usersock", 16, SOCKET_ANY, 2}, "its messages go to other processes"},
	{{"netlink-sock-diag", 16, SOCKET_ANY, 4}, "it tells of other processes' sockets, and closes them"},
	{{"netlink-nflog", 16, SOCKET_ANY, 5}, "it hands out other processes' packets"},
	{{"netlink-xfrm", 16, SOCKET_ANY, 6}, CONFIGURES},
	{{"netlink-selinux", 16, SOCKET_ANY, 7}, TELLS},
	{{"netlink-iscsi", 16, SOCKET_ANY, 8}, "it attaches disks"},
	{{"netlink-audit", 16, SOCKET_ANY, 9}, TELLS},
	{{"netlink-fib", 16, SOCKET_ANY, 10}, TELLS},
	{{"netlink-connector", 16, SOCKET_ANY, 11}, TELLS},
	{{"netlink-netfilter", 16, SOCKET_ANY, 12}, CONFIGURES},
	{{"netlink-uevent", 16, SOCKET_ANY, 15}, TELLS},
	{{"netlink-generic", 16, SOCKET_ANY, 16}, "what it leads to depends on the drivers that are loaded"},
	{{"netlink-rdma", 16, SOCKET_ANY, 20}, CONFIGURES},
	{{"netlink-crypto", 16, SOCKET_ANY, 21}, "it sets up the whole host's ciphers"},
	{{"netlink", 16, SOCKET_ANY, SOCKET_ANY}, "of netlink only 'netlink-route' can be granted"},
	{{"key", 15, SOCKET_ANY, SOCKET_ANY}, "it sets up the whole host's IPsec"},
	{{"xdp", 44, SOCKET_ANY, SOCKET_ANY},
	 "it takes packets off an interface by BPF, which no grant may load"},
	{{"smc", 43, SOCKET_ANY, SOCKET_ANY}, "no rule sees where it connects to"},
	{{"smc", SOCKET_INET, 1, 256}, "no rule sees where it connects to"},
	{{"dccp", SOCKET_INET, 6, SOCKET_ANY}, "no rule sees where it connects to"},
	{{"tipc", 30, SOCKET_ANY, SOCKET_ANY}, "no rule sees where it connects to"},
	{{"rds", 21, SOCKET_ANY, SOCKET_ANY}, "no rule sees where it connects to"},
	{{"kcm", 41, SOCKET_ANY, SOCKET_ANY}, "it works by BPF, which no grant may load"},
	{{"l2tp", SOCKET_INET, SOCKET_ANY, 115}, CONFIGURES},
	{{"ppp", 24, SOCKET_ANY, SOCKET_ANY}, CONFIGURES},
	/* Last and of no numbers: what the kernel never asks about. */
	{{"tcp", SOCKET_KINDS, 0, 0}, HAS_RULES},
	{{"udp", SOCKET_KINDS, 0, 0}, HAS_RULES},
	{{"unix", SOCKET_KINDS, 0, 0}, "it needs no kind: rules of 'ipc' say where it may connect to"},
};

const char *socket_kind_name(unsigned kind)
{
	return kind < SOCKET_KINDS ? granted[kind].name : NULL;
}

int socket_kind_parse(const char *name)
{
	for (int i = 0; i < SOCKET_KINDS; i++)
		if (strcmp(granted[i].name, name) == 0)
			return i;
	return -1;
}

const char *socket_never(const char *name)
{
	for (size_t i = 0; i < COUNT(never); i++)
		if (strcmp(never[i].row.name, name) == 0)
			return never[i].why;
	return NULL;
}

static bool row_is(const struct row *row, unsigned family, unsigned type, unsigned protocol)
{
	return socket_matches(family, row->family) && socket_matches(type, row->type) &&
	       socket_matches(protocol, row->protocol);
}

const char *socket_name(unsigned family, unsigned type, unsigned protocol)
{
	unsigned kind = socket_kind(family, type, protocol);

	if (kind == SOCKET_PLAIN)
		return family == 1 ? "unix" : type == 1 ? "tcp" : "udp";
	for (size_t i = 0; i < COUNT(never) && kind == SOCKET_KINDS; i++)
		if (row_is(&never[i].row, family, type, protocol))
			return never[i].row.name;
	return socket_kind_name(kind);
}
