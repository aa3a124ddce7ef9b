/* SPDX-License-Identifier: GPL-2.0-only */
/* decide.h over the tables that live in maps. */
#ifndef DEPUTY_TABLE_H
#define DEPUTY_TABLE_H

#include "caller.h"

typedef __u32 table_t; /* the slot that the table belongs to */

static __always_inline const union cell *table_cell(table_t t, __u32 i)
{
	void *table = bpf_map_lookup_elem(&tables, &t);

	return table ? bpf_map_lookup_elem(table, &i) : 0;
}

#define NAME_SELF 0 /* the address of the name "self" */

static __always_inline int name_load(__u64 name, __u32 off, __u32 len, union cell *out)
{
	__u64 size = len;

	out->d[0] = out->d[1] = 0;
	if (name == NAME_SELF) {
		out->d[0] = 0x666c6573; /* "self" */
		return off || len != 4;
	}
	barrier_var(size); /* 6.1 follows bounds of whole registers only, so the test must be on one */
	if (!size || size > 16)
		return -1;
	return bpf_probe_read_kernel(out, size, (const void *)(name + off)) ? -1 : 0;
}

#define DECIDE			  __weak __noinline
#define decide_loop(n, step, ctx) bpf_loop(n, step, ctx, 0)
#include "decide.h"

#endif
