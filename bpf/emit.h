/* SPDX-License-Identifier: GPL-2.0-only */
/* Refusals and records: what every hook ends in. */
#ifndef DEPUTY_EMIT_H
#define DEPUTY_EMIT_H

#include "object.h"

/* What a hook has to say beyond who the caller is. */
struct report {
	__u32 slot;
	__u32 gen;
	__s32 error;
	__u16 rule;
	__u8 type;
	__u8 op;
	__u8 action;
	__u8 reason;
	__u16 port;
	union {
		__u32 family;
		__u32 detail;
	};
	__u32 sock_type;
	__u32 protocol;
	__u64 addr_hi;
	__u64 addr_lo;
};

/* Sends one event; o may be NULL: no file is concerned. 0, or -1 with the loss counted (emit.bpf.c). */
extern int event_emit(const struct report *r, const struct object *o);

/* Kills the caller when its grant is over and says so: nobody waits for a warden that may be dead
 * (task.bpf.c). */
extern int caller_end(__u32 slot, __u32 gen);

/* If it is a message queue: it is open from now on, and sending and receiving ask nobody (mapping.bpf.c). */
extern int queue_mark(struct object *o);

/* Whether the grant has the capability towards that user namespace: 0 or -EPERM (privilege.bpf.c). */
extern int capability_check(__u64 ns, __u32 cap, __u32 opts);

#define CHANGES (1u << OP_WRITE | 1u << OP_EXEC | 1u << OP_CREATE | 1u << OP_DELETE | 1u << OP_UNIX_CONNECT)

/* Whether the grant wants an allowed operation recorded. */
static __always_inline int audited(const struct slot *s, int change)
{
	return s && s->flags & (change ? SLOT_AUDIT_CHANGE | SLOT_AUDIT_ALL : SLOT_AUDIT_ALL);
}

/* The errno of a refusal: EACCES where other rules would allow, EPERM where nothing will. */
static __always_inline int refusal_errno(enum reason why)
{
	switch (why) {
	case WHY_REVOKED:
	case WHY_EXPIRED:
	case WHY_STALE:
	case WHY_GUARDED:
		return -EPERM;
	case WHY_WIDER:
		return -EXDEV; /* what rename(2) and link(2) callers fall back from by copying */
	case WHY_LIMIT:
		return -EAGAIN;
	default:
		return -EACCES;
	}
}

static __always_inline int refuse(struct report *r, struct slot *s, enum reason why, const struct object *o)
{
	r->action = ACT_DENY;
	r->reason = why;
	if (!r->error) /* a hook may know better what the kernel makes of a refusal */
		r->error = refusal_errno(why);
	if (s)
		__sync_fetch_and_add(&s->denials, 1);
	event_emit(r, o);
	if (why == WHY_REVOKED || why == WHY_EXPIRED)
		caller_end(r->slot, r->gen);
	return r->error;
}

#endif
