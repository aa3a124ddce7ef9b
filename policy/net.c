/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address rules to intervals. Going up through the places where some rule begins or has ended, the rules
 * that hold in between are the same; likewise for ports within each such interval.
 */
#include <errno.h>
#include <string.h>

#include "policy/net.h"

struct sweep {
	struct compile *c;
	struct net *net;
	struct list items;  /* struct addr_item, by their first address */
	struct list places; /* addr_t, sorted: where something may change */
	struct list active; /* indexes into items */
	struct list edges;  /* uint32_t: ports where something may change */
	struct list list;   /* struct cell_port of the interval */
};

static const struct addr_item *item_at(const struct sweep *s, uint32_t i)
{
	return (const struct addr_item *)s->items.data + i;
}

static bool item_beats(struct sweep *s, const struct addr_item *a, const struct addr_item *b)
{
	s->c->work += 1 + a->ports.count * b->ports.count;
	return item_within(a, b) && !item_within(b, a);
}

/* ---- one interval ---- */

/* The strictest of the active rules in play at this port, of those the first as written. */
static const struct addr_item *op_winner(struct sweep *s, uint32_t port, unsigned op)
{
	const uint32_t *active = s->active.data;
	const struct addr_item *best = NULL;

	for (size_t i = 0; i < s->active.count && s->c->work <= COMPILE_WORK; i++) {
		const struct addr_item *this = item_at(s, active[i]);
		bool in_play = this->rule->ops >> op & 1 && has_ports(this, port, port);

		for (size_t j = 0; j < s->active.count && in_play; j++) {
			const struct addr_item *other = item_at(s, active[j]);

			in_play = !(other->rule->ops >> op & 1 && has_ports(other, port, port) &&
				    item_beats(s, other, this));
		}
		if (in_play && (!best || this->rule->verdict < best->rule->verdict ||
				(this->rule->verdict == best->rule->verdict && this->number < best->number)))
			best = this;
	}
	s->c->work += s->active.count;
	return best;
}

static struct cell_port port_decide(struct sweep *s, uint32_t port)
{
	struct cell_port cell = {.lo = (__u16)port};

	for (unsigned op = 0; op < NET_OPS; op++) {
		const struct addr_item *best = op_winner(s, port, op);

		if (!best)
			continue;
		cell.rule[op] = best->number;
		cell.allow |= (best->rule->verdict == RULE_ALLOW) << op;
	}
	return cell;
}

static int number_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int edges_collect(struct sweep *s)
{
	const uint32_t *active = s->active.data;

	s->edges.count = 0;
	if (item_add(&s->edges, 0))
		return -ENOMEM;
	for (size_t i = 0; i < s->active.count; i++) {
		const struct addr_item *item = item_at(s, active[i]);
		const struct port_range *r = item->ports.data;

		for (size_t j = 0; j < item->ports.count; j++) {
			if (item_add(&s->edges, r[j].lo) || item_add(&s->edges, r[j].hi + 1u))
				return -ENOMEM;
		}
	}
	qsort(s->edges.data, s->edges.count, sizeof(uint32_t), number_compare);
	return 0;
}

static bool same_port(const struct cell_port *a, const struct cell_port *b)
{
	return a->allow == b->allow && a->hold == b->hold && !memcmp(a->rule, b->rule, sizeof(a->rule));
}

static int list_append(struct list *list, struct cell_port cell)
{
	struct cell_port *last = list_last(list, sizeof(*last));

	if (last && same_port(last, &cell))
		return 0;
	last = list_add(list, sizeof(*last));
	if (!last)
		return -ENOMEM;
	*last = cell;
	return 0;
}

static int list_build(struct sweep *s)
{
	static const struct cell_port nothing;
	const uint32_t *edges;
	int ret = edges_collect(s);

	s->list.count = 0;
	edges = s->edges.data;
	for (size_t i = 0; i < s->edges.count && !ret; i++) {
		if (edges[i] > UINT16_MAX || (i && edges[i] == edges[i - 1]))
			continue;
		ret = list_append(&s->list, port_decide(s, edges[i]));
		ret = ret ?: work_check(s->c, NULL);
	}
	if (!ret && s->list.count == 1 && same_port(s->list.data, &nothing))
		s->list.count = 0;
	return ret;
}

