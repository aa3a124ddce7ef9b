/* SPDX-License-Identifier: Apache-2.0 */
/* Each mistake is told in these words, at this place. */
#include "reading.h"

#define AT(place, what)		  "t.yaml:" place ": " what "\n"
#define HINTED(place, what, hint) "t.yaml:" place ": " what "\n\thint: " hint "\n"

#define FILE_OPS_HINT "one of: read, write, exec, create, delete, list, metadata"
#define NAME_HINT     "letters, digits, '.', '_' and '-', beginning with a letter, digit or '_'"
#define OWNER_HINT    "write uid:NAME, uid:1000, uid:* for any local user, oidc:... or ssh:SHA256:..."
#define TTL_HINT      "a whole number and a unit, up to 24 hours: 30s, 15m or 2h"
#define CIDR_HINT     "such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32; names are not enforced by this version"
#define PORT_HINT     "0 to 65535, or a range such as \"8000-8080\""
#define CHAR_HINT     "save the file as plain UTF-8 text"

#define API    "apiVersion: deputy/v1\n"
#define TOP(x) "apiVersion: deputy/v1\nname: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n" x

struct mistake {
	const char *text;
	const char *want;
};

static void each(const struct mistake *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bad(list[i].text, NULL, list[i].want);
}

static const struct mistake tops[] = {
	{"", HINTED("1:1", "the file is empty", "begin with 'apiVersion: deputy/v1'")},
	{"# nothing\n", HINTED("1:1", "the file is empty", "begin with 'apiVersion: deputy/v1'")},
	{"hello\n", AT("1:1", "a policy must be a mapping, not a single value")},
	{"- a\n", AT("1:1", "a policy must be a mapping, not a list")},
	{"{}\n", HINTED("1:1", "a policy needs 'apiVersion'", "such as 'apiVersion: deputy/v1'")
			 HINTED("1:1", "a policy needs 'name'", "such as 'name: coder'") HINTED(
				 "1:1", "a policy needs 'owner'", "such as 'owner: {any_of: [uid:alice]}'")
				 HINTED("1:1", "a policy needs 'purposes'",
					"such as 'purposes: {fix-issue: {ttl: 15m}}'")},
	{"apiVersion: v1\nname: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("1:13", "unknown apiVersion 'v1'", "write 'apiVersion: deputy/v1'")},
	{"apiVersion: [deputy/v1]\nname: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 AT("1:13", "apiVersion must be a single value, not a list")},
	{API "nmae: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("2:1", "unknown key 'nmae' in a policy", "did you mean 'name'?")},
	{TOP("color: red\n"), HINTED("5:1", "unknown key 'color' in a policy",
				     "one of: apiVersion, name, owner, profiles, purposes")},
	{TOP("name: t\n"), AT("5:1", "'name' is given twice, first in line 2")},
	{TOP("approvers: [uid:0]\n"), HINTED("5:1", "'approvers' is not enforced by this version",
					     "leave it out: no call is paused for a human to answer")},
	{TOP("<<: {}\n"), HINTED("5:1", "unknown key '<<' in a policy",
				 "one of: apiVersion, name, owner, profiles, purposes")},
	{TOP("? [a]\n: b\n"), AT("5:3", "a key must be a single word")},
	{API "name: a/b\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("2:7", "a policy's name cannot be 'a/b'", NAME_HINT)},
	{API "name: ..\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("2:7", "a policy's name cannot be '..'", NAME_HINT)},
	{API "name: -x\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("2:7", "a policy's name cannot be '-x'", NAME_HINT)},
	{API "name:\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}}\n",
	 HINTED("2:6", "a policy's name cannot be ''", NAME_HINT)},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {}\n",
	 HINTED("4:11", "purposes must be a mapping of names to purposes",
		"such as 'fix-issue: {ttl: 15m}'")},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: [p]\n",
	 HINTED("4:11", "purposes must be a mapping of names to purposes",
		"such as 'fix-issue: {ttl: 15m}'")},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: 1m}, p: {ttl: 1m}}\n",
	 AT("4:26", "'p' is given twice, first in line 4")},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {'': {ttl: 1m}}\n",
	 HINTED("4:12", "a purpose's name cannot be ''", NAME_HINT)},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {p: x}\n",
	 AT("4:15", "a purpose must be a mapping, not a single value")},
};

