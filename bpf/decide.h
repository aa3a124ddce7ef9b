/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The decision: one source for the kernel programs, the unit tests and `deputy policy explain`.
 *
 * Whoever includes this supplies, before the include:
 *   table_t                                          a handle on a policy table
 *   const union cell *table_cell(table_t, __u32 i)   cell i, or NULL past the end
 *   int name_load(__u64 name, __u32 off, __u32 len, union cell *out)
 *       len (1..16) bytes of the name from off into zeroed *out; non-zero when unreadable
 *   DECIDE                                           linkage of the parts: in the kernel each is a function
 *       of its own with numbers for arguments, so that the verifier looks at each once
 *   decide_loop(n, step, ctx)                        step(i, ctx) for i in 0 .. n - 1, until it returns
 * non-zero
 *
 * Whatever cannot be read or is not found denies.
 */
#ifndef DEPUTY_DECIDE_H
#define DEPUTY_DECIDE_H

struct verdict {
	enum action action;
	__u16 rule;
};

#define NAME_CHUNKS 16 /* of 16 bytes hold NAME_BYTES */

static __always_inline __u64 hash_mix(__u64 h, __u64 v)
{
	h = (h ^ v) * 0x9E3779B97F4A7C15ull;
	return h ^ h >> 29;
}

/*
 * Names are taken 16 bytes at a time: the first chunk at once, for most names have no other, and the rest by
 * a loop whose body the verifier follows once.
 */
struct name_walk {
	table_t t;
	__u64 name; /* what is left of it */
	__u64 hash;
	__u32 len; /* bytes left */
	__u32 cell;
	__s32 hit; /* as name_holds() says */
};

static __always_inline int chunk_load(const struct name_walk *w, union cell *c)
{
	return name_load(w->name, 0, w->len < 16 ? w->len : 16, c);
}

/* Non-zero at the name's end. */
static __always_inline int chunk_pass(struct name_walk *w)
{
	w->name += 16;
	w->cell++;
	w->len = w->len > 16 ? w->len - 16 : 0;
	return !w->len;
}

static long hash_step(__u32 i, struct name_walk *w)
{
	union cell c;

	(void)i;
	if (chunk_load(w, &c)) {
		w->len = 1; /* not to its end: unreadable */
		return 1;
	}
	w->hash = hash_mix(hash_mix(w->hash, c.d[0]), c.d[1]);
	return chunk_pass(w);
}

/* 0: unreadable. Not a secret: names are compared besides, so a collision costs time and nothing else. */
DECIDE __u32 name_hash(__u64 name, __u32 len, __u32 seed)
{
	struct name_walk w = {.name = name, .len = len, .hash = hash_mix(seed, len)};
	__u32 hash;

	if (len && !hash_step(0, &w))
		decide_loop(NAME_CHUNKS - 1, hash_step, &w);
	if (w.len)
		return 0;
	hash = (__u32)(w.hash >> 32);
	return hash ? hash : 1;
}

static long hold_step(__u32 i, struct name_walk *w)
{
	const union cell *want = table_cell(w->t, w->cell);
	union cell c;

	(void)i;
	w->hit = -1;
	if (!want || chunk_load(w, &c))
		return 1;
	w->hit = c.d[0] == want->d[0] && c.d[1] == want->d[1];
	return chunk_pass(w) || !w->hit;
}

/* 1 when the name holds the table's text `ref` at `off`, 0 when not, -1 unreadable. */
DECIDE int name_holds(table_t t, __u64 name, __u32 off, __u32 ref)
{
	struct name_walk w = {
		.t = t, .name = name + off, .len = NAME_LEN(ref), .cell = NAME_CELL(ref), .hit = 1};

	if (w.len && !hold_step(0, &w))
		decide_loop(NAME_CHUNKS - 1, hold_step, &w);
	return w.hit;
}

/* Mixed twice: from ^ hash alone is the same for many pairs of a state and a mask of globs, both small
 * numbers. */
static __always_inline __u32 edge_home(__u32 from, __u32 hash)
{
	return (__u32)(hash_mix(hash_mix(0, from), hash) >> 32);
}

