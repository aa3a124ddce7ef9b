/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/socket.h>

#define BASE	1763928845000000000ull /* 2025-11-23T20:14:05Z */
#define TO_WALL (BASE - 1000000000ull)
#define TASK                                                                                                 \
	"\"pid\": 4242, \"tid\": 4243, \"ppid\": 4200, \"uid\": 1000, \"start\": 123456789, \"comm\": \"cat\"}\n"
#define IDENTITY                                                                                             \
	"\"grant\": \"gmfzwk43uorsxg5a\", \"chain\": \"sha256:0c\", \"owner\": \"uid:1000\", "               \
	"\"user\": \"alice\", \"purpose\": \"fix-issue\", \"policy\": \"coder\", "

static char buf[LINE_BYTES_MAX + 1];

static struct identity_book *book_with_sample(void)
{
	struct identity_book *book = identity_book_new();
	struct record_message m = sample_grant(SLOT, GEN);

	assert_int_equal(identity_add(book, &m, sample_labels, sizeof(sample_labels), 0), 0);
	return book;
}

/* The line of an event that the sample grant stands behind, in `buf`. */
static const char *line_of(const struct sample *s)
{
	struct identity_book *book = book_with_sample();
	struct line out = {.buf = buf, .size = sizeof(buf) - 1};

	assert_int_equal(event_json(&s->e, sample_size(s), identity_find(book, s->e.slot, s->e.gen), 17,
				    TO_WALL, &out),
			 0);
	buf[out.len] = '\0';
	identity_book_free(book);
	return buf;
}

static json_t *object_of(const struct sample *s)
{
	json_t *object = json_loads(line_of(s), JSON_REJECT_DUPLICATES, NULL);

	assert_true(json_is_object(object));
	return object;
}

static void assert_member(const json_t *object, const char *name, const char *value)
{
	const json_t *member = json_object_get(object, name);

	assert_non_null(member);
	if (value)
		assert_string_equal(json_string_value(member), value);
	else
		assert_true(json_is_null(member));
}

static void test_file(void **state)
{
	struct sample s = sample_file();

	(void)state;
	assert_string_equal(
		line_of(&s),
		"{\"seq\": 17, \"time\": \"2025-11-23T20:14:05.000000000Z\", \"type\": \"file\", "
		"\"verdict\": \"deny\", \"reason\": \"rule\", "
		"\"rule\": \"coder.yaml:8 deny read path **/.env\", \"errno\": \"EACCES\", "
		"\"op\": \"read\", \"path\": \"/home/alice/.env\", \"ino\": 1234, \"dev\": \"254:1\", " IDENTITY
			TASK);
}

static void test_net(void **state)
{
	struct sample s = sample_file();

	(void)state;
	s.e.type = EV_NET;
	s.e.op = NET_TCP_CONNECT;
	s.e.rule = 0;
	s.e.path_len = 0;
	s.e.port = 443;
	s.e.addr_lo = 0xffffc0000207ull;
	assert_string_equal(
		line_of(&s),
		"{\"seq\": 17, \"time\": \"2025-11-23T20:14:05.000000000Z\", \"type\": \"net\", "
		"\"verdict\": \"deny\", \"reason\": \"rule\", \"rule\": null, \"errno\": \"EACCES\", "
		"\"op\": \"connect\", \"addr\": \"192.0.2.7\", \"port\": 443, " IDENTITY TASK);
}

static void test_net_forms(void **state)
{
	struct sample s = sample_file();
	json_t *o;

	(void)state;
	s.e.type = EV_NET;
	s.e.op = NET_UDP_BIND;
	s.e.path_len = 0;
	s.e.addr_hi = 0x20010db800000000ull;
	s.e.addr_lo = 1;
	o = object_of(&s);
	assert_member(o, "addr", "2001:db8::1");
	json_decref(o);
	s.e.reason = WHY_FAMILY;
	s.e.family = AF_PACKET;
	s.e.sock_type = SOCK_RAW;
	o = object_of(&s);
	assert_null(json_object_get(o, "addr"));
	assert_int_equal(json_integer_value(json_object_get(o, "family")), AF_PACKET);
	assert_int_equal(json_integer_value(json_object_get(o, "sock_type")), SOCK_RAW);
	assert_member(o, "kind", "packet");
	json_decref(o);
}