static void top_level(void **state)
{
	(void)state;
	each(tops, COUNT(tops));
}

/* Each owner is refused alone, in line 3 column 18. */
static const char *const owners[] = {
	"",	   "alice",    "uid:",	      "uid:-1",		"uid:01", "uid:4294967295",
	"uid:a b", "uid:a/b",  "UID:1",	      "oidc:",		"gid:0",  "uid:-x",
	"uid:**",  "oidc:a b", "ssh:SHA256:", "ssh:SHA256:a b", "ssh:x",
};

static void bad_owners(void **state)
{
	char text[512], want[512];

	(void)state;
	for (size_t i = 0; i < COUNT(owners); i++) {
		snprintf(text, sizeof(text),
			 API "name: t\nowner: {any_of: ['%s']}\npurposes: {p: {ttl: 1m}}\n", owners[i]);
		snprintf(want, sizeof(want), HINTED("3:18", "'%s' names no owner", OWNER_HINT), owners[i]);
		bad(text, NULL, want);
	}
}

#define OWNER(x) API "name: t\nowner: " x "\npurposes: {p: {ttl: 1m}}\n"

static const struct mistake owner_forms[] = {
	{OWNER("uid:1000"), AT("3:8", "owner must be a mapping, not a single value")},
	{OWNER("{}"), HINTED("3:8", "owner needs 'any_of'", "such as 'any_of: [uid:alice]'")},
	{OWNER("{any_of: []}"), AT("3:17", "an owner: the list is empty")},
	{OWNER("{any_of: {a: b}}"), AT("3:17", "an owner must be a list, not a mapping")},
	{OWNER("{any_of: [[uid:1]]}"), AT("3:18", "an owner must be a single value, not a list")},
	{OWNER("{all_of: [uid:1]}"),
	 HINTED("3:9", "'all_of' is not enforced by this version", "write 'any_of:'")},
	{OWNER("{any: [uid:1]}"), HINTED("3:9", "unknown key 'any' in owner", "one of: any_of")},
};

static void bad_owner_forms(void **state)
{
	(void)state;
	each(owner_forms, COUNT(owner_forms));
}

static const char *const ttls[] = {
	"0s",  "0m",	"15",	  "m",	"''",  "-1m", "1.5h", "1h30m",
	"25h", "1441m", "86401s", "1d", "01m", "1 m", "1M",   "99999999999999999999h"};

static void bad_ttls(void **state)
{
	char text[512], want[512];

	(void)state;
	for (size_t i = 0; i < COUNT(ttls); i++) {
		const char *shown = strcmp(ttls[i], "''") == 0 ? "" : ttls[i];

		snprintf(text, sizeof(text),
			 API "name: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: %s}}\n", ttls[i]);
		snprintf(want, sizeof(want), HINTED("4:21", "'%s' is not a time to live", TTL_HINT), shown);
		bad(text, NULL, want);
	}
}

