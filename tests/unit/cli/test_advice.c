/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/advice.h"
#include "policy/policy.h"

static const struct {
	const char *event;
	const char *rule; /* NULL: none */
	const char *reason;
} cases[] = {
	{"{'type': 'file', 'op': 'read', 'path': '/etc/shadow', 'reason': 'rule', 'rule': null}",
	 "files: - {allow: [read], path: /etc/shadow}", "no rule names it"},
	{"{'type': 'file', 'op': 'read', 'path': '/home/a/.ssh/id', 'reason': 'rule', "
	 "'rule': 'base.yaml:31 deny read path **/.ssh/**'}",
	 "files: - {allow: [read], path: /home/a/.ssh/id}", "the closest one wins"},
	{"{'type': 'file', 'op': 'read', 'path': '/etc/shadow', 'reason': 'rule', "
	 "'rule': 'base.yaml:3 deny read path /etc/shadow'}",
	 NULL, "that rule has to go"},
	{"{'type': 'file', 'op': 'read', 'path': '/a*', 'reason': 'rule', 'rule': 'b.yaml:3 deny read path /a\\\\*'}",
	 NULL, "that rule has to go"},
	{"{'type': 'file', 'op': 'write', 'path': '/a b/\\u00e4: {x}', 'reason': 'rule', 'rule': null}",
	 "files: - {allow: [write], path: \"/a b/\xc3\xa4: \\\\{x\\\\}\"}", "no rule names it"},
	{"{'type': 'file', 'op': 'read', 'path': '/*?[]${x}\\\\', 'reason': 'rule', 'rule': null}",
	 "files: - {allow: [read], path: \"/\\\\*\\\\?\\\\[\\\\]\\\\$\\\\{x\\\\}\\\\\\\\\"}",
	 "no rule names it"},
	{"{'type': 'file', 'op': 'exec', 'path': '/opt/x', 'reason': 'rule', 'rule': null}",
	 "exec: - {allow: /opt/x}", "no rule names it"},
	{"{'type': 'file', 'op': 'connect', 'path': '/run/x.sock', 'reason': 'rule', 'rule': null}",
	 "ipc: - {allow: connect, unix: /run/x.sock}", "no rule names it"},
	{"{'type': 'net', 'op': 'connect', 'addr': '192.0.2.7', 'port': 443, 'reason': 'rule', 'rule': null}",
	 "network: - {allow: connect, cidr: 192.0.2.7/32, port: 443}", "no rule names it"},
	{"{'type': 'net', 'op': 'send', 'addr': '2001:db8::1', 'port': 53, 'reason': 'rule', 'rule': null}",
	 "network: - {allow: send, cidr: \"2001:db8::1/128\", port: 53}", "no rule names it"},
	{"{'type': 'net', 'op': 'bind', 'addr': '0.0.0.0', 'port': 80, 'reason': 'rule', 'rule': null}",
	 "network: - {allow: bind, cidr: 0.0.0.0/32, port: 80}", "no rule names it"},
	{"{'type': 'net', 'op': 'udp-bind', 'addr': '::', 'port': 80, 'reason': 'rule', 'rule': null}",
	 "network: - {allow: bind, proto: udp, cidr: \"::/128\", port: 80}", "no rule names it"},
	{"{'type': 'file', 'op': 'read', 'path': '/a\\\\xff', 'escaped': true, 'reason': 'rule', 'rule': null}",
	 NULL, "cannot be written as a rule"},
	{"{'type': 'file', 'op': 'read', 'path': '.../b', 'cut': true, 'reason': 'rule', 'rule': null}", NULL,
	 "cannot be written as a rule"},
	{"{'type': 'file', 'op': 'read', 'path': 'memfd:x', 'anon': true, 'reason': 'rule', 'rule': null}",
	 NULL, "cannot be written as a rule"},
	{"{'type': 'file', 'op': 'read', 'path': '/x', 'reason': 'revoked'}", NULL, "was revoked"},
	{"{'type': 'file', 'op': 'read', 'path': '/x', 'reason': 'expired'}", NULL, "time is over"},
	{"{'type': 'file', 'op': 'read', 'path': '/x', 'reason': 'stale'}", NULL, "no longer loaded"},
	{"{'type': 'file', 'op': 'create', 'path': '/x', 'reason': 'wider'}", NULL, "rename or link"},
	{"{'type': 'net', 'op': 'socket', 'family': 16, 'kind': 'netlink-audit', 'reason': 'family'}", NULL,
	 "cannot be granted"},
	{"{'type': 'net', 'op': 'socket', 'family': 12, 'kind': null, 'reason': 'family'}", NULL,
	 "cannot be granted"},
	{"{'type': 'net', 'op': 'socket', 'family': 2, 'kind': 'icmp', 'reason': 'family'}",
	 "network: - {allow: socket, kind: icmp}", "by their kind"},
	{"{'type': 'net', 'op': 'connect', 'family': 1, 'kind': 'unix', 'reason': 'family'}", NULL,
	 "bound at no path"},
	{"{'type': 'file', 'op': 'read', 'path': null, 'reason': 'unreachable'}", NULL,
	 "no rule can name it"},
	{"{'type': 'file', 'op': 'read', 'path': '/x', 'reason': 'busy'}", NULL, "try again"},
	{"{'type': 'guard', 'op': 'bpf', 'reason': 'guarded'}", NULL, "no policy can grant this"},
	{"{'type': 'guard', 'op': 'capability', 'capability': 'cap_chown', 'reason': 'rule'}",
	 "privileges: {capabilities: [chown]}", "no such privilege"},
	{"{'type': 'guard', 'op': 'capability', 'capability': 'cap_sys_admin', 'reason': 'guarded'}", NULL,
	 "no policy can grant this"},
	{"{'type': 'guard', 'op': 'user_namespace', 'reason': 'rule'}",
	 "privileges: {user_namespaces: allow}", "no such privilege"},
	{"{'type': 'task', 'op': 'fork', 'reason': 'limit'}", NULL, "tagged tasks"},
	{"{'type': 'file', 'op': 'read', 'path': '/x', 'reason': 'of tomorrow'}", NULL, "does not know"},
	{"{}", NULL, "does not know"},
};

