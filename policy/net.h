/* SPDX-License-Identifier: Apache-2.0 */
/* Inside net*.c: an address rule as a set of (address, port). */
#ifndef DEPUTY_NET_H
#define DEPUTY_NET_H

#include "policy/automaton.h"

typedef unsigned __int128 addr_t;

struct addr_item {
	addr_t first, last;
	struct list ports; /* struct port_range: sorted, apart, none touching the next */
	const struct addr_rule *rule;
	uint16_t number;
};

int addr_item_load(struct addr_item *item, const struct addr_rule *rule, uint16_t number);
/* Whether every port of lo..hi is among the item's. */
bool has_ports(const struct addr_item *item, uint32_t lo, uint32_t hi);
/* Whether all of a is in b. */
bool item_within(const struct addr_item *a, const struct addr_item *b);

#endif