static const struct mistake terms[] = {
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {p: {files: []}}\n",
	 HINTED("4:15", "a purpose needs 'ttl'", "such as 'ttl: 15m'")},
	{API "name: t\nowner: {any_of: [uid:*]}\npurposes: {p: {ttl: [1m]}}\n",
	 AT("4:21", "ttl must be a single value, not a list")},
	{HEAD "    on_revoke: hold\n",
	 HINTED("7:16", "'hold' is not enforced by this version",
		"write 'allow' or 'deny': no call is paused for a human to answer")},
	{HEAD "    on_revoke: kil\n", HINTED("7:16", "unknown on_revoke 'kil'", "did you mean 'kill'?")},
	{HEAD "    open_roads: acept\n",
	 HINTED("7:17", "unknown open_roads 'acept'", "did you mean 'accept'?")},
	{HEAD "    open_roads: []\n", AT("7:17", "open_roads must be a single value, not a list")},
	{HEAD "    on_revoke: {}\n", AT("7:16", "on_revoke must be a single value, not a mapping")},
	{HEAD "    audit: required\n",
	 HINTED("7:12", "'audit: required' is not enforced by this version",
		"'audit: all' records every operation that the event ring has room for")},
	{HEAD "    audit: change\n", HINTED("7:12", "unknown audit 'change'", "did you mean 'changes'?")},
	{HEAD "    audit: none\n", HINTED("7:12", "unknown audit 'none'", "one of: denials, changes, all")},
	{HEAD "    delegate: {depth: 2}\n",
	 HINTED("7:15", "delegate needs 'children'", "such as 'children: 8'")},
	{HEAD "    delegate: {depth: 8, children: 1}\n",
	 "t.yaml:7:23: depth must be a whole number from 1 to 7, not '8'\n"},
	{HEAD "    delegate: {depth: 1, children: 0}\n",
	 "t.yaml:7:36: children must be a whole number from 1 to 1024, not '0'\n"},
	{HEAD "    labels: [a]\n", HINTED("7:5", "'labels' is not enforced by this version", "leave it out")},
	{HEAD "    privileges: [a]\n", AT("7:17", "privileges must be a mapping, not a list")},
	{HEAD "    privileges: {capabilities: []}\n", AT("7:32", "a capability: the list is empty")},
	{HEAD "    privileges: {capabilities: {}}\n",
	 AT("7:32", "a capability must be a list, not a mapping")},
	{HEAD "    privileges: {capabilities: [[]]}\n",
	 AT("7:33", "a capability must be a single value, not a list")},
	{HEAD "    privileges: {capabilities: [chwon]}\n",
	 HINTED("7:33", "unknown capability 'chwon'", "did you mean 'chown'?")},
	{HEAD "    privileges: {capabilities: [cap_cap_chown]}\n",
	 HINTED("7:33", "unknown capability 'cap_cap_chown'",
		"one of: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, linux_immutable, "
		"net_bind_service, net_broadcast, net_raw, ipc_lock, ipc_owner, sys_chroot, sys_nice, lease, "
		"wake_alarm, block_suspend")},
	{HEAD "    privileges: {capabilities: sys_admin}\n",
	 HINTED("7:32", "capability 'sys_admin' cannot be granted",
		"it mounts, and undoes every other rule")},
	{HEAD "    privileges: {capabilities: [chown, CAP_BPF]}\n",
	 HINTED("7:40", "capability 'bpf' cannot be granted", "it changes the programs that enforce grants")},
	{HEAD "    privileges: {capability: chown}\n",
	 HINTED("7:18", "unknown key 'capability' in privileges", "did you mean 'capabilities'?")},
	{HEAD "    privileges: {user_namespaces: yes}\n",
	 HINTED("7:35", "unknown user_namespaces 'yes'", "one of: allow, deny")},
	{HEAD "    privileges: {user_namespaces: [allow]}\n",
	 AT("7:35", "user_namespaces must be a single value, not a list")},
	{HEAD "    file: []\n", HINTED("7:5", "unknown key 'file' in a purpose", "did you mean 'files'?")},
	{HEAD "    profiles: [base]\n",
	 HINTED("7:5", "unknown key 'profiles' in a purpose",
		"one of: ttl, files, network, exec, ipc, privileges, on_revoke, open_roads, audit, delegate")},
	{HEAD "    files: {allow: read}\n", AT("7:12", "files must be a list, not a mapping")},
	{HEAD "    exec: /usr/bin/git\n", AT("7:11", "exec must be a list, not a single value")},
	{HEAD "    network: \"\"\n", AT("7:14", "network must be a list, not a single value")},
};

static void purpose_terms(void **state)
{
	(void)state;
	each(terms, COUNT(terms));
}

