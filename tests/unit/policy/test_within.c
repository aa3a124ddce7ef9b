/* SPDX-License-Identifier: Apache-2.0 */
/* A child's table within its parent's: pairs of policies, and what is wider of them. */
#include "policy/decide_env.h"
#include "policy/within.h"
#include "reading.h"

#define FILES_OF(x) "    files:\n" x
#define NET_OF(x)   "    network:\n" x
#define RULE(x)	    "      - {" x "}\n"

static struct table *compile(const char *body)
{
	static const struct policy_vars vars = {"/work", "/home/u", "u"};
	struct policy_errors errors = {0};
	struct table *table = NULL;
	char text[8192];
	struct policy *policy;
	int err;

	assert_true((size_t)snprintf(text, sizeof(text), "%s%s", HEAD, body) < sizeof(text));
	policy = good(text, NULL);
	err = policy_compile(policy, "p", &vars, &errors, &table);
	if (err && errors.count)
		print_error("%s\n", errors.list[0].what);
	assert_int_equal(err, 0);
	policy_free(policy);
	policy_errors_free(&errors);
	return table;
}

struct pair_case {
	const char *child, *parent;
	const char *wider;   /* "op object", NULL: within */
	const char *rule;    /* ends the label of the child's rule */
	const char *refuses; /* and the parent's; NULL: none names it */
};

/* What was said is what both tables say. */
static void check_answer(const struct table *child, const struct table *parent, const struct policy_wider *w)
{
	struct policy_answer c, p;

	if (w->kind == WIDER_PATH) {
		assert_int_equal(policy_explain_path(child, w->number, w->object, &c), 0);
		assert_int_equal(policy_explain_path(parent, w->number, w->object, &p), 0);
		assert_string_equal(w->op, file_op_name(w->number));
	} else if (w->chosen) {
		assert_int_equal(policy_explain_addr(child, w->number, &w->addr, w->port, &c), 0);
		assert_null(c.rule);
		assert_int_equal(policy_explain_addr(child, w->number, &w->addr, 0, &c), 0);
		assert_int_equal(policy_explain_addr(parent, w->number, &w->addr, w->port, &p), 0);
		assert_string_equal(w->op, "listen");
	} else if (w->kind == WIDER_ADDR) {
		assert_int_equal(policy_explain_addr(child, w->number, &w->addr, w->port, &c), 0);
		assert_int_equal(policy_explain_addr(parent, w->number, &w->addr, w->port, &p), 0);
		assert_string_equal(w->op, net_op_name(w->number));
	} else if (w->kind == WIDER_PRIVILEGE) {
		assert_int_equal(policy_explain_privilege(child, w->number, &c), 0);
		assert_int_equal(policy_explain_privilege(parent, w->number, &p), 0);
	} else {
		assert_int_equal(policy_explain_socket(child, w->number, &c), 0);
		assert_int_equal(policy_explain_socket(parent, w->number, &p), 0);
		c.rule = w->rule;
		p.rule = w->parent_rule;
	}
	assert_int_equal(w->child, c.action);
	assert_int_equal(w->parent, p.action);
	assert_true(c.action > p.action);
	assert_ptr_equal(w->rule, c.rule);
	assert_ptr_equal(w->parent_rule, p.rule);
}

static void check_label(const char *got, const char *want, const char *what)
{
	if (!got && !want)
		return;
	if (!got || !want || !strstr(got, want))
		fail_msg("%s: the rule is \"%s\", expected \"%s\"", what, got ?: "none", want ?: "none");
}

static void check_case(const struct pair_case *c)
{
	struct table *child = compile(c->child), *parent = compile(c->parent);
	static struct policy_wider wider;
	char got[WITHIN_OBJECT + 32];
	int err;

	memset(&wider, 0x5a, sizeof(wider));
	assert_int_equal(policy_within(child, child, &wider), 0);
	assert_int_equal(policy_within(parent, parent, &wider), 0);
	err = policy_within(child, parent, &wider);
	if (!c->wider) {
		if (err)
			fail_msg("%swider than\n%s%d: %s %s by %s", c->child, c->parent, err, wider.op,
				 wider.object, wider.rule);
		assert_int_equal(*(unsigned char *)&wider, 0x5a);
	} else {
		if (err != -EACCES)
			fail_msg("%sin\n%s%d, expected wider: %s", c->child, c->parent, err, c->wider);
		snprintf(got, sizeof(got), "%s %s", wider.op, wider.object);
		assert_string_equal(got, c->wider);
		check_answer(child, parent, &wider);
		check_label(wider.rule, c->rule, c->wider);
		check_label(wider.parent_rule, c->refuses, c->wider);
	}
	table_free(child);
	table_free(parent);
}

