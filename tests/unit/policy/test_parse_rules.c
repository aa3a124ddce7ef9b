/* SPDX-License-Identifier: Apache-2.0 */
/* Good rules come out as written. */
#include "reading.h"

#define V4(a, b, c, d) {0, 0xffff00000000ull | (uint64_t)(a) << 24 | (b) << 16 | (c) << 8 | (d)}
#define BIT(op)	       (1u << (op))

static const struct {
	const char *text;
	enum rule_verdict verdict;
	unsigned ops;
	const char *pattern;
	const char *label;
} paths[] = {
	{FILES("{allow: read, path: /a}"), RULE_ALLOW, BIT(OP_READ), "/a", "t.yaml:8 allow read path /a"},
	{FILES("{deny: [read, write], path: '**/.env'}"), RULE_DENY, BIT(OP_READ) | BIT(OP_WRITE), "**/.env",
	 "t.yaml:8 deny read,write path **/.env"},
	{FILES("{path: \"${workdir}/**\", allow: [exec, create, delete, list, metadata]}"), RULE_ALLOW,
	 BIT(OP_EXEC) | BIT(OP_CREATE) | BIT(OP_DELETE) | BIT(OP_LIST) | BIT(OP_METADATA), "${workdir}/**",
	 "t.yaml:8 allow exec,create,delete,list,metadata path ${workdir}/**"},
	{FILES("{allow: [write, read, read], path: [/a]}"), RULE_ALLOW, BIT(OP_READ) | BIT(OP_WRITE), "/a",
	 "t.yaml:8 allow read,write path /a"},
	{FILES("allow: read\n        path: \"/\\u00e9\""), RULE_ALLOW, BIT(OP_READ), "/\u00e9",
	 "t.yaml:9 allow read path /\u00e9"},
	{EXEC("{allow: /usr/bin/git}"), RULE_ALLOW, BIT(OP_EXEC), "/usr/bin/git",
	 "t.yaml:8 allow exec path /usr/bin/git"},
	{EXEC("{deny: ['/usr/bin/su*']}"), RULE_DENY, BIT(OP_EXEC), "/usr/bin/su*",
	 "t.yaml:8 deny exec path /usr/bin/su*"},
	{IPC("{allow: connect, unix: /run/x}"), RULE_ALLOW, BIT(OP_UNIX_CONNECT), "/run/x",
	 "t.yaml:8 allow connect unix /run/x"},
};

static void path_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct policy *policy = good(paths[i].text, NULL);
		const struct rules *rules = &policy->purposes[0].rules;

		assert_int_equal(rules->path_count, 1);
		assert_int_equal(rules->addr_count, 0);
		assert_int_equal(rules->paths[0].verdict, paths[i].verdict);
		assert_int_equal(rules->paths[0].ops, paths[i].ops);
		assert_string_equal(rules->paths[0].pattern, paths[i].pattern);
		assert_string_equal(rules->paths[0].label, paths[i].label);
		assert_string_equal(rules->paths[0].file, "t.yaml");
		policy_free(policy);
	}
}

static const struct {
	const char *text;
	unsigned ops;
	struct cell_addr first, last;
	const char *label;
} addrs[] = {
	{NET("{allow: connect, cidr: 10.0.0.0/8}"), BIT(NET_TCP_CONNECT), V4(10, 0, 0, 0),
	 V4(10, 255, 255, 255), "t.yaml:8 allow connect cidr 10.0.0.0/8"},
	{NET("{allow: connect, cidr: 0.0.0.0/0}"), BIT(NET_TCP_CONNECT), V4(0, 0, 0, 0),
	 V4(255, 255, 255, 255), "t.yaml:8 allow connect cidr 0.0.0.0/0"},
	{NET("{allow: send, cidr: 192.0.2.7}"), BIT(NET_UDP_SEND), V4(192, 0, 2, 7), V4(192, 0, 2, 7),
	 "t.yaml:8 allow send cidr 192.0.2.7"},
	{NET("{allow: bind, cidr: 192.0.2.7/32}"), BIT(NET_TCP_BIND), V4(192, 0, 2, 7), V4(192, 0, 2, 7),
	 "t.yaml:8 allow bind cidr 192.0.2.7/32"},
	{NET("{allow: [connect, bind], proto: tcp, cidr: '::1'}"),
	 BIT(NET_TCP_CONNECT) | BIT(NET_TCP_BIND),
	 {0, 1},
	 {0, 1},
	 "t.yaml:8 allow connect,bind cidr ::1"},
	{NET("{allow: [connect, bind], proto: udp, cidr: '::/0'}"),
	 BIT(NET_UDP_SEND) | BIT(NET_UDP_BIND),
	 {0, 0},
	 {UINT64_MAX, UINT64_MAX},
	 "t.yaml:8 allow send,udp-bind cidr ::/0"},
	{NET("{allow: send, proto: udp, cidr: '2001:db8::/32'}"),
	 BIT(NET_UDP_SEND),
	 {0x20010db800000000, 0},
	 {0x20010db8ffffffff, UINT64_MAX},
	 "t.yaml:8 allow send cidr 2001:db8::/32"},
	{NET("{allow: connect, cidr: '2001:db8::/64'}"),
	 BIT(NET_TCP_CONNECT),
	 {0x20010db800000000, 0},
	 {0x20010db800000000, UINT64_MAX},
	 "t.yaml:8 allow connect cidr 2001:db8::/64"},
	{NET("{allow: connect, cidr: '2001:db8::/65'}"),
	 BIT(NET_TCP_CONNECT),
	 {0x20010db800000000, 0},
	 {0x20010db800000000, UINT64_MAX >> 1},
	 "t.yaml:8 allow connect cidr 2001:db8::/65"},
	{NET("{allow: connect, cidr: '::ffff:10.0.0.0/104'}"), BIT(NET_TCP_CONNECT), V4(10, 0, 0, 0),
	 V4(10, 255, 255, 255), "t.yaml:8 allow connect cidr ::ffff:10.0.0.0/104"},
};