static const struct mistake path_rules[] = {
	{FILES("/a"), AT("8:9", "a file rule must be a mapping, not a single value")},
	{FILES("{allow: raed, path: /a}"),
	 HINTED("8:17", "unknown operation 'raed'", "did you mean 'read'?")},
	{FILES("{allow: [read, execute], path: /a}"),
	 HINTED("8:24", "unknown operation 'execute'", FILE_OPS_HINT)},
	{FILES("{allow: [remove], path: /a}"), HINTED("8:18", "unknown operation 'remove'", FILE_OPS_HINT)},
	{FILES("{allow: connect, path: /a}"), HINTED("8:17", "unknown operation 'connect'", FILE_OPS_HINT)},
	{FILES("{allow: '', path: /a}"), HINTED("8:17", "unknown operation ''", FILE_OPS_HINT)},
	{FILES("{allow: [], path: /a}"), AT("8:17", "an operation: the list is empty")},
	{FILES("{allow: {read: yes}, path: /a}"), AT("8:17", "an operation must be a list, not a mapping")},
	{FILES("{allow: [[read]], path: /a}"), AT("8:18", "an operation must be a single value, not a list")},
	{FILES("{path: /a}"), HINTED("8:9", "a file rule needs 'allow' or 'deny'", "such as 'allow: ...'")},
	{FILES("{allow: read}"), HINTED("8:9", "a file rule needs 'path'", "such as 'path: /usr/**'")},
	{FILES("{}"), HINTED("8:9", "a file rule needs 'path'", "such as 'path: /usr/**'")},
	{FILES("{allow: read, deny: write, path: /a}"),
	 HINTED("8:9", "a file rule either allows or denies", "write two rules")},
	{FILES("{allow: read, allow: write, path: /a}"),
	 AT("8:23", "'allow' is given twice, first in line 8")},
	{FILES("{hold: write, path: /a}"),
	 HINTED("8:10", "'hold' is not enforced by this version",
		"write 'allow' or 'deny': no call is paused for a human to answer")},
	{FILES("{allow: [read, hold], path: /a}"),
	 HINTED("8:24", "'hold' is not enforced by this version",
		"write 'allow' or 'deny': no call is paused for a human to answer")},
	{FILES("{allow: read, path: /a, unless: /b}"),
	 HINTED("8:33", "'unless' is not enforced by this version",
		"write a rule of its own: a narrower rule wins over a wider one")},
	{FILES("{allow: read, path: /a, label: x}"),
	 HINTED("8:33", "'label' is not enforced by this version", "leave it out")},
	{FILES("{allow: read, paths: /a}"),
	 HINTED("8:23", "unknown key 'paths' in a file rule", "did you mean 'path'?")},
	{FILES("{allow: read, path: []}"), AT("8:29", "a path: the list is empty")},
	{FILES("{allow: read, path: {a: b}}"), AT("8:29", "a path must be a list, not a mapping")},
	{EXEC("{allow: /a, path: /b}"),
	 HINTED("8:21", "unknown key 'path' in an exec rule", "one of: allow, deny")},
	{EXEC("{hold: /a}"), HINTED("8:10", "'hold' is not enforced by this version",
				    "write 'allow' or 'deny': no call is paused for a human to answer")},
	{EXEC("{}"), HINTED("8:9", "an exec rule needs 'allow' or 'deny'", "such as 'allow: ...'")},
	{IPC("{allow: connect}"),
	 HINTED("8:9", "an ipc rule needs 'unix'", "such as 'unix: /run/postgresql/.s.PGSQL.5432'")},
	{IPC("{allow: send, unix: /a}"), HINTED("8:17", "unknown operation 'send'", "one of: connect")},
};

static void rules_over_paths(void **state)
{
	(void)state;
	each(path_rules, COUNT(path_rules));
}

#define SOCKET_HINT                                                                                          \
	"a rule with 'kind' is about making sockets: write 'socket'; addresses have rules of their own"