#define CHECK_CASES(cases)                                                                                   \
	for (size_t i = 0; i < COUNT(cases); i++)                                                            \
	check_case(&cases[i])

#define ALL	 "allow: [read, write, create, delete, list, exec, metadata]"
#define TREE	 RULE("allow: read, path: /a/**")
#define TREE_BUT TREE RULE("deny: read, path: /a/s/**")

static void test_paths(void **state)
{
	static const struct pair_case cases[] = {
		{"", "", NULL, NULL, NULL},
		{"", FILES_OF(TREE), NULL, NULL, NULL},
		{FILES_OF(TREE), "", "metadata /", "/a/**", NULL},
		{FILES_OF(RULE("allow: read, path: /a/b")), FILES_OF(TREE), NULL, NULL, NULL},
		{FILES_OF(TREE), FILES_OF(RULE("allow: read, path: /a/b")), "read /a", "/a/**", NULL},
		{FILES_OF(RULE("allow: [read, write], path: /a/b")), FILES_OF(TREE), "write /a/b", "/a/b",
		 NULL},
		{FILES_OF(RULE("allow: read, path: /**")), FILES_OF(TREE), "read /", "/**", NULL},
		{FILES_OF(RULE("allow: read, path: /ab")), FILES_OF(TREE), "read /ab", "/ab", NULL},
		{FILES_OF(RULE("allow: read, path: /a")), FILES_OF(TREE), NULL, NULL, NULL},
		/* what leads to a place may be stat'ed by who may go there, and by no other */
		{FILES_OF(RULE("allow: read, path: /a/b/c")), FILES_OF(RULE("allow: read, path: /a/*/c")),
		 "metadata /a/b", "/a/b/c", NULL},
		{FILES_OF(RULE("allow: read, path: /a/b/c") RULE("deny: metadata, path: /a/b")),
		 FILES_OF(RULE("allow: read, path: /a/*/c")), NULL, NULL, NULL},
		/* rules of exec and ipc are rules of paths */
		{"    exec:\n" RULE("allow: /bin/a"), "    exec:\n" RULE("allow: /bin/*"), NULL, NULL, NULL},
		{"    exec:\n" RULE("allow: /bin/*"), "    exec:\n" RULE("allow: /bin/a"), "exec /bin/x",
		 "exec path /bin/*", NULL},
		{"    ipc:\n" RULE("allow: connect, unix: /run/a"),
		 "    ipc:\n" RULE("allow: connect, unix: /run/**"), NULL, NULL, NULL},
		{"    ipc:\n" RULE("allow: connect, unix: /run/**"),
		 "    ipc:\n" RULE("allow: connect, unix: /run/a"), "connect /run", "/run/**", NULL},
		{FILES_OF(RULE("allow: read, path: \"${workdir}/a\"")),
		 FILES_OF(RULE("allow: read, path: /work/**")), NULL, NULL, NULL},
	};

	(void)state;
	CHECK_CASES(cases);
}

