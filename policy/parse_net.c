/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over addresses: the network section. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define AT(field) offsetof(struct rule_form, field)

static const struct key keys[] = {
	{"allow", AT(allow), NULL}, {"deny", AT(deny), NULL},	{"cidr", AT(cidr), "cidr: 192.0.2.0/24"},
	{"port", AT(port), NULL},   {"proto", AT(proto), NULL},
};
static const struct shape shape = SHAPE("a network rule", keys);

enum proto { PROTO_UNSAID, PROTO_TCP, PROTO_UDP, PROTOS };

static const char *const protos[] = {"tcp", "udp"};
static const char *const words[] = {"connect", "send", "bind"};

#define NONE (-1)

/* What each of the words means under each protocol. A UDP connect() is checked when something is sent. */
static const int meaning[COUNT(words)][PROTOS] = {
	{NET_TCP_CONNECT, NET_TCP_CONNECT, NET_UDP_SEND},
	{NET_UDP_SEND, NONE, NET_UDP_SEND},
	{NET_TCP_BIND, NET_TCP_BIND, NET_UDP_BIND},
};

/* One rule on its way to as many addr_rules as it has networks. */
struct draft {
	struct rules *rules;
	enum rule_verdict verdict;
	enum proto proto;
	unsigned ops;
	struct port_range ports[POLICY_PORTS_MAX];
	size_t port_count;
};

static void proto_read(struct reader *r, const struct node *node, struct draft *d)
{
	const char *text = scalar(r, node, "proto");

	if (!text)
		return;
	for (unsigned i = 0; i < COUNT(protos); i++) {
		if (strcmp(protos[i], text) == 0) {
			d->proto = PROTO_TCP + i;
			return;
		}
	}
	mistake_word(r, node, "proto", protos, COUNT(protos));
}

static int op_read(struct reader *r, const struct node *node, void *arg)
{
	struct draft *d = arg;

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i], node->text) != 0)
			continue;
		if (meaning[i][d->proto] == NONE)
			mistake(r, node, "TCP is granted by 'connect'", "'%s' is not an operation of TCP",
				words[i]);
		else
			d->ops |= 1u << meaning[i][d->proto];
		return 0;
	}
	mistake_word(r, node, "operation", words, COUNT(words));
	return 0;
}

static const char *net_name(unsigned op)
{
	return net_op_name(op);
}

static bool any_port(const struct draft *d)
{
	return d->port_count == 1 && d->ports[0].lo == 0 && d->ports[0].hi == UINT16_MAX;
}

/* "port 80,8000-8080", or nothing for any. */
static void ports_format(const struct draft *d, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < d->port_count && !any_port(d) && used < size; i++) {
		const struct port_range *p = &d->ports[i];

		used += (size_t)snprintf(buf + used, size - used, "%s%u", i ? "," : " port ", p->lo);
		if (p->lo != p->hi && used < size)
			used += (size_t)snprintf(buf + used, size - used, "-%u", p->hi);
	}
}

static int label_format(const struct reader *r, const struct node *node, const struct draft *d, char **label)
{
	_cleanup_free_ char *ops = ops_format(d->ops, net_name);
	char ports[16 + POLICY_PORTS_MAX * sizeof("65535-65535,")];

	if (!ops)
		return -ENOMEM;
	ports_format(d, ports, sizeof(ports));
	if (asprintf(label, "%s:%u %s %s cidr %s%s", r->file, node->line, verdict_name(d->verdict), ops,
		     node->text, ports) < 0)
		return -ENOMEM;
	return 0;
}

static int addr_add(struct reader *r, const struct node *node, const struct draft *d,
		    const struct addr_range *range)
{
	struct rules *rules = d->rules;
	struct addr_rule *addrs = list_grow(rules->addrs, rules->addr_count, sizeof(*addrs));
	struct addr_rule rule = {.verdict = d->verdict, .ops = d->ops, .port_count = d->port_count};

	if (!addrs)
		return -ENOMEM;
	rules->addrs = addrs;
	rule.first = range->first;
	rule.last = range->last;
	rule.ports = calloc(d->port_count, sizeof(*rule.ports));
	if (!rule.ports || label_format(r, node, d, &rule.label)) {
		free(rule.ports);
		return -ENOMEM;
	}
	memcpy(rule.ports, d->ports, d->port_count * sizeof(*rule.ports));
	addrs[rules->addr_count++] = rule;
	return 0;
}

static int cidr_each(struct reader *r, const struct node *node, void *arg)
{
	struct addr_range range;
	int err;

	if (!cidr_read(r, node, &range))
		return 0;
	err = rule_room(r, node);
	return err ? err : addr_add(r, node, arg, &range);
}

int net_rule_read(struct reader *r, const struct node *map, void *arg)
{
	struct draft d = {.rules = arg, .ports = {{0, UINT16_MAX}}, .port_count = 1};
	struct rule_form form = {0};
	const struct node *ops;

	if (is_socket_rule(map))
		return socket_rule_read(r, map, d.rules);
	ops = rule_take(r, map, &shape, &form, &d.verdict);
	if (form.proto)
		proto_read(r, form.proto, &d); /* first: it gives the operations their meaning */
	if (ops)
		scalars_each(r, ops, "an operation", op_read, &d);
	if (form.port)
		ports_read(r, form.port, d.ports, &d.port_count);
	return form.cidr ? scalars_each(r, form.cidr, "a network", cidr_each, &d) : 0;
}