static const struct mistake net_rules[] = {
	{NET("{allow: connect}"),
	 HINTED("8:9", "a network rule needs 'cidr'", "such as 'cidr: 192.0.2.0/24'")},
	{NET("{allow: connect, host: api.github.com, port: 443}"),
	 HINTED("8:26", "'host' is not enforced by this version",
		"write 'cidr:' with the addresses: a name's addresses are not known to the kernel")},
	{NET("{allow: connect, cidr: api.github.com}"),
	 HINTED("8:32", "'api.github.com' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: 10.0.0.1/8}"),
	 HINTED("8:32", "'10.0.0.1/8' names a host inside its network", "the network is 10.0.0.0/8")},
	{NET("{allow: connect, cidr: '2001:db8::1/64'}"),
	 HINTED("8:32", "'2001:db8::1/64' names a host inside its network", "the network is 2001:db8::/64")},
	{NET("{allow: connect, cidr: 0.0.0.1/0}"),
	 HINTED("8:32", "'0.0.0.1/0' names a host inside its network", "the network is 0.0.0.0/0")},
	{NET("{allow: connect, cidr: 10.0.0.0/33}"),
	 HINTED("8:32", "'10.0.0.0/33' has no such prefix length", "0 to 32")},
	{NET("{allow: connect, cidr: '::/129'}"),
	 HINTED("8:32", "'::/129' has no such prefix length", "0 to 128")},
	{NET("{allow: connect, cidr: 10.0.0.0/}"),
	 HINTED("8:32", "'10.0.0.0/' has no such prefix length", "0 to 32")},
	{NET("{allow: connect, cidr: 10.0.0.0/08}"),
	 HINTED("8:32", "'10.0.0.0/08' has no such prefix length", "0 to 32")},
	{NET("{allow: connect, cidr: 10.0.0.0/8/8}"),
	 HINTED("8:32", "'10.0.0.0/8/8' has no such prefix length", "0 to 32")},
	{NET("{allow: connect, cidr: 10.0.0}"),
	 HINTED("8:32", "'10.0.0' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: 010.0.0.1}"),
	 HINTED("8:32", "'010.0.0.1' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: '*'}"), HINTED("8:32", "'*' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: ''}"), HINTED("8:32", "'' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: 'fe80::1%eth0'}"),
	 HINTED("8:32", "'fe80::1%eth0' is not an address or network", CIDR_HINT)},
	{NET("{allow: connect, cidr: '0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0'}"),
	 HINTED("8:32",
		"'0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0' is not an address or network",
		CIDR_HINT)},
	{NET("{allow: connect, cidr: []}"), AT("8:32", "a network: the list is empty")},
	{NET("{allow: send, proto: tcp, cidr: '::1'}"),
	 HINTED("8:17", "'send' is not an operation of TCP", "TCP is granted by 'connect'")},
	{NET("{allow: send, proto: sctp, cidr: '::1'}"),
	 HINTED("8:30", "unknown proto 'sctp'", "one of: tcp, udp")},
	{NET("{allow: send, proto: icmp, cidr: '::1'}"),
	 HINTED("8:30", "unknown proto 'icmp'", "one of: tcp, udp")},
	{NET("{allow: send, proto: [udp], cidr: '::1'}"),
	 AT("8:30", "proto must be a single value, not a list")},
	{NET("{allow: socket, cidr: '::1'}"),
	 HINTED("8:25", "unknown key 'cidr' in a rule about sockets", "one of: allow, deny, kind")},
	{NET("{allow: socket}"), HINTED("8:9", "a rule about sockets needs 'kind'", "such as 'kind: icmp'")},
	{NET("{allow: connect, kind: icmp}"),
	 HINTED("8:17", "'connect' is not an operation on a kind of socket", SOCKET_HINT)},
	{NET("{allow: [socket, connect], kind: icmp}"),
	 HINTED("8:26", "'connect' is not an operation on a kind of socket", SOCKET_HINT)},
	{NET("{allow: socket, kind: []}"), AT("8:31", "a kind of socket: the list is empty")},
	{NET("{allow: socket, kind: icmp6}"),
	 HINTED("8:31", "unknown kind of socket 'icmp6'", "did you mean 'icmp'?")},
	{NET("{allow: socket, kind: netlink-audit}"),
	 HINTED("8:31", "sockets of kind 'netlink-audit' cannot be granted",
		"it tells of what other processes do")},
	{NET("{deny: socket, kind: tcp}"),
	 HINTED("8:30", "sockets of kind 'tcp' cannot be granted",
		"it needs no kind: its addresses are granted by 'connect', 'send' and 'bind'")},
	{NET("{allow: conect, cidr: '::1'}"),
	 HINTED("8:17", "unknown operation 'conect'", "did you mean 'connect'?")},
	{NET("{allow: listen, cidr: '::1'}"),
	 HINTED("8:17", "unknown operation 'listen'", "one of: connect, send, bind")},
	{NET("{allow: connect, cidr: '::1', port: []}"), AT("8:45", "a port: the list is empty")},
	{NET("{allow: connect, cidr: '::1', prot: 1}"),
	 HINTED("8:39", "unknown key 'prot' in a network rule", "did you mean 'port'?")},
};