static void test_denials(void **state)
{
	static const struct pair_case cases[] = {
		{FILES_OF(TREE_BUT), FILES_OF(TREE), NULL, NULL, NULL},
		{FILES_OF(TREE), FILES_OF(TREE_BUT), "read /a/s", "/a/**", "/a/s/**"},
		{FILES_OF(TREE_BUT), FILES_OF(TREE_BUT), NULL, NULL, NULL},
		{FILES_OF(RULE("allow: read, path: /a/t/**")), FILES_OF(TREE_BUT), NULL, NULL, NULL},
		{FILES_OF(RULE("allow: read, path: /a/s/x")), FILES_OF(TREE_BUT), "read /a/s/x", "/a/s/x",
		 "/a/s/**"},
		{FILES_OF(RULE("allow: read, path: /a/s/x") RULE("deny: metadata, path: /a/s")),
		 FILES_OF(TREE_BUT), "read /a/s/x", "/a/s/x", "/a/s/**"},
		{FILES_OF(TREE), FILES_OF(TREE RULE("deny: read, path: '**/.env'")), "read /a/.env", "/a/**",
		 "**/.env"},
		{FILES_OF(TREE RULE("deny: read, path: '/a/**/.env'")),
		 FILES_OF(TREE RULE("deny: read, path: '**/.env'")), NULL, NULL, NULL},
		{FILES_OF(TREE RULE("deny: read, path: /a/*/.env")),
		 FILES_OF(TREE RULE("deny: read, path: '**/.env'")), "read /a/.env", "/a/**", "**/.env"},
		/* deep, and found at the first place where it shows */
		{FILES_OF(TREE RULE("deny: read, path: /a/b/c/d/.env")),
		 FILES_OF(TREE RULE("deny: read, path: /a/b/c/*/.env")), "read /a/b/c/x/.env", "/a/**",
		 "/a/b/c/*/.env"},
		/* a denied tree with an allowed island */
		{FILES_OF(TREE_BUT RULE("allow: read, path: /a/s/i")), FILES_OF(TREE_BUT), "read /a/s/i",
		 "/a/s/i", "/a/s/**"},
		{FILES_OF(TREE_BUT), FILES_OF(TREE_BUT RULE("allow: read, path: /a/s/i")), NULL, NULL, NULL},
	};

	(void)state;
	CHECK_CASES(cases);
}

#define GLOB(x)	    RULE("allow: read, path: '/d/" x "'")
#define BUT(x)	    RULE("deny: read, path: '/d/" x "'")
#define IN_D(rules) FILES_OF(RULE("allow: metadata, path: /**") rules)

static void test_globs(void **state)
{
	static const struct pair_case cases[] = {
		{IN_D(GLOB("ab*")), IN_D(GLOB("a*")), NULL, NULL, NULL},
		{IN_D(GLOB("a*")), IN_D(GLOB("ab*")), "read /d/a", "/d/a*", NULL},
		{IN_D(GLOB("a*b")), IN_D(GLOB("a*")), NULL, NULL, NULL},
		{IN_D(GLOB("a*b")), IN_D(GLOB("*b")), NULL, NULL, NULL},
		{IN_D(GLOB("a*b")), IN_D(GLOB("a*") BUT("*b")), "read /d/ab", "/d/a*b", "/d/*b"},
		{IN_D(GLOB("a*b")), IN_D(GLOB("a*") BUT("c*")), NULL, NULL, NULL},
		/* a name where prefix and suffix overlap matches one and not the other */
		{IN_D(GLOB("a*a")), IN_D(GLOB("a*")), NULL, NULL, NULL},
		{IN_D(GLOB("ab*")), IN_D(GLOB("ab*ba") GLOB("ab*x")), "read /d/ab", "/d/ab*", NULL},
		{IN_D(GLOB("ab*") BUT("ab*ba")), IN_D(GLOB("ab*") BUT("*ba")), "read /d/aba", "/d/ab*",
		 "/d/*ba"},
		{IN_D(GLOB("ab*") BUT("ab*ba") BUT("aba")), IN_D(GLOB("ab*") BUT("*ba")), NULL, NULL, NULL},
		{IN_D(GLOB("aba*") BUT("ab*")), IN_D(GLOB("aba*")), NULL, NULL, NULL},
		/* two globs together cover no more than each */
		{IN_D(GLOB("*")), IN_D(GLOB("a*") GLOB("*b")), "read /d/x", "/d/*", NULL},
		{IN_D(GLOB("*") BUT("a*")), IN_D(GLOB("*") BUT("ab*")), NULL, NULL, NULL},
		{IN_D(GLOB("*") BUT("ab*")), IN_D(GLOB("*") BUT("a*")), "read /d/a", "/d/*", "/d/a*"},
		{IN_D(GLOB("*") BUT("ab*") BUT("a")), IN_D(GLOB("*") BUT("a*")), "read /d/ax", "/d/*",
		 "/d/a*"},
		/* names of edges are not what stands for the rest */
		{IN_D(GLOB("*")), IN_D(GLOB("x") GLOB("y") GLOB("z") GLOB("a")), "read /d/b", "/d/*", NULL},
		{IN_D(GLOB("*.pem")), IN_D(GLOB("x.pem")), "read /d/.pem", "/d/*.pem", NULL},
		/* nor is a name that one more glob matches */
		{IN_D(GLOB("*")), IN_D(GLOB("x*")), "read /d/y", "/d/*", NULL},
		{IN_D(GLOB("*")), IN_D(GLOB("*x")), "read /d/y", "/d/*", NULL},
		{IN_D(GLOB("a*")), IN_D(GLOB("a") GLOB("ax*") GLOB("*y")), "read /d/az", "/d/a*", NULL},
		/* beneath a glob */
		{IN_D(GLOB("a*/k")), IN_D(GLOB("*/k")), NULL, NULL, NULL},
		{IN_D(GLOB("*/k")), IN_D(GLOB("a*/k") GLOB("*b/k")), "read /d/x/k", "/d/*/k", NULL},
		/* neither "." nor ".." is a name */
		{IN_D(GLOB(".*")), IN_D(GLOB(".*")), NULL, NULL, NULL},
		{IN_D(GLOB(".*")), IN_D(GLOB("..*")), "read /d/.x", "/d/.*", NULL},
	};

	(void)state;
	CHECK_CASES(cases);
}