static void addr_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addrs); i++) {
		struct policy *policy = good(addrs[i].text, NULL);
		const struct addr_rule *rule = policy->purposes[0].rules.addrs;

		assert_int_equal(policy->purposes[0].rules.addr_count, 1);
		assert_int_equal(rule->ops, addrs[i].ops);
		assert_memory_equal(&rule->first, &addrs[i].first, sizeof(rule->first));
		assert_memory_equal(&rule->last, &addrs[i].last, sizeof(rule->last));
		assert_string_equal(rule->label, addrs[i].label);
		assert_int_equal(rule->port_count, 1);
		assert_int_equal(rule->ports[0].lo, 0);
		assert_int_equal(rule->ports[0].hi, UINT16_MAX);
		policy_free(policy);
	}
}

static const struct {
	const char *port;
	size_t count;
	struct port_range ranges[3];
	const char *shown;
} ports[] = {
	{"443", 1, {{443, 443}}, " port 443"},
	{"0", 1, {{0, 0}}, " port 0"},
	{"65535", 1, {{65535, 65535}}, " port 65535"},
	{"\"0-65535\"", 1, {{0, 65535}}, ""},
	{"8000-8080", 1, {{8000, 8080}}, " port 8000-8080"},
	{"[80, \"443-444\", 80]", 3, {{80, 80}, {443, 444}, {80, 80}}, " port 80,443-444,80"},
};

static void port_ranges(void **state)
{
	char text[512], label[128];

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		const struct addr_rule *rule;
		struct policy *policy;

		snprintf(text, sizeof(text), NET("{allow: connect, cidr: 192.0.2.7, port: %s}"),
			 ports[i].port);
		snprintf(label, sizeof(label), "t.yaml:8 allow connect cidr 192.0.2.7%s", ports[i].shown);
		policy = good(text, NULL);
		rule = policy->purposes[0].rules.addrs;
		assert_int_equal(rule->port_count, ports[i].count);
		assert_memory_equal(rule->ports, ports[i].ranges, ports[i].count * sizeof(*rule->ports));
		assert_string_equal(rule->label, label);
		policy_free(policy);
	}
}

/* One rule with several objects is several rules, each named by its own line. */
static void lists_spread(void **state)
{
	struct policy *policy = good(
		FILES("{allow: read, path: [/a,\n          /b]}") "    network:\n      - {allow: connect, cidr: [10.0.0.0/8, '::1'], port: 5432}\n",
		NULL);
	const struct rules *rules = &policy->purposes[0].rules;

	(void)state;
	assert_int_equal(rules->path_count, 2);
	assert_string_equal(rules->paths[0].label, "t.yaml:8 allow read path /a");
	assert_string_equal(rules->paths[1].label, "t.yaml:9 allow read path /b");
	assert_int_equal(rules->paths[1].line, 9);
	assert_int_equal(rules->paths[1].column, 11);
	assert_int_equal(rules->addr_count, 2);
	assert_string_equal(rules->addrs[0].label, "t.yaml:11 allow connect cidr 10.0.0.0/8 port 5432");
	assert_string_equal(rules->addrs[1].label, "t.yaml:11 allow connect cidr ::1 port 5432");
	policy_free(policy);
}

static void op_names(void **state)
{
	(void)state;
	for (int op = 0; op < FILE_OPS; op++)
		assert_int_equal(file_op_parse(file_op_name((enum file_op)op)), op);
	for (int op = 0; op < NET_OPS; op++)
		assert_int_equal(net_op_parse(net_op_name((enum net_op)op)), op);
	assert_null(file_op_name(FILE_OPS));
	assert_null(net_op_name(NET_OPS));
	assert_int_equal(file_op_parse(""), -1);
	assert_int_equal(file_op_parse("Read"), -1);
	assert_int_equal(net_op_parse("read"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_rules),	cmocka_unit_test(addr_rules), cmocka_unit_test(port_ranges),
		cmocka_unit_test(lists_spread), cmocka_unit_test(op_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
