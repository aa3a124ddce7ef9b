/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a child's table is within its parent's.
 *
 * In the kernel each task is decided by the table of its own grant alone. Of the grants above it the hooks
 * ask only whether they still live (caller.h), never what they allow; grant_within() says whose a task,
 * socket or System V object is, and lets a grant reach what is of those beneath it. So this proof is what
 * keeps a child within its parent: nothing looks a second time when the child acts.
 *
 * What the hooks do besides deciding one operation on one object:
 * - "self" in proc is a name relative to the grant (is_own_proc()): each has it for its own processes. Tables
 *   are compared by names, so what a parent may do to its own a child may be given to do to its own.
 * - Where names have several spellings a state that tells names apart refuses all (WHY_SPELLING). A child
 * that is not refused treats every spelling alike, and for each of them the parent was proven to allow as
 * much.
 * - Listening at a port that the kernel chose is proven too (within_net.c).
 * - Wards, control files and raw devices, pipes and memfds do not depend on tables.
 * - Renaming and linking may gain no rights (WHY_WIDER), which is asked of the child's table. The proof does
 * not cover it: a child that may not read may move, between places that are alike to it, what its parent may
 *   read in one of them only. file.bpf.c would have to ask the tables of the grants above as well.
 */
#include <string.h>

#include "policy/within_internal.h"

static const char *privilege_text(unsigned bit)
{
	const char *name = bit == PRIV_USERNS ? "user namespace" : capability_name(bit);

	return name ? name : "?";
}

static int privileges_within(struct within *w)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct verdict allow = {ACT_ALLOW, (__u16)w->child.table->privileges[bit]};
		struct verdict deny = {ACT_DENY, (__u16)w->parent.table->privileges[bit]};

		if (!decide_privilege(w->child.table, bit) || decide_privilege(w->parent.table, bit))
			continue;
		strcpy(w->wider->object, privilege_text(bit));
		return wider_set(w, WIDER_PRIVILEGE, bit, bit == PRIV_USERNS ? "create" : "capability", allow,
				 deny);
	}
	return 0;
}

/* Bits that are no kind yet are compared too. */
static int sockets_within(struct within *w)
{
	for (unsigned kind = 0; kind < 64; kind++) {
		struct verdict allow = {ACT_ALLOW, (__u16)w->child.table->sockets[kind]};
		struct verdict deny = {ACT_DENY, (__u16)w->parent.table->sockets[kind]};
		const char *name = socket_kind_name(kind);

		if (!decide_socket(w->child.table, kind) || decide_socket(w->parent.table, kind))
			continue;
		strcpy(w->wider->object, name ? name : "?");
		return wider_set(w, WIDER_SOCKET, kind, "socket", allow, deny);
	}
	return 0;
}

int policy_within(const struct table *child, const struct table *parent, struct policy_wider *wider)
{
	struct policy_wider *found = calloc(1, sizeof(*found));
	struct within w = {.child.table = child, .parent.table = parent, .wider = found};
	int ret = !found ? -ENOMEM : head_is_sound(child) && head_is_sound(parent) ? 0 : -EINVAL;

	ret = ret ?: paths_within(&w);
	ret = ret ?: net_within(&w);
	ret = ret ?: privileges_within(&w);
	ret = ret ?: sockets_within(&w);
	named_free(&w.child);
	named_free(&w.parent);
	if (ret == -EACCES)
		*wider = *found;
	free(found);
	return ret;
}
