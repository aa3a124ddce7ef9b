/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and ports. Between two places where an interval of either table begins both tables have one list
 * of ports each; between two places where an entry of either list begins both say one thing.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "policy/within_internal.h"

/* The intervals of a table, and the one that holds now. */
struct cursor {
	const union cell *cells;
	uint32_t count, now;
};

struct net_walk {
	struct within *w;
	struct intern seen; /* pairs of lists of ports, as struct lists, found within */
	struct cell_addr addr;
};

struct lists {
	uint32_t child_base, child_count, parent_base, parent_count;
};

/* ---- ports ---- */

static void object_write(struct policy_wider *wider)
{
	const struct cell_addr *a = &wider->addr;
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN] = "";

	for (unsigned i = 0; i < 16; i++)
		v6.s6_addr[i] = (uint8_t)((i < 8 ? a->hi : a->lo) >> (56 - 8 * (i % 8)));
	if (IN6_IS_ADDR_V4MAPPED(&v6))
		inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6, text, sizeof(text));
	snprintf(wider->object, sizeof(wider->object), IN6_IS_ADDR_V4MAPPED(&v6) ? "%s:%u" : "[%s]:%u", text,
		 wider->port);
}

static const union cell *entry(const struct cursor *at)
{
	return at->count ? at->cells + at->now : NULL;
}

static struct verdict verdict_at(const union cell *c, unsigned op)
{
	return c ? port_verdict(c, op) : (struct verdict){ACT_DENY, 0};
}

/*
 * Listening at a port that the kernel chose: granted as port 0 unless a rule names the port (net.bpf.c,
 * call_decide()). So a child may not leave unnamed what a rule of its parent denies.
 */
static struct verdict verdict_chosen(const struct cursor *at)
{
	struct verdict v = verdict_at(entry(at), NET_TCP_BIND);

	return v.action == ACT_ALLOW || v.rule || !at->count ? v : verdict_at(at->cells, NET_TCP_BIND);
}

static int port_wider(struct net_walk *n, unsigned op, const char *name, struct verdict child,
		      struct verdict parent, uint32_t port)
{
	n->w->wider->addr = n->addr;
	n->w->wider->port = (uint16_t)port;
	object_write(n->w->wider);
	return wider_set(n->w, WIDER_ADDR, op, name, child, parent);
}

static int port_check(struct net_walk *n, const struct cursor *child, const struct cursor *parent,
		      uint32_t port)
{
	struct verdict c = verdict_chosen(child), p = verdict_chosen(parent);

	for (unsigned op = 0; op < NET_OPS; op++) {
		struct verdict plain_c = verdict_at(entry(child), op),
			       plain_p = verdict_at(entry(parent), op);

		if (plain_c.action > plain_p.action)
			return port_wider(n, op, net_op_name((enum net_op)op), plain_c, plain_p, port);
	}
	if (c.action <= p.action)
		return 0;
	n->w->wider->chosen = true;
	return port_wider(n, NET_TCP_BIND, "listen", c, p, port);
}

static int cursor_set(struct cursor *at, const struct table *t, uint64_t base, uint64_t count, unsigned cells)
{
	if (base + cells * count > t->count)
		return -EINVAL;
	*at = (struct cursor){t->cells + base, (uint32_t)count, 0};
	return 0;
}

/* Where the next port entry begins, past all ports when there is none. */
static uint32_t next_port(const struct cursor *at)
{
	return at->now + 1 < at->count ? at->cells[at->now + 1].port.lo : UINT16_MAX + 1u;
}

static int lists_check(struct net_walk *n, struct cursor child, struct cursor parent)
{
	uint32_t port = 0;

	for (;;) {
		uint32_t c = next_port(&child), p = next_port(&parent), next = c < p ? c : p;
		int ret = work_add(n->w, 1) ?: port_check(n, &child, &parent, port);

		if (ret || next > UINT16_MAX)
			return ret;
		if (next <= port)
			return -EINVAL;
		child.now += c == next;
		parent.now += p == next;
		port = next;
	}
}

/* ---- addresses ---- */

static int interval_check(struct net_walk *n, const struct cursor *child, const struct cursor *parent)
{
	static const struct cell_ports none;
	const struct cell_ports *c = child->count ? &child->cells[2 * child->now + 1].ports : &none;
	const struct cell_ports *p = parent->count ? &parent->cells[2 * parent->now + 1].ports : &none;
	struct lists lists = {c->base, c->count, p->base, p->count};
	uint32_t count = (uint32_t)intern_count(&n->seen), number;
	struct cursor child_ports, parent_ports;

	if (!c->count)
		return work_add(n->w, 1);
	if (cursor_set(&child_ports, n->w->child.table, c->base, c->count, 1) ||
	    cursor_set(&parent_ports, n->w->parent.table, p->base, p->count, 1))
		return -EINVAL;
	if (intern_put(&n->seen, &lists, sizeof(lists), &number))
		return -ENOMEM;
	if (number < count)
		return work_add(n->w, 1);
	return lists_check(n, child_ports, parent_ports);
}

static bool addr_below(const struct cell_addr *a, const struct cell_addr *b)
{
	return a->hi < b->hi || (a->hi == b->hi && a->lo < b->lo);
}

/* Where the next interval begins, NULL when there is none. */
static const struct cell_addr *next_addr(const struct cursor *at)
{
	return at->now + 1 < at->count ? &at->cells[2 * (at->now + 1)].addr : NULL;
}

static const struct cell_addr *first_of(const struct cell_addr *a, const struct cell_addr *b)
{
	return !b || (a && addr_below(a, b)) ? a : b;
}

static int intervals_check(struct net_walk *n, struct cursor child, struct cursor parent)
{
	for (;;) {
		const struct cell_addr *c = next_addr(&child), *p = next_addr(&parent);
		const struct cell_addr *next = first_of(c, p);
		int ret = interval_check(n, &child, &parent);

		if (ret || !next)
			return ret;
		if (!addr_below(&n->addr, next))
			return -EINVAL;
		child.now += c && !addr_below(next, c);
		parent.now += p && !addr_below(next, p);
		n->addr = *next;
	}
}

int net_within(struct within *w)
{
	const struct cell_head2 *c = &w->child.table->cells[1].head2, *p = &w->parent.table->cells[1].head2;
	struct net_walk n = {.w = w};
	struct cursor child, parent;
	int ret;

	if (cursor_set(&child, w->child.table, c->net_base, c->net_count, 2) ||
	    cursor_set(&parent, w->parent.table, p->net_base, p->net_count, 2))
		return -EINVAL;
	ret = intervals_check(&n, child, parent);
	intern_free(&n.seen);
	return ret;
}
