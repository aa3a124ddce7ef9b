/* SPDX-License-Identifier: Apache-2.0 */
/* decide.h over a table in memory: every index is checked, as the kernel's array map does. */
#ifndef DEPUTY_DECIDE_ENV_H
#define DEPUTY_DECIDE_ENV_H

#include <string.h>
#include <sys/cdefs.h>

#include "policy/policy.h"

typedef const struct table *table_t;
struct name;

static inline const union cell *table_cell(table_t t, __u32 i);
static inline int name_load(const struct name *n, __u32 off, __u32 len, union cell *out);

#include "../bpf/decide.h"

static inline const union cell *table_cell(table_t t, __u32 i)
{
	return i < t->count ? &t->cells[i] : NULL;
}

static inline int name_load(const struct name *n, __u32 off, __u32 len, union cell *out)
{
	if (off > n->len || len > n->len - off || len > sizeof(*out))
		return -1;
	*out = (union cell){0};
	memcpy(out->b, (const char *)(uintptr_t)n->at + off, len);
	return 0;
}

static inline struct name name_of(const char *text, size_t len)
{
	return (struct name){(uintptr_t)text, (__u32)len};
}

#endif
