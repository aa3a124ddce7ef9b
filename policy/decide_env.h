/* SPDX-License-Identifier: Apache-2.0 */
/* decide.h over a table in memory: every index is checked, as the kernel's array map does. */
#ifndef DEPUTY_DECIDE_ENV_H
#define DEPUTY_DECIDE_ENV_H

#include <string.h>
#include <sys/cdefs.h>

#include "policy/policy.h"

typedef const struct table *table_t;

#define DECIDE static inline
#define decide_loop(n, step, ctx)                                                                            \
	do {                                                                                                 \
		for (__u32 i_ = 0; i_ < (n) && !(step)(i_, ctx); i_++)                                       \
			;                                                                                    \
	} while (0)

static inline const union cell *table_cell(table_t t, __u32 i)
{
	return i < t->count ? &t->cells[i] : NULL;
}

static inline int name_load(__u64 name, __u32 off, __u32 len, union cell *out)
{
	*out = (union cell){0};
	memcpy(out->b, (const char *)(uintptr_t)name + off, len);
	return 0;
}

#include "../bpf/decide.h"

static inline __u64 name_at(const char *text)
{
	return (uintptr_t)text;
}

#endif
