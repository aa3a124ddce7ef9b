/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether one compiled table is a subset of another: what a delegated grant's table has to be of its
 * parent's before it is loaded. Pure: no I/O, no logging.
 */
#ifndef DEPUTY_WITHIN_H
#define DEPUTY_WITHIN_H

#include "policy/policy.h"

/*
 * No pair of tables, however hostile, may hold the proof up: past either limit it is -E2BIG, and the child is
 * not loaded.
 */
#define WITHIN_WORK                                                                                          \
	(1ull << 28) /* 16-byte chunks of names held against tables, ports compared: a second or two */
#define WITHIN_PAIRS  (1u << 20) /* states of the child with states of the parent, some 60 bytes each */
#define WITHIN_OBJECT 4096u	 /* bytes of an example, its NUL included */

enum wider_kind { WIDER_PATH, WIDER_ADDR, WIDER_PRIVILEGE, WIDER_SOCKET };

/* What a child would allow or hold, and its parent would not. */
struct policy_wider {
	enum wider_kind kind;
	unsigned number;  /* enum file_op, enum net_op, a bit of cell_masks, enum socket_kind; by kind */
	const char *op;	  /* the operation's name: "read", "connect", "listen", "capability", "socket" ... */
	const char *rule; /* the child's rule that is wider, owned by its table; NULL: none is known */
	const char *parent_rule; /* the parent's that refuses, owned by its table; NULL: no rule names it */
	enum action child, parent;
	bool chosen; /* WIDER_ADDR: not binding to it, but listening there when the kernel chose that port */
	bool cut;    /* a path of over WITHIN_OBJECT bytes: `object` is the end of it */
	struct cell_addr addr;	    /* WIDER_ADDR */
	uint16_t port;		    /* WIDER_ADDR */
	char object[WITHIN_OBJECT]; /* a path, "10.0.0.1:443", "[2001:db8::1]:443", a capability, a kind */
};

/*
 * 0: whatever the child allows the parent allows, and whatever the child holds the parent holds or allows;
 * for every operation on every path, address and port, for every privilege and kind of socket. -EACCES: not
 * so, see *wider, which is untouched otherwise. -E2BIG: a limit was passed, nothing is proven. -EINVAL: a
 * table is malformed. -ENOMEM. Whatever is not 0 refuses the child.
 *
 * Lifetimes, audit, on_revoke and owners are no part of a table: whoever delegates compares those.
 */
int policy_within(const struct table *child, const struct table *parent, struct policy_wider *wider);

#endif