/* JSON with ' for ". */
static json_t *event_of(const char *text)
{
	char *copy = strdup(text);
	json_t *event;

	for (char *at = copy; (at = strchr(at, '\'')); at++)
		*at = '"';
	event = json_loads(copy, 0, NULL);
	assert_non_null(event);
	free(copy);
	return event;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *event = event_of(cases[i].event);
		char *rule = advice_rule(event);

		if (cases[i].rule)
			assert_string_equal(rule ? rule : "none", cases[i].rule);
		else
			assert_null(rule);
		assert_non_null(strstr(advice_reason(event), cases[i].reason));
		free(rule);
		json_decref(event);
	}
}

static enum action decide(const json_t *event, const struct table *table)
{
	const char *op = json_string_value(json_object_get(event, "op"));
	const char *cap = json_string_value(json_object_get(event, "capability"));
	struct policy_answer a;

	if (!strcmp(json_string_value(json_object_get(event, "type")), "guard")) {
		int bit = cap ? capability_parse(cap) : (int)PRIV_USERNS;

		assert_int_equal(policy_explain_privilege(table, (unsigned)bit, &a), 0);
		return a.action;
	}

	assert_int_equal(policy_explain_path(table, (enum file_op)file_op_parse(op),
					     json_string_value(json_object_get(event, "path")), &a),
			 0);
	return a.action;
}

/* The rule, put into a policy that refused the event, allows it: advice that were wrong would be worse than
 * none. */
static void test_advice_works(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *event = event_of(cases[i].event);
		char *rule = advice_rule(event), *text;
		struct policy_errors errors = {0};
		struct policy *policy;
		struct table *table;
		int len;

		if (rule) {
			/* "files: - {...}" as it would be written: the list on a line of its own */
			len = asprintf(
				&text,
				"apiVersion: deputy/v1\nname: x\nowner: {any_of: [\"uid:1\"]}\npurposes:\n  p:\n"
				"    ttl: 1m\n    %.*s\n      %s\n",
				(int)(strchr(rule, ' ') - rule), rule, strchr(rule, ' ') + 1);
			assert_int_equal(
				policy_parse("x.yaml", text, (size_t)len, NULL, NULL, &errors, &policy), 0);
			assert_int_equal(policy_compile(policy, "p", &(struct policy_vars){"/", "/", "u"},
							&errors, &table),
					 0);
			if (json_object_get(event, "path") || !strncmp(rule, "privileges", 10))
				assert_int_equal(decide(event, table), ACT_ALLOW);
			table_free(table);
			policy_free(policy);
			free(text);
		}
		free(rule);
		json_decref(event);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_advice_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
