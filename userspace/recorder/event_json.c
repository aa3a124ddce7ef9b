/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/event_json.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <time.h>

#include "common/utf8.h"
#include "policy/policy.h"

#define COUNT(table)   (sizeof(table) / sizeof((table)[0]))
#define NS_PER_S       1000000000ull
#define KERNEL_RESTART 513 /* ERESTARTNOINTR: a held call, which restarts; no errno that a program sees */
#define MAX_ERRNO      4095
#define EVENT_FLAGS    (EVENT_CUT | EVENT_ANON | EVENT_LOST)

static const char *const actions[] = {[ACT_DENY] = "deny", [ACT_HOLD] = "hold", [ACT_ALLOW] = "allow"};

static const char *const reasons[REASONS] = {
	[WHY_RULE] = "rule",	     [WHY_REVOKED] = "revoked",
	[WHY_EXPIRED] = "expired",   [WHY_STALE] = "stale",
	[WHY_WIDER] = "wider",	     [WHY_FAMILY] = "family",
	[WHY_BUSY] = "busy",	     [WHY_UNREACHABLE] = "unreachable",
	[WHY_GUARDED] = "guarded",   [WHY_LIMIT] = "limit",
	[WHY_SPELLING] = "spelling",
};

static const char *const task_ops[] = {
	[TASK_TAGGED] = "tagged",	[TASK_FORK] = "fork", [TASK_EXEC] = "exec",
	[TASK_LAST_EXIT] = "last_exit", [TASK_MAP] = "map",
};

static const char *const guard_ops[GUARD_OPS] = {
	[GUARD_BPF] = "bpf",
	[GUARD_MOUNT] = "mount",
	[GUARD_PTRACE] = "ptrace",
	[GUARD_SIGNAL] = "signal",
	[GUARD_SIGNAL_OWNER] = "signal_owner",
	[GUARD_CAPABILITY] = "capability",
	[GUARD_PERSONALITY] = "personality",
	[GUARD_USERNS] = "user_namespace",
	[GUARD_SYSV] = "sysv",
	[GUARD_KEY] = "key",
	[GUARD_SCHEDULING] = "scheduling",
	[GUARD_SOCKET_OPTION] = "socket_option",
	[GUARD_SOCKET_CONTROL] = "socket_control",
	[GUARD_NETLINK] = "netlink",
	[GUARD_RING] = "ring",
};

static const struct {
	const char *type;
	const char *op;
} notes[NOTES] = {
	[NOTE_MINTED] = {"grant", "minted"},	[NOTE_REVOKED] = {"grant", "revoked"},
	[NOTE_EXPIRED] = {"grant", "expired"},	[NOTE_ENDED] = {"grant", "ended"},
	[NOTE_REFUSED] = {"grant", "refused"},	[NOTE_STARTED] = {"daemon", "started"},
	[NOTE_STOPPED] = {"daemon", "stopped"}, [NOTE_ADOPTED] = {"grant", "adopted"},
	[NOTE_ISSUED] = {"grant", "issued"},	[NOTE_REDEEMED] = {"grant", "redeemed"},
	[NOTE_KEYS] = {"daemon", "keys"},	[NOTE_RENEWED] = {"grant", "renewed"},
};

static const char *task_op_name(unsigned op)
{
	return op < COUNT(task_ops) ? task_ops[op] : NULL;
}

static const char *guard_op_name(unsigned op)
{
	return op < COUNT(guard_ops) ? guard_ops[op] : NULL;
}

static const char *file_name(unsigned op)
{
	return op < FILE_OPS ? file_op_name((enum file_op)op) : NULL;
}

static const char *net_name(unsigned op)
{
	return op == NET_SOCKET ? "socket" : op < NET_OPS ? net_op_name((enum net_op)op) : NULL;
}

static const struct event_kind {
	const char *name;
	const char *(*op)(unsigned op);
} kinds[] = {
	[EV_FILE] = {"file", file_name},
	[EV_NET] = {"net", net_name},
	[EV_TASK] = {"task", task_op_name},
	[EV_GUARD] = {"guard", guard_op_name},
};

static const char *event_path(const struct event *e)
{
	return (const char *)e + sizeof(*e);
}

static bool event_sound(const struct event *e, size_t size)
{
	if (size < sizeof(*e) || e->path_len > EVENT_PATH || size < sizeof(*e) + e->path_len)
		return false;
	if (e->type >= COUNT(kinds) || !kinds[e->type].name || !kinds[e->type].op(e->op))
		return false;
	if (e->action >= COUNT(actions) || e->reason >= REASONS || e->flags & ~EVENT_FLAGS)
		return false;
	return e->error <= 0 && e->error >= -MAX_ERRNO;
}