static void rules_over_addresses(void **state)
{
	(void)state;
	each(net_rules, COUNT(net_rules));
}

static const char *const ports[] = {"65536",   "-1",   "http", "1-",	 "-",	  "2-1",
				    "1-65536", "0x50", "080",  "80,443", "1-2-3", "18446744073709551617"};

static void bad_ports(void **state)
{
	char text[512], want[512];

	(void)state;
	for (size_t i = 0; i < COUNT(ports); i++) {
		snprintf(text, sizeof(text), NET("{allow: connect, cidr: 10.0.0.1, port: '%s'}"), ports[i]);
		snprintf(want, sizeof(want), HINTED("8:48", "'%s' is not a port", PORT_HINT), ports[i]);
		bad(text, NULL, want);
	}
}

static const struct mistake yaml[] = {
	{"a: [b\n",
	 HINTED("2:1", "not YAML: did not find expected ',' or ']'", "while parsing a flow sequence")},
	{"a: b: c\n", AT("1:5", "not YAML: mapping values are not allowed in this context")},
	{"a:\n\t- b\n", HINTED("2:1", "not YAML: found character that cannot start any token",
			       "while scanning for the next token")},
	{"a: &x b\nc: *x\n",
	 HINTED("1:4", "anchors are not part of the language", "write the value out where it is needed")
		 HINTED("2:4", "aliases are not part of the language", "write the value out")},
	{"a: !!str b\nc: ! d\ne: !x {}\n",
	 HINTED("1:4", "tags are not part of the language", "leave the tag out")
		 HINTED("2:4", "tags are not part of the language", "leave the tag out")
			 HINTED("3:4", "tags are not part of the language", "leave the tag out")},
	{"&x [a]\n",
	 HINTED("1:1", "anchors are not part of the language", "write the value out where it is needed")},
	{TOP("---\nname: u\n"), HINTED("5:1", "a second document begins here", "one file holds one policy")},
	{"%YAML 3.0\n---\na: b\n", AT("1:1", "not YAML: found incompatible YAML document")},
	{"a: \"b\\nc\"\n", AT("1:4", "the value holds a line break or control character")},
	{"a: |\n  b\n", AT("1:4", "the value holds a line break or control character")},
	{"a: \"\\0\"\n", AT("1:4", "the value holds a NUL byte")},
	{"a: \"\\e[31m\"\n", AT("1:4", "the value holds a line break or control character")},
	{"a: \"\\u202e\"\n", AT("1:4", "the value holds a character that reorders text")},
	{"a: \"\\x9b\"\n", AT("1:4", "the value holds a control character")},
};

static void not_the_subset(void **state)
{
	(void)state;
	each(yaml, COUNT(yaml));
}