/* The cell of the edge out of `from` by (hash, whether it is a name); 0 when there is none. */
DECIDE __u32 edge_find(table_t t, __u32 from, __u32 hash, __u32 is_name)
{
	const union cell *head = table_cell(t, 0);
	__u32 home = edge_home(from, hash), base, mask;

	if (!head)
		return 0;
	base = head->head.edge_base;
	mask = head->head.edge_mask;
	for (__u32 i = 0; i < TABLE_PROBES; i++) {
		__u32 at = base + ((home + i) & mask);
		const union cell *c = table_cell(t, at);

		if (!c || !c->edge.from)
			return 0;
		if (c->edge.from == from && c->edge.hash == hash && !c->edge.name == !is_name)
			return at;
	}
	return 0;
}

static __always_inline int glob_matches(table_t t, __u32 at, __u64 name, __u32 len)
{
	const union cell *c = table_cell(t, at);
	__u32 prefix, suffix;
	int hit;

	if (!c)
		return -1;
	prefix = c->glob.prefix;
	suffix = c->glob.suffix;
	if (len < NAME_LEN(prefix) + NAME_LEN(suffix))
		return 0;
	hit = name_holds(t, name, 0, prefix);
	return hit > 0 ? name_holds(t, name, len - NAME_LEN(suffix), suffix) : hit;
}

/* Bit i set when glob i of `count` matches the name; -1 when unreadable. */
static __always_inline int globs_match(table_t t, __u64 name, __u32 len, __u32 first, __u32 count)
{
	int mask = 0;

	for (__u32 i = 0; i < TABLE_GLOBS && i < count; i++) {
		int hit = glob_matches(t, first + i, name, len);

		if (hit < 0)
			return -1;
		mask |= (hit & 1) << i;
	}
	return mask;
}

static __always_inline __u32 decide_start(table_t t)
{
	const union cell *c = table_cell(t, 0);

	if (!c || c->head.magic != TABLE_MAGIC)
		return 0;
	c = table_cell(t, 1);
	return c ? c->head2.start : 0;
}

/* Whether the name is the edge's: 1, 0, or -1 unreadable. */
static __always_inline int edge_names(table_t t, __u32 at, __u64 name, __u32 len)
{
	const union cell *c = table_cell(t, at);

	if (!c)
		return -1;
	return NAME_LEN(c->edge.name) == len ? name_holds(t, name, 0, c->edge.name) : 0;
}

/* The cell of the edge that the name takes, 0 when none; -1 unreadable. */
static __always_inline __s64 step_by_name(table_t t, __u32 from, __u64 name, __u32 len)
{
	const union cell *c = table_cell(t, 1);
	__u32 hash = c ? name_hash(name, len, c->head2.seed) : 0, at;
	int hit;

	if (!hash)
		return -1;
	at = edge_find(t, from, hash, 1);
	if (!at)
		return 0;
	hit = edge_names(t, at, name, len);
	return hit > 0 ? (__s64)at : hit;
}

/* The cell of the edge that the globs matching the name take, 0 when none match; -1 unreadable. */
static __always_inline __s64 step_by_glob(table_t t, __u32 from, __u64 name, __u32 len)
{
	const union cell *state = table_cell(t, from);
	__u32 at;
	int mask;

	if (!state || !state->state.nglobs)
		return state ? 0 : -1;
	mask = globs_match(t, name, len, state->state.globs, state->state.nglobs);
	if (mask <= 0)
		return mask;
	at = edge_find(t, from, (__u32)mask, 0);
	return at ? (__s64)at : -1;
}

/* The state after one more component of 1..NAME_BYTES bytes; 0 (dead) when nothing beneath is granted. */
DECIDE __u32 decide_step(table_t t, __u32 from, __u64 name, __u32 len)
{
	const union cell *c;
	__s64 edge;

	if (!from || !len || len > NAME_BYTES)
		return 0;
	edge = step_by_name(t, from, name, len);
	if (!edge)
		edge = step_by_glob(t, from, name, len);
	if (edge < 0)
		return 0;
	c = table_cell(t, edge ? (__u32)edge : from);
	if (!c)
		return 0;
	return edge ? c->edge.next : c->state.other;
}