/* 64 bits of nanoseconds end in 2554: the year has four digits. */
static void time_put(struct line *t, uint64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	line_printf(t, "\"time\": \"%04d-%02d-%02dT%02d:%02d:%02d.%09lluZ\"", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		    (unsigned long long)(ns % NS_PER_S));
}

static void head_put(struct line *t, uint64_t seq, uint64_t time, const char *type)
{
	line_printf(t, "{\"seq\": %llu, ", (unsigned long long)seq);
	time_put(t, time);
	line_member(t, "type", type);
}

/* Ends the line that began at `start`, or takes it back. */
static int line_end(struct line *t, size_t start)
{
	line_raw(t, "}\n", 2);
	if (!t->full)
		return 0;
	t->len = start;
	t->full = false;
	return -ENOSPC;
}

static void rule_put(struct line *t, const struct event *e, const struct identity *who)
{
	const char *label = who ? identity_rule(who, e->rule) : NULL;

	if (e->rule && !label)
		line_printf(t, ", \"rule\": \"rule %u\"", e->rule);
	else
		line_member(t, "rule", label);
}

static void errno_put(struct line *t, int error)
{
	const char *name = error == KERNEL_RESTART ? "ERESTARTNOINTR" : strerrorname_np(error);

	if (!error)
		line_member(t, "errno", NULL);
	else if (name)
		line_member(t, "errno", name);
	else
		line_printf(t, ", \"errno\": \"E%d\"", error);
}

/*
 * A path is components, leaf first, each ended by NUL. Names are read while they may change, so any bytes are
 * taken: a piece without its NUL is dropped, empty ones are skipped. No event is lost for its path.
 */
struct components {
	const char *path;
	size_t len;  /* of whole components */
	bool none;   /* there is no name among them */
	bool escape; /* one is not UTF-8 or, as the name of a memfd may, holds a slash */
};

static struct components components_of(const struct event *e)
{
	struct components c = {.path = event_path(e), .len = e->path_len, .none = true};

	while (c.len && c.path[c.len - 1])
		c.len--;
	for (size_t at = 0, len; at < c.len; at += len + 1) {
		len = strlen(c.path + at);
		c.none &= !len;
		c.escape |= !utf8_valid(c.path + at, len) || memchr(c.path + at, '/', len);
	}
	return c;
}

static size_t component_start(const char *path, size_t end)
{
	while (end && path[end - 1])
		end--;
	return end;
}

/* Root first, each after a slash; where `bare` the first goes without. */
static void components_put(struct line *t, const struct components *c, bool bare)
{
	for (size_t end = c->len; end;) {
		size_t start = component_start(c->path, end - 1), len = end - 1 - start;

		if (len && !bare)
			line_raw(t, "/", 1);
		(c->escape ? line_component : line_escaped)(t, c->path + start, len);
		bare = bare && !len;
		end = start;
	}
}

/* "/a/b"; ".../a/b" when what lies above is unknown; "memfd:a" for what no mount shows. */
static void path_put(struct line *t, const struct event *e)
{
	struct components c = components_of(e);
	bool cut = e->flags & EVENT_CUT || c.len != e->path_len;
	bool part = cut || e->flags & EVENT_LOST || (e->reason == WHY_UNREACHABLE && c.none);
	bool anon = e->flags & EVENT_ANON;

	if (c.none && (part || anon)) {
		line_member(t, "path", NULL);
	} else {
		line_printf(t, ", \"path\": \"%s", anon ? "" : part ? "..." : c.none ? "/" : "");
		components_put(t, &c, anon);
		line_raw(t, "\"", 1);
	}
	if (anon)
		line_printf(t, ", \"anon\": true");
	if (c.escape)
		line_printf(t, ", \"escaped\": true");
	if (cut)
		line_printf(t, ", \"cut\": true");
}

static void object_put(struct line *t, const struct event *e)
{
	path_put(t, e);
	line_number(t, "ino", e->ino);
	line_printf(t, ", \"dev\": \"%u:%u\"", e->dev >> 20, e->dev & 0xfffffu);
}

static void address_put(struct line *t, const struct event *e)
{
	uint64_t words[2] = {htobe64(e->addr_hi), htobe64(e->addr_lo)};
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	bool four;

	if (e->reason == WHY_FAMILY || e->op == NET_SOCKET) {
		line_printf(t, ", \"family\": %u, \"sock_type\": %u, \"protocol\": %u", e->family,
			    e->sock_type, e->protocol);
		line_member(t, "kind", socket_name(e->family, e->sock_type, e->protocol));
		return;
	}
	memcpy(&six, words, sizeof(six));
	four = IN6_IS_ADDR_V4MAPPED(&six);
	line_member(t, "addr",
		    inet_ntop(four ? AF_INET : AF_INET6, four ? &six.s6_addr[12] : six.s6_addr, text,
			      sizeof(text)));
	line_number(t, "port", e->port);
}

