/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and ports. */
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define ADDR_BITS 128u
#define V4_BITS	  32u
#define V4_AT	  (ADDR_BITS - V4_BITS)
#define V4_MAPPED 0xffff00000000ull /* ::ffff:0.0.0.0, its low half */

#define CIDR_HINT "such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; names are not enforced by this version"

/* An address as written, and how long its family's prefixes are. */
struct network {
	struct cell_addr addr;
	unsigned bits; /* of the prefix, counted in IPv6 */
	bool v4;
};

static bool addr_parse(const char *text, struct network *n)
{
	struct in_addr v4;
	struct in6_addr v6;
	uint64_t half[2];

	n->v4 = inet_pton(AF_INET, text, &v4) == 1;
	if (n->v4) {
		n->addr = (struct cell_addr){.lo = V4_MAPPED | ntohl(v4.s_addr)};
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(half, &v6, sizeof(half));
	n->addr = (struct cell_addr){.hi = be64toh(half[0]), .lo = be64toh(half[1])};
	return true;
}

static void addr_format(const struct network *n, char *buf, size_t size)
{
	uint64_t half[2] = {htobe64(n->addr.hi), htobe64(n->addr.lo)};
	struct in_addr v4 = {.s_addr = htonl((uint32_t)n->addr.lo)};

	if (n->v4)
		inet_ntop(AF_INET, &v4, buf, (socklen_t)size);
	else
		inet_ntop(AF_INET6, half, buf, (socklen_t)size);
}

/* The `bits` lowest bits of a half; a shift by all 64 is undefined. */
static uint64_t low_bits(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static struct cell_addr host_mask(unsigned prefix)
{
	unsigned host = ADDR_BITS - prefix;

	return (struct cell_addr){.hi = host > 64 ? low_bits(host - 64) : 0, .lo = low_bits(host)};
}

static bool prefix_parse(const char *text, struct network *n)
{
	uint64_t bits;

	if (!text) {
		n->bits = ADDR_BITS;
		return true;
	}
	if (!number_parse(text, strlen(text), n->v4 ? V4_BITS : ADDR_BITS, &bits))
		return false;
	n->bits = (unsigned)bits + (n->v4 ? V4_AT : 0);
	return true;
}

/* "10.0.0.1/8" may be meant as the host or as the network: ask. */
static void mistake_host_bits(struct reader *r, const struct node *node, struct network *n)
{
	struct cell_addr mask = host_mask(n->bits);
	char addr[INET6_ADDRSTRLEN], hint[128];

	n->addr.hi &= ~mask.hi;
	n->addr.lo &= ~mask.lo;
	addr_format(n, addr, sizeof(addr));
	snprintf(hint, sizeof(hint), "the network is %s/%u", addr, n->bits - (n->v4 ? V4_AT : 0));
	mistake(r, node, hint, "'%s' names a host inside its network", node->text);
}

bool cidr_read(struct reader *r, const struct node *node, struct addr_range *range)
{
	size_t len = strcspn(node->text, "/");
	const char *slash = node->text[len] ? node->text + len : NULL;
	char addr[INET6_ADDRSTRLEN];
	struct cell_addr mask;
	struct network n;

	snprintf(addr, sizeof(addr), "%.*s", (int)len, node->text);
	if (len >= sizeof(addr) || !addr_parse(addr, &n)) {
		mistake(r, node, CIDR_HINT, "'%s' is not an address or network", node->text);
		return false;
	}
	if (!prefix_parse(slash ? slash + 1 : NULL, &n)) {
		mistake(r, node, n.v4 ? "0 to 32" : "0 to 128", "'%s' has no such prefix length", node->text);
		return false;
	}
	mask = host_mask(n.bits);
	if ((n.addr.hi & mask.hi) || (n.addr.lo & mask.lo)) {
		mistake_host_bits(r, node, &n);
		return false;
	}
	range->first = n.addr;
	range->last = (struct cell_addr){.hi = n.addr.hi | mask.hi, .lo = n.addr.lo | mask.lo};
	return true;
}

struct port_list {
	struct port_range *ports;
	size_t count;
};

static bool range_parse(const char *text, struct port_range *range)
{
	size_t len = strcspn(text, "-");
	const char *hi = text[len] ? text + len + 1 : text;
	uint64_t from, to;

	if (!number_parse(text, len, UINT16_MAX, &from) || !number_parse(hi, strlen(hi), UINT16_MAX, &to) ||
	    from > to)
		return false;
	*range = (struct port_range){.lo = (uint16_t)from, .hi = (uint16_t)to};
	return true;
}

static int port_read(struct reader *r, const struct node *node, void *arg)
{
	struct port_list *l = arg;
	struct port_range range;

	if (!range_parse(node->text, &range))
		mistake(r, node, "0 to 65535, or a range such as \"8000-8080\"", "'%s' is not a port",
			node->text);
	else if (l->count == POLICY_PORTS_MAX)
		mistake(r, node, "write ranges, or a second rule", "more than %u ports in one rule",
			POLICY_PORTS_MAX);
	else
		l->ports[l->count++] = range;
	return 0;
}

void ports_read(struct reader *r, const struct node *node, struct port_range ports[POLICY_PORTS_MAX],
		size_t *count)
{
	struct port_list l = {.ports = ports};

	scalars_each(r, node, "a port", port_read, &l);
	if (l.count)
		*count = l.count;
}