static const struct {
	const char *text;
	size_t len;
	const char *want;
} bytes[] = {
	{"a: b\0c\n", 7, HINTED("1:5", "the file holds a NUL byte", CHAR_HINT)},
	{"a: \xff\n", 5, HINTED("1:4", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"\xff\xfe"
	 "a\0",
	 4, HINTED("1:1", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"a: \xc0\xaf\n", 6, HINTED("1:4", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"a: \xed\xa0\x80\n", 7, HINTED("1:4", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"a: \xf4\x90\x80\x80\n", 8, HINTED("1:4", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"a: \xe2\x82", 5, HINTED("1:4", "the file holds a byte that is not UTF-8", CHAR_HINT)},
	{"\xc3\xa9\n\xc3\xa9\x07", 6, HINTED("2:2", "the file holds a control character", CHAR_HINT)},
	{"\xef\xbb\xbf"
	 "a: b\n",
	 8, HINTED("1:1", "the file holds a byte-order mark", CHAR_HINT)},
	{"# \xe2\x80\xae\n", 6, HINTED("1:3", "the file holds a character that reorders text", CHAR_HINT)},
	{"a: b\rc: d\n", 10, HINTED("1:5", "the file holds a carriage return inside a line", CHAR_HINT)},
	{"a: b\xc2\x85"
	 "c: d\n",
	 11, HINTED("1:5", "the file holds a control character", CHAR_HINT)},
	{"a: b\xe2\x80\xa8\n", 8,
	 HINTED("1:5", "the file holds a line break that few editors show", CHAR_HINT)},
};

static void bad_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bytes); i++)
		bad_text(bytes[i].text, bytes[i].len, NULL, bytes[i].want);
}

/* All at once, in the order of the file whatever the order they were found in. */
static void together(void **state)
{
	(void)state;
	bad(HEAD "    audit: al\n    on_revoke: kil\n"
		 "    ipc: [{allow: connect}]\n    files: [{allow: raed, path: /a}]\n",
	    NULL,
	    HINTED("7:12", "unknown audit 'al'", "did you mean 'all'?")
		    HINTED("8:16", "unknown on_revoke 'kil'", "did you mean 'kill'?")
			    HINTED("9:11", "an ipc rule needs 'unix'",
				   "such as 'unix: /run/postgresql/.s.PGSQL.5432'")
				    HINTED("10:21", "unknown operation 'raed'", "did you mean 'read'?"));
}

static void format_needs_room(void **state)
{
	const struct policy_error e = {.file = "f", .line = 1, .column = 2, .what = "w", .hint = "h"};
	char buf[32];

	(void)state;
	assert_int_equal(policy_error_format(&e, buf, sizeof("f:1:2: w\n\thint: h")), 0);
	assert_string_equal(buf, "f:1:2: w\n\thint: h");
	assert_int_equal(policy_error_format(&e, buf, sizeof("f:1:2: w\n\thint: h") - 1), -ENOSPC);
}

/* A word cut in the middle of a character must not make the message unreadable to JSON. */
static void cut_characters(void **state)
{
	struct policy_errors errors = {0};
	char word[POLICY_TEXT_MAX / 1024];

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(word); i += 2)
		memcpy(word + i, "\xc3\xa9", 3);
	errors_add(&errors, word + 1, 1, 1, word, "x%s", word);
	assert_int_equal(errors.count, 1);
	assert_int_equal(strlen(errors.list[0].file) % 2, 0);
	assert_int_equal(strlen(errors.list[0].hint) % 2, 0);
	assert_int_equal(strlen(errors.list[0].what) % 2, 1);
	policy_errors_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(top_level),
		cmocka_unit_test(bad_owners),
		cmocka_unit_test(bad_owner_forms),
		cmocka_unit_test(bad_ttls),
		cmocka_unit_test(purpose_terms),
		cmocka_unit_test(rules_over_paths),
		cmocka_unit_test(rules_over_addresses),
		cmocka_unit_test(bad_ports),
		cmocka_unit_test(not_the_subset),
		cmocka_unit_test(bad_bytes),
		cmocka_unit_test(together),
		cmocka_unit_test(format_needs_room),
		cmocka_unit_test(cut_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