static int interval_add(struct sweep *s, addr_t start)
{
	struct net_interval *last = list_last(&s->net->intervals, sizeof(*last));
	uint32_t ports;
	int ret = intern_put(&s->net->ports, s->list.data, s->list.count * sizeof(struct cell_port), &ports);

	if (ret || (last && last->ports == ports))
		return ret;
	last = list_add(&s->net->intervals, sizeof(*last));
	if (!last)
		return -ENOMEM;
	*last = (struct net_interval){{(__u64)(start >> 64), (__u64)start}, ports};
	return 0;
}

/* ---- from one place to the next ---- */

static int item_compare(const void *a, const void *b)
{
	const struct addr_item *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

static int place_compare(const void *a, const void *b)
{
	addr_t x = *(const addr_t *)a, y = *(const addr_t *)b;

	return (x > y) - (x < y);
}

static int place_add(struct sweep *s, addr_t place)
{
	addr_t *at = list_add(&s->places, sizeof(*at));

	if (!at)
		return -ENOMEM;
	*at = place;
	return 0;
}

static int item_load(struct sweep *s, const struct addr_rule *rule, uint32_t number)
{
	struct addr_item *item = list_add(&s->items, sizeof(*item));
	int ret;

	if (!item)
		return -ENOMEM;
	ret = addr_item_load(item, rule, (uint16_t)number);
	if (!ret)
		ret = place_add(s, item->first);
	if (!ret && item->last + 1)
		ret = place_add(s, item->last + 1);
	return ret;
}

static int sweep_load(struct sweep *s, uint32_t first)
{
	const struct rules *rules = s->c->rules;
	int ret = place_add(s, 0);

	for (size_t i = 0; i < rules->addr_count && !ret; i++)
		ret = item_load(s, &rules->addrs[i], first + (uint32_t)i);
	if (ret)
		return ret;
	qsort(s->items.data, s->items.count, sizeof(struct addr_item), item_compare);
	qsort(s->places.data, s->places.count, sizeof(addr_t), place_compare);
	return 0;
}

static void active_expire(struct sweep *s, addr_t place)
{
	uint32_t *active = s->active.data;
	size_t kept = 0;

	for (size_t i = 0; i < s->active.count; i++) {
		if (item_at(s, active[i])->last >= place)
			active[kept++] = active[i];
	}
	s->active.count = kept;
}

static int sweep_run(struct sweep *s)
{
	const addr_t *places = s->places.data;
	uint32_t next = 0;
	int ret = 0;

	for (size_t i = 0; i < s->places.count && !ret; i++) {
		if (i && places[i] == places[i - 1])
			continue;
		active_expire(s, places[i]);
		while (next < s->items.count && item_at(s, next)->first == places[i] && !ret)
			ret = item_add(&s->active, next++);
		ret = ret ?: list_build(s);
		ret = ret ?: interval_add(s, places[i]);
	}
	return ret;
}

static void sweep_free(struct sweep *s)
{
	struct addr_item *items = s->items.data;

	for (size_t i = 0; i < s->items.count; i++)
		list_free(&items[i].ports);
	list_free(&s->items);
	list_free(&s->places);
	list_free(&s->active);
	list_free(&s->edges);
	list_free(&s->list);
}

int net_build(struct compile *c, uint32_t first, struct net *net)
{
	struct net result = {0};
	__attribute__((cleanup(sweep_free))) struct sweep s = {.c = c, .net = &result};
	uint32_t empty;
	int ret = intern_put(&result.ports, NULL, 0, &empty);

	if (!ret && c->rules->addr_count)
		ret = sweep_load(&s, first);
	if (!ret && c->rules->addr_count)
		ret = sweep_run(&s);
	if (ret)
		net_free(&result);
	else
		*net = result;
	return ret;
}

void net_free(struct net *net)
{
	list_free(&net->intervals);
	intern_free(&net->ports);
}