static void test_ops(void **state)
{
	static const struct {
		uint8_t type, op;
		const char *type_name, *op_name;
	} cases[] = {
		{EV_FILE, OP_UNIX_CONNECT, "file", "connect"},
		{EV_FILE, OP_METADATA, "file", "metadata"},
		{EV_NET, NET_UDP_SEND, "net", "send"},
		{EV_TASK, TASK_TAGGED, "task", "tagged"},
		{EV_TASK, TASK_FORK, "task", "fork"},
		{EV_TASK, TASK_EXEC, "task", "exec"},
		{EV_TASK, TASK_LAST_EXIT, "task", "last_exit"},
		{EV_GUARD, GUARD_BPF, "guard", "bpf"},
		{EV_GUARD, GUARD_MOUNT, "guard", "mount"},
		{EV_GUARD, GUARD_PTRACE, "guard", "ptrace"},
		{EV_GUARD, GUARD_SIGNAL, "guard", "signal"},
		{EV_GUARD, GUARD_SIGNAL_OWNER, "guard", "signal_owner"},
		{EV_GUARD, GUARD_CAPABILITY, "guard", "capability"},
		{EV_GUARD, GUARD_PERSONALITY, "guard", "personality"},
		{EV_GUARD, GUARD_SOCKET_OPTION, "guard", "socket_option"},
		{EV_GUARD, GUARD_SOCKET_CONTROL, "guard", "socket_control"},
		{EV_GUARD, GUARD_NETLINK, "guard", "netlink"},
		{EV_GUARD, GUARD_RING, "guard", "ring"},
		{EV_NET, NET_SOCKET, "net", "socket"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s = sample_file();
		json_t *o;

		s.e.type = cases[i].type;
		s.e.op = cases[i].op;
		o = object_of(&s);
		assert_member(o, "type", cases[i].type_name);
		assert_member(o, "op", cases[i].op_name);
		json_decref(o);
	}
}

static json_t *guarded(enum guard_op op, uint32_t detail)
{
	struct sample s = sample_file();

	s.e.type = EV_GUARD;
	s.e.op = op;
	s.e.detail = detail;
	return object_of(&s);
}

static void test_guard_details(void **state)
{
	json_t *cap = guarded(GUARD_CAPABILITY, CAP_SYS_ADMIN),
	       *none = guarded(GUARD_CAPABILITY, 4000000000u);
	json_t *kill = guarded(GUARD_SIGNAL, SIGKILL), *probe = guarded(GUARD_SIGNAL, 0);
	json_t *bpf = guarded(GUARD_BPF, 5);

	(void)state;
	assert_member(cap, "capability", "cap_sys_admin");
	assert_null(json_object_get(cap, "path"));
	assert_true(json_object_get(none, "capability"));
	assert_member(kill, "signal_name", "KILL");
	assert_int_equal(json_integer_value(json_object_get(probe, "signal")), 0);
	assert_true(json_is_null(json_object_get(probe, "signal_name")));
	assert_int_equal(json_integer_value(json_object_get(bpf, "command")), 5);
	json_decref(cap);
	json_decref(none);
	json_decref(kill);
	json_decref(probe);
	json_decref(bpf);
}

static void test_reasons(void **state)
{
	static const char *const names[REASONS] = {"rule",    "revoked", "expired",	"stale",
						   "wider",   "family",	 "unreachable", "busy",
						   "guarded", "limit",	 "spelling"};

	(void)state;
	for (unsigned i = 0; i < REASONS; i++) {
		struct sample s = sample_file();
		json_t *o;

		s.e.reason = (uint8_t)i;
		o = object_of(&s);
		assert_member(o, "reason", names[i]);
		json_decref(o);
	}
}

static void test_errno(void **state)
{
	static const struct {
		int error;
		const char *name;
	} cases[] = {{0, NULL},
		     {-EPERM, "EPERM"},
		     {-513, "ERESTARTNOINTR"},
		     {-4095, "E4095"},
		     {-EAGAIN, "EAGAIN"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s = sample_file();
		json_t *o;

		s.e.error = cases[i].error;
		o = object_of(&s);
		assert_member(o, "errno", cases[i].name);
		json_decref(o);
	}
}

#define BYTES(text) text, sizeof(text) - 1

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		size_t len;
		unsigned flags, reason;
		const char *shown;
		bool escaped, cut, anon;
	} cases[] = {
		{BYTES(""), 0, 0, "/", false, false, false},
		{BYTES("a\0"), 0, 0, "/a", false, false, false},
		{BYTES("\xc3\xa4\n\"\0b\0"), 0, 0, "/b/\xc3\xa4\n\"", false, false, false},
		{BYTES("a\\x41\0"), 0, 0, "/a\\x41", false, false, false},
		/* not UTF-8: overlong, surrogate, past the last, cut short, alone */
		{BYTES("\xc0\xaf\0"), 0, 0, "/\\xc0\\xaf", true, false, false},
		{BYTES("\xed\xa0\x80\0"), 0, 0, "/\\xed\\xa0\\x80", true, false, false},
		{BYTES("\xf4\x90\x80\x80\0"), 0, 0, "/\\xf4\\x90\\x80\\x80", true, false, false},
		{BYTES("\xe2\x82\0"), 0, 0, "/\\xe2\\x82", true, false, false},
		{BYTES("\xff\\\0b\\\0"), 0, 0, "/b\\x5c/\\xff\\x5c", true, false, false},
		{BYTES("memfd:../etc/x\0"), EVENT_ANON, 0, "memfd:..\\x2fetc\\x2fx", true, false, true},
		{BYTES("[eventpoll]\0"), EVENT_ANON, 0, "[eventpoll]", false, false, true},
		{BYTES("\0"), EVENT_ANON, 0, NULL, false, false, true},
		{BYTES("b\0a\0"), EVENT_LOST, 0, ".../a/b", false, false, false},
		{BYTES(""), EVENT_LOST, WHY_UNREACHABLE, NULL, false, false, false},
		{BYTES("b\0a\0"), EVENT_CUT, 0, ".../a/b", false, true, false},
		/* the kernel cut inside a name, which then has no end: it is not shown */
		{BYTES("b\0a\0hal"), EVENT_CUT, 0, ".../a/b", false, true, false},
		{BYTES("b\0a\0hal"), 0, 0, ".../a/b", false, true, false},
		{BYTES("hal"), 0, 0, NULL, false, true, false},
		/* a name that was empty when it was read */
		{BYTES("b\0\0a\0"), 0, 0, "/a/b", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s = sample_file();
		json_t *o;

		sample_path(&s, cases[i].path, cases[i].len);
		s.e.flags = (uint16_t)cases[i].flags;
		s.e.reason = (uint8_t)cases[i].reason;
		o = object_of(&s);
		assert_member(o, "path", cases[i].shown);
		assert_int_equal(json_is_true(json_object_get(o, "escaped")), cases[i].escaped);
		assert_int_equal(json_is_true(json_object_get(o, "cut")), cases[i].cut);
		assert_int_equal(json_is_true(json_object_get(o, "anon")), cases[i].anon);
		json_decref(o);
	}
}

static void test_longest(void **state)
{
	struct sample s = sample_file();
	json_t *o;

	(void)state;
	memset(s.path, 0x01, EVENT_PATH);
	for (size_t at = 255; at < EVENT_PATH; at += 256)
		s.path[at] = '\0';
	s.e.path_len = EVENT_PATH;
	memset(s.e.comm, 0xff, sizeof(s.e.comm)); /* not terminated, not UTF-8 */
	o = object_of(&s);
	assert_int_equal(json_string_length(json_object_get(o, "path")), EVENT_PATH);
	assert_int_equal(json_string_length(json_object_get(o, "comm")), 4 * sizeof(s.e.comm));
	json_decref(o);
}

static void test_unknown_tag(void **state)
{
	struct sample s = sample_file();
	json_t *o;

	(void)state;
	s.e.gen = GEN + 1;
	o = object_of(&s);
	assert_member(o, "grant", NULL);
	assert_member(o, "rule", "rule 2");
	assert_int_equal(json_integer_value(json_object_get(o, "slot")), SLOT);
	assert_int_equal(json_integer_value(json_object_get(o, "gen")), GEN + 1);
	json_decref(o);
}

static void test_rule_past_last(void **state)
{
	struct sample s = sample_file();
	json_t *o;

	(void)state;
	s.e.rule = 3;
	o = object_of(&s);
	assert_member(o, "rule", "rule 3");
	json_decref(o);
}

/* What readers of JSON take for an integer has 63 bits. */
static void test_big_numbers(void **state)
{
	struct sample s = sample_file();
	json_t *o;

	(void)state;
	s.e.ino = UINT64_MAX;
	s.e.task_start = INT64_MAX;
	o = object_of(&s);
	assert_member(o, "ino", "18446744073709551615");
	assert_true(json_integer_value(json_object_get(o, "start")) == INT64_MAX);
	json_decref(o);
}

static void assert_refused(const struct sample *s, size_t size)
{
	struct line out = {.buf = buf, .size = sizeof(buf), .len = 5};

	assert_int_equal(event_json(&s->e, size, NULL, 1, TO_WALL, &out), -EBADMSG);
	assert_int_equal(out.len, 5);
}

static void test_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} cases[] = {
		{offsetof(struct event, type), 0},
		{offsetof(struct event, type), EV_GUARD + 1},
		{offsetof(struct event, type), 255},
		{offsetof(struct event, op), FILE_OPS},
		{offsetof(struct event, action), ACT_ALLOW + 1},
		{offsetof(struct event, reason), REASONS},
		{offsetof(struct event, flags), 0x80},
		{offsetof(struct event, error) + 3, 0x7f},
		{offsetof(struct event, error) + 1, 0x80},
	};
	struct sample s = sample_file();

	(void)state;
	assert_refused(&s, sizeof(s.e) - 1);
	assert_refused(&s, sample_size(&s) - 1);
	assert_refused(&s, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s = sample_file();
		((uint8_t *)&s.e)[cases[i].at] = cases[i].value;
		assert_refused(&s, sample_size(&s));
	}
	s = sample_file();
	s.e.path_len = EVENT_PATH + 1;
	assert_refused(&s, sizeof(s));
}