static __always_inline struct verdict verdict_of(__u32 allow, __u32 hold, __u32 op, __u16 rule)
{
	struct verdict v = {ACT_DENY, rule};

	if (allow >> op & 1)
		v.action = ACT_ALLOW;
	else if (hold >> op & 1)
		v.action = ACT_HOLD;
	return v;
}

static __always_inline struct verdict decide_file(table_t t, __u32 at, __u32 op)
{
	const union cell *s = table_cell(t, at), *r = table_cell(t, at + 1);
	struct verdict none = {ACT_DENY, 0};

	if (!at || !s || !r || op >= FILE_OPS)
		return none;
	return verdict_of(s->state.allow, s->state.hold, op, r->rules.rule[op]);
}

/* Whether the state tells the names beneath it apart. What cannot be read does. */
static __always_inline int decide_named(table_t t, __u32 at)
{
	const union cell *s = at ? table_cell(t, at) : 0;

	return !at ? 0 : !s || s->state.named;
}

/* Operations allowed at a state, a bit each: what rename and link compare. */
static __always_inline __u32 decide_rights(table_t t, __u32 at)
{
	const union cell *s = at ? table_cell(t, at) : 0;

	return s ? s->state.allow : 0;
}

static __always_inline const union cell *decide_masks(table_t t)
{
	const union cell *c = table_cell(t, 0);

	return c && c->head.magic == TABLE_MAGIC && c->head.cells ? table_cell(t, c->head.cells - 1) : 0;
}

/* A capability or PRIV_*. */
static __always_inline int decide_privilege(table_t t, __u32 bit)
{
	const union cell *c = bit < 64 ? decide_masks(t) : 0;

	return c && (c->masks.privileges & (PRIV_GRANTABLE | 1ull << PRIV_USERNS)) >> bit & 1;
}

static __always_inline int decide_socket(table_t t, __u32 kind)
{
	const union cell *c = kind < 64 ? decide_masks(t) : 0;

	return c && c->masks.sockets >> kind & 1;
}

/* The cell of the last of `count` port entries whose lo is <= port. */
DECIDE __u32 port_find(table_t t, __u32 base, __u32 count, __u32 port)
{
	__u32 lo = 0;

	for (int i = 0; i < 17 && count - lo > 1; i++) {
		__u32 mid = lo + (count - lo) / 2;
		const union cell *c = table_cell(t, base + mid);

		if (!c)
			return 0;
		if (c->port.lo <= port)
			lo = mid;
		else
			count = mid;
	}
	return base + lo;
}

/* The cell of the last interval that starts at or below the address. */
DECIDE __u32 addr_find(table_t t, __u32 base, __u32 count, __u64 hi, __u64 low)
{
	__u32 lo = 0;

	for (int i = 0; i < 23 && count - lo > 1; i++) {
		__u32 mid = lo + (count - lo) / 2;
		const union cell *c = table_cell(t, base + 2 * mid);

		if (!c)
			return 0;
		if (c->addr.hi < hi || (c->addr.hi == hi && c->addr.lo <= low))
			lo = mid;
		else
			count = mid;
	}
	return base + 2 * lo;
}

/* By shifting and not by index: 6.1 loses an index's bounds when the compiler keeps it on the stack. */
static __always_inline struct verdict port_verdict(const union cell *c, __u32 op)
{
	_Static_assert(NET_OPS == 4 && sizeof(c->port.rule) == sizeof(c->d[1]),
		       "the rules are the second half");
	return verdict_of(c->port.allow, c->port.hold, op, (__u16)(c->d[1] >> 16 * op));
}

static __always_inline struct verdict decide_net(table_t t, __u32 op, __u64 hi, __u64 lo, __u16 port)
{
	struct verdict none = {ACT_DENY, 0};
	const union cell *c = table_cell(t, 1);
	__u32 at;

	if (!c || !c->head2.net_count || op >= NET_OPS)
		return none;
	at = addr_find(t, c->head2.net_base, c->head2.net_count, hi, lo);
	c = at ? table_cell(t, at + 1) : 0;
	if (!c || !c->ports.count)
		return none;
	at = port_find(t, c->ports.base, c->ports.count, port);
	c = at ? table_cell(t, at) : 0;
	return c ? port_verdict(c, op) : none;
}

#endif