/* Trees in the middle of patterns: one path is in many of their places at once. */
static void test_deep(void **state)
{
	static const struct pair_case cases[] = {
		{FILES_OF(RULE("allow: read, path: '/**/a/b'") RULE("allow: metadata, path: /**")),
		 FILES_OF(RULE("allow: read, path: '/**/b'") RULE("allow: metadata, path: /**")), NULL, NULL,
		 NULL},
		{FILES_OF(RULE("allow: read, path: '/**/b'") RULE("allow: metadata, path: /**")),
		 FILES_OF(RULE("allow: read, path: '/**/a/b'") RULE("allow: metadata, path: /**")), "read /b",
		 "/**/b", NULL},
		{FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/a/b/**'")),
		 FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/a/a/b'")), NULL,
		 NULL, NULL},
		{FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/a/a/b'")),
		 FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/a/b'")),
		 "read /a/a/b", "/**", "/**/a/a/b"},
		{FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/**/b/**'")),
		 FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/x/b/**'")), NULL,
		 NULL, NULL},
		{FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/x/b/**'")),
		 FILES_OF(RULE("allow: read, path: '/**'") RULE("deny: read, path: '/**/a/**/b/**'")),
		 "read /a/b", "/**", "/**/a/**/b/**"},
	};

	(void)state;
	CHECK_CASES(cases);
}

/* In proc a name is "self" for each grant's own processes: a name like any other to tables. */
static void test_self(void **state)
{
	static const struct pair_case cases[] = {
		{FILES_OF(RULE("allow: read, path: /proc/self/**")),
		 FILES_OF(RULE("allow: read, path: /proc/self/**")), NULL, NULL, NULL},
		{FILES_OF(RULE("allow: read, path: /proc/*/maps")),
		 FILES_OF(RULE("allow: read, path: /proc/self/**")), "read /proc/x/maps", "/proc/*/maps",
		 NULL},
		{FILES_OF(RULE("allow: read, path: /proc/self/maps")
				  RULE("deny: metadata, path: /proc/self")),
		 FILES_OF(RULE("allow: read, path: /proc/*/maps")), NULL, NULL, NULL},
	};

	(void)state;
	CHECK_CASES(cases);
}

#define TEN    "allow: connect, cidr: 10.0.0.0/8"
#define TEN_DB TEN ", port: 5432"

static void test_net_pairs(void **state)
{
	static const struct pair_case cases[] = {
		{NET_OF(RULE(TEN_DB)), NET_OF(RULE(TEN)), NULL, NULL, NULL},
		{NET_OF(RULE(TEN)), NET_OF(RULE(TEN_DB)), "connect 10.0.0.0:0", "10.0.0.0/8", NULL},
		{NET_OF(RULE(TEN_DB)), "", "connect 10.0.0.0:5432", "10.0.0.0/8", NULL},
		{"", NET_OF(RULE(TEN)), NULL, NULL, NULL},
		{NET_OF(RULE("allow: connect, cidr: 10.1.2.3, port: 5432")), NET_OF(RULE(TEN_DB)), NULL, NULL,
		 NULL},
		{NET_OF(RULE("allow: connect, cidr: 11.0.0.0/9, port: 5432")), NET_OF(RULE(TEN_DB)),
		 "connect 11.0.0.0:5432", "11.0.0.0/9", NULL},
		{NET_OF(RULE(TEN)), NET_OF(RULE(TEN) RULE("deny: connect, cidr: 10.1.0.0/16, port: '7-9'")),
		 "connect 10.1.0.0:7", "10.0.0.0/8", "10.1.0.0/16"},
		{NET_OF(RULE(TEN) RULE("deny: connect, cidr: 10.0.0.0/12")),
		 NET_OF(RULE(TEN) RULE("deny: connect, cidr: 10.1.0.0/16, port: '7-9'")), NULL, NULL, NULL},
		{NET_OF(RULE(TEN ", port: '1-65535'")), NET_OF(RULE(TEN ", port: '1-65534'")),
		 "connect 10.0.0.0:65535", "10.0.0.0/8", NULL},
		{NET_OF(RULE("allow: bind, cidr: 127.0.0.1, port: 80")),
		 NET_OF(RULE("allow: connect, cidr: 127.0.0.0/8")), "bind 127.0.0.1:80", "127.0.0.1", NULL},
		{NET_OF(RULE("allow: send, cidr: 127.0.0.1, port: 53")),
		 NET_OF(RULE("allow: connect, cidr: 127.0.0.1")), "send 127.0.0.1:53", "127.0.0.1", NULL},
		{NET_OF(RULE("allow: bind, proto: udp, cidr: 127.0.0.1, port: 53")),
		 NET_OF(RULE("allow: bind, proto: tcp, cidr: 127.0.0.1, port: 53")), "udp-bind 127.0.0.1:53",
		 "127.0.0.1", NULL},
		/* at a port of the kernel's choice, of which port 0 stands for all that no rule names */
		{NET_OF(RULE("allow: bind, cidr: 127.0.0.1, port: 0")),
		 NET_OF(RULE("allow: bind, cidr: 127.0.0.0/8, port: 0")), NULL, NULL, NULL},
		{NET_OF(RULE("allow: bind, cidr: 127.0.0.1, port: 0")),
		 NET_OF(RULE("allow: bind, cidr: 127.0.0.1")
				RULE("deny: bind, cidr: 127.0.0.1, port: 40000")),
		 "listen 127.0.0.1:40000", "allow bind", "deny bind"},
		{NET_OF(RULE("allow: bind, cidr: 127.0.0.1, port: 0")
				RULE("deny: bind, cidr: 127.0.0.1, port: 40000")),
		 NET_OF(RULE("allow: bind, cidr: 127.0.0.1")
				RULE("deny: bind, cidr: 127.0.0.1, port: 40000")),
		 NULL, NULL, NULL},
		{NET_OF(RULE("allow: bind, cidr: 127.0.0.1, port: 0, proto: udp")),
		 NET_OF(RULE("allow: bind, cidr: 127.0.0.1, proto: udp")
				RULE("deny: bind, cidr: 127.0.0.1, port: 40000, proto: udp")),
		 NULL, NULL, NULL},
		/* IPv6, of which IPv4 is a part */
		{NET_OF(RULE("allow: connect, cidr: '2001:db8::1', port: 443")),
		 NET_OF(RULE("allow: connect, cidr: '2001:db8::/32', port: 443")), NULL, NULL, NULL},
		{NET_OF(RULE("allow: connect, cidr: '2001:db8::/32', port: 443")),
		 NET_OF(RULE("allow: connect, cidr: '2001:db8::/33', port: 443")),
		 "connect [2001:db8:8000::]:443", "2001:db8::/32", NULL},
		{NET_OF(RULE(TEN)), NET_OF(RULE("allow: connect, cidr: '::/0'")), NULL, NULL, NULL},
		{NET_OF(RULE(TEN)), NET_OF(RULE("allow: connect, cidr: '::ffff:0:0/96'")), NULL, NULL, NULL},
		{NET_OF(RULE("allow: connect, cidr: '::/0'")),
		 NET_OF(RULE("allow: connect, cidr: 0.0.0.0/0")), "connect [::]:0", "::/0", NULL},
		{NET_OF(RULE("allow: connect, cidr: 'ffff::/16', port: 65535")),
		 NET_OF(RULE("allow: connect, cidr: 'fffe::/15', port: 65535")), NULL, NULL, NULL},
	};

	(void)state;
	CHECK_CASES(cases);
}

#define CAPS(x) "    privileges: {capabilities: [" x "]}\n"
#define SOCK(x) NET_OF(RULE("allow: socket, kind: " x))

static void test_masks(void **state)
{
	static const struct pair_case cases[] = {
		{CAPS("chown"), CAPS("chown, fowner"), NULL, NULL, NULL},
		{CAPS("chown, fowner"), CAPS("chown"), "capability fowner", "fowner", NULL},
		{CAPS("chown"), "", "capability chown", "chown", NULL},
		{"    privileges: {user_namespaces: allow}\n", CAPS("chown"), "create user namespace",
		 "user_namespaces", NULL},
		{"    privileges: {user_namespaces: allow}\n", "    privileges: {user_namespaces: deny}\n",
		 "create user namespace", "user_namespaces", "user_namespaces"},
		{"    privileges: {user_namespaces: deny}\n", "    privileges: {user_namespaces: allow}\n",
		 NULL, NULL, NULL},
		{SOCK("icmp"), SOCK("[icmp, vsock]"), NULL, NULL, NULL},
		{SOCK("[icmp, vsock]"), SOCK("icmp"), "socket vsock", "vsock", NULL},
		{SOCK("bluetooth"),
		 NET_OF(RULE("allow: socket, kind: bluetooth") RULE("deny: socket, kind: bluetooth")),
		 "socket bluetooth", "bluetooth", "deny"},
	};

	(void)state;
	CHECK_CASES(cases);
}

/* ---- holds, which tables know before policies do ---- */

/* Turns what the state at the path allows into holds. */
static void hold(struct table *t, const char *path, unsigned ops)
{
	__u32 at = decide_start(t);

	for (const char *name = path + 1; *name; name += strcspn(name, "/"), name += *name == '/')
		at = decide_step(t, at, name_at(name), (__u32)strcspn(name, "/"));
	assert_true(at);
	t->cells[at].state.hold |= t->cells[at].state.allow & ops;
	t->cells[at].state.allow &= ~ops;
}

static void hold_ports(struct table *t)
{
	const union cell *interval = t->cells + t->cells[1].head2.net_base;

	for (uint32_t i = 0; i < t->cells[1].head2.net_count; i++, interval += 2) {
		for (uint32_t j = 0; j < interval[1].ports.count; j++) {
			struct cell_port *port = &t->cells[interval[1].ports.base + j].port;

			port->hold = port->allow;
			port->allow = 0;
		}
	}
}

static void expect_wider(const struct table *child, const struct table *parent, const char *object,
			 enum action says, enum action parent_says)
{
	struct policy_wider w;

	assert_int_equal(policy_within(child, parent, &w), -EACCES);
	assert_string_equal(w.object, object);
	assert_int_equal(w.child, says);
	assert_int_equal(w.parent, parent_says);
	check_answer(child, parent, &w);
}

static void test_holds(void **state)
{
	static const char rules[] = FILES_OF(RULE("allow: [read, write], path: /a/b"));
	struct table *allows = compile(rules), *holds = compile(rules), *denies = compile("");
	struct policy_wider w;

	(void)state;
	hold(holds, "/a/b", 1u << OP_WRITE);
	assert_int_equal(policy_within(holds, holds, &w), 0);
	assert_int_equal(policy_within(holds, allows, &w), 0);
	expect_wider(allows, holds, "/a/b", ACT_ALLOW, ACT_HOLD);
	hold(holds, "/", 255);
	expect_wider(holds, denies, "/", ACT_HOLD, ACT_DENY);
	table_free(allows);
	table_free(holds);
	table_free(denies);
}

static void test_net_holds(void **state)
{
	struct table *allows = compile(NET_OF(RULE(TEN_DB))), *holds = compile(NET_OF(RULE(TEN_DB)));
	struct table *denies = compile(NET_OF(RULE(TEN ", port: 1")));
	struct policy_wider w;

	(void)state;
	hold_ports(holds);
	assert_int_equal(policy_within(holds, holds, &w), 0);
	assert_int_equal(policy_within(holds, allows, &w), 0);
	expect_wider(allows, holds, "10.0.0.0:5432", ACT_ALLOW, ACT_HOLD);
	expect_wider(holds, denies, "10.0.0.0:5432", ACT_HOLD, ACT_DENY);
	table_free(allows);
	table_free(holds);
	table_free(denies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	  cmocka_unit_test(test_denials),
		cmocka_unit_test(test_globs),	  cmocka_unit_test(test_deep),
		cmocka_unit_test(test_self),	  cmocka_unit_test(test_net_pairs),
		cmocka_unit_test(test_masks),	  cmocka_unit_test(test_holds),
		cmocka_unit_test(test_net_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