/* At every size that is too small nothing is written, at the right one all of it. */
static void test_no_room(void **state)
{
	struct sample s = sample_file();
	struct line out = {.buf = buf};
	size_t need = strlen(line_of(&s));
	struct identity_book *book = book_with_sample();

	(void)state;
	for (out.size = 0; out.size < need; out.size++) {
		assert_int_equal(
			event_json(&s.e, sample_size(&s), identity_find(book, SLOT, GEN), 17, TO_WALL, &out),
			-ENOSPC);
		assert_int_equal(out.len, 0);
	}
	assert_int_equal(event_json(&s.e, sample_size(&s), identity_find(book, SLOT, GEN), 17, TO_WALL, &out),
			 0);
	assert_int_equal(out.len, need);
	identity_book_free(book);
}

static void test_notes(void **state)
{
	struct record_message m = sample_grant(SLOT, GEN);
	struct line out = {.buf = buf, .size = sizeof(buf) - 1};
	struct line_head head = {5, BASE + 1};

	(void)state;
	m.note = NOTE_MINTED;
	strcpy(m.text, "for \"pi\"");
	assert_int_equal(note_json(&m, &head, &out), 0);
	buf[out.len] = '\0';
	assert_string_equal(
		buf, "{\"seq\": 5, \"time\": \"2025-11-23T20:14:05.000000001Z\", \"type\": \"grant\", "
		     "\"op\": \"minted\", \"text\": \"for \\\"pi\\\"\", "
		     "\"grant\": \"gmfzwk43uorsxg5a\", \"chain\": \"sha256:0c\", \"owner\": \"uid:1000\", "
		     "\"user\": \"alice\", \"purpose\": \"fix-issue\", \"policy\": \"coder\", "
		     "\"policy_digest\": \"sha256:0d\", \"parent\": null}\n");
	out.len = 0;
	m.note = NOTE_STARTED;
	assert_int_equal(note_json(&m, &head, &out), 0);
	buf[out.len] = '\0';
	assert_string_equal(
		buf, "{\"seq\": 5, \"time\": \"2025-11-23T20:14:05.000000001Z\", \"type\": \"daemon\", "
		     "\"op\": \"started\", \"text\": \"for \\\"pi\\\"\"}\n");
	m.note = NOTES;
	assert_int_equal(note_json(&m, &head, &out), -EBADMSG);
}

static void test_loss(void **state)
{
	struct line out = {.buf = buf, .size = sizeof(buf) - 1};

	(void)state;
	assert_int_equal(loss_json("ring_full", 12, &(struct line_head){6, BASE}, &out), 0);
	buf[out.len] = '\0';
	assert_string_equal(buf,
			    "{\"seq\": 6, \"time\": \"2025-11-23T20:14:05.000000000Z\", \"type\": \"loss\", "
			    "\"count\": 12, \"cause\": \"ring_full\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),	      cmocka_unit_test(test_net),
		cmocka_unit_test(test_net_forms),     cmocka_unit_test(test_ops),
		cmocka_unit_test(test_guard_details), cmocka_unit_test(test_guard_details),
		cmocka_unit_test(test_reasons),	      cmocka_unit_test(test_errno),
		cmocka_unit_test(test_paths),	      cmocka_unit_test(test_longest),
		cmocka_unit_test(test_unknown_tag),   cmocka_unit_test(test_rule_past_last),
		cmocka_unit_test(test_big_numbers),   cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_no_room),	      cmocka_unit_test(test_notes),
		cmocka_unit_test(test_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