/* Both tables name an option alike where both have it. */
static const char *option_name(unsigned level, unsigned option)
{
#define NAMED(l, o, name)                                                                                    \
	if (level == l && option == o)                                                                       \
		return name;
	OPTION_TABLE(NAMED)
	CONTROL_TABLE(NAMED)
#undef NAMED
	return NULL;
}

static void option_put(struct line *t, const struct event *e)
{
	line_number(t, "level", e->sock_type);
	line_number(t, "option", e->detail);
	line_member(t, "option_name", option_name(e->sock_type, e->detail));
}

/* What was asked for, by name where it has one. */
static void guard_put(struct line *t, const struct event *e)
{
	if (e->op == GUARD_BPF) {
		line_number(t, "command", e->detail);
	} else if (e->op == GUARD_SIGNAL) {
		const char *name = sigabbrev_np((int)e->detail);

		line_number(t, "signal", e->detail);
		line_member(t, "signal_name", name);
	} else if (e->op == GUARD_SOCKET_OPTION || e->op == GUARD_SOCKET_CONTROL) {
		option_put(t, e);
	} else if (e->op == GUARD_NETLINK) {
		line_number(t, "message", e->detail);
	} else if (e->op == GUARD_CAPABILITY) {
		char *name = cap_to_name((cap_value_t)e->detail);

		line_member(t, "capability", name);
		cap_free(name);
	}
}

static void grant_put(struct line *t, struct identity_names names)
{
	line_member(t, "grant", names.grant);
	line_member(t, "chain", names.chain);
	line_member(t, "owner", names.owner);
	line_member(t, "user", names.user);
	line_member(t, "purpose", names.purpose);
	line_member(t, "policy", names.policy);
}

static void identity_put(struct line *t, const struct event *e, const struct identity *who)
{
	if (who) {
		grant_put(t, identity_names(who));
		return;
	}
	line_member(t, "grant", NULL);
	line_number(t, "slot", e->slot);
	line_number(t, "gen", e->gen);
}

/* The last exit is noticed wherever the kernel lets go of a task, so it is nobody's in particular. */
static void task_put(struct line *t, const struct event *e)
{
	if (e->type == EV_TASK && e->op == TASK_LAST_EXIT)
		return;
	line_number(t, "pid", e->tgid);
	line_number(t, "tid", e->tid);
	line_number(t, "ppid", e->ppid);
	line_number(t, "uid", e->uid);
	line_number(t, "start", e->task_start);
	line_member_bytes(t, "comm", e->comm, sizeof(e->comm));
}

int event_json(const struct event *e, size_t size, const struct identity *who, uint64_t seq, uint64_t to_wall,
	       struct line *out)
{
	size_t start = out->len;

	if (!event_sound(e, size))
		return -EBADMSG;
	head_put(out, seq, e->time + to_wall, kinds[e->type].name);
	line_member(out, "verdict", actions[e->action]);
	line_member(out, "reason", reasons[e->reason]);
	rule_put(out, e, who);
	errno_put(out, -e->error);
	line_member(out, "op", kinds[e->type].op(e->op));
	if (e->type == EV_NET)
		address_put(out, e);
	else if (e->type == EV_GUARD)
		guard_put(out, e);
	else if (e->type == EV_FILE || e->path_len)
		object_put(out, e);
	identity_put(out, e, who);
	task_put(out, e);
	return line_end(out, start);
}

static struct identity_names note_names(const struct record_message *m)
{
	return (struct identity_names){m->grant, m->chain, m->owner, m->user, m->purpose, m->policy};
}

int note_json(const struct record_message *m, const struct line_head *head, struct line *out)
{
	size_t start = out->len;

	if (m->note >= NOTES)
		return -EBADMSG;
	head_put(out, head->seq, head->time, notes[m->note].type);
	line_member(out, "op", notes[m->note].op);
	line_member(out, "text", m->text);
	if (!strcmp(notes[m->note].type, "grant")) {
		grant_put(out, note_names(m));
		line_member(out, "policy_digest", m->digest);
		line_member(out, "parent", m->parent[0] ? m->parent : NULL);
	}
	return line_end(out, start);
}

int loss_json(const char *cause, uint64_t count, const struct line_head *head, struct line *out)
{
	size_t start = out->len;

	head_put(out, head->seq, head->time, "loss");
	line_number(out, "count", count);
	line_member(out, "cause", cause);
	return line_end(out, start);
}
