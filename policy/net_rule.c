/* SPDX-License-Identifier: Apache-2.0 */
/* Address rules as sets, and which is within which. */
#include <errno.h>

#include "policy/net.h"

static addr_t addr_of(const struct cell_addr *a)
{
	return (addr_t)a->hi << 64 | a->lo;
}

static int range_compare(const void *a, const void *b)
{
	const struct port_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* One form of each set of ports, so that inclusion is range in range. */
static int ports_normalise(const struct addr_rule *rule, struct list *ports)
{
	_cleanup_list_ struct list sorted = {0};
	const struct port_range *r;
	struct port_range *last = NULL;

	for (size_t i = 0; i < rule->port_count; i++) {
		last = list_add(&sorted, sizeof(*last));
		if (!last)
			return -ENOMEM;
		*last = rule->ports[i];
	}
	if (sorted.count)
		qsort(sorted.data, sorted.count, sizeof(*r), range_compare);
	r = sorted.data;
	last = NULL;
	for (size_t i = 0; i < sorted.count; i++) {
		if (last && r[i].lo <= last->hi + 1) {
			last->hi = r[i].hi > last->hi ? r[i].hi : last->hi;
			continue;
		}
		last = list_add(ports, sizeof(*last));
		if (!last)
			return -ENOMEM;
		*last = r[i];
	}
	return 0;
}

bool has_ports(const struct addr_item *item, uint32_t lo, uint32_t hi)
{
	const struct port_range *r = item->ports.data;

	for (size_t i = 0; i < item->ports.count; i++) {
		if (r[i].lo <= lo && hi <= r[i].hi)
			return true;
	}
	return false;
}

static bool ports_within(const struct addr_item *a, const struct addr_item *b)
{
	const struct port_range *r = a->ports.data;

	for (size_t i = 0; i < a->ports.count; i++) {
		if (!has_ports(b, r[i].lo, r[i].hi))
			return false;
	}
	return true;
}

bool item_within(const struct addr_item *a, const struct addr_item *b)
{
	return b->first <= a->first && a->last <= b->last && ports_within(a, b);
}

int addr_item_load(struct addr_item *item, const struct addr_rule *rule, uint16_t number)
{
	item->first = addr_of(&rule->first);
	item->last = addr_of(&rule->last);
	item->rule = rule;
	item->number = number;
	return ports_normalise(rule, &item->ports);
}
