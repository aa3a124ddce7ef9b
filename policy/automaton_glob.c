/* SPDX-License-Identifier: Apache-2.0 */
/* The globs that meet at one state, and which of them one name may match together. */
#include <string.h>

#include "policy/automaton.h"

static bool comparable(const char *a, const char *b, size_t a_len, size_t b_len, bool suffix)
{
	size_t n = a_len < b_len ? a_len : b_len;

	return suffix ? !memcmp(a + a_len - n, b + b_len - n, n) : !memcmp(a, b, n);
}

/* Prefixes and suffixes must each continue one another for one name to have both. */
static bool globs_conflict(const struct part *a, const struct part *b)
{
	return !comparable(a->text, b->text, strlen(a->text), strlen(b->text), false) ||
	       !comparable(a->suffix, b->suffix, strlen(a->suffix), strlen(b->suffix), true);
}

void globs_relate(struct globs *g)
{
	for (unsigned i = 0; i < g->count; i++) {
		g->conflicts[i] = g->above[i] = 0;
		for (unsigned j = 0; j < g->count; j++) {
			g->conflicts[i] |= globs_conflict(&g->parts[i], &g->parts[j]) << j;
			g->above[i] |= part_within(&g->parts[i], &g->parts[j]) << j;
		}
	}
}

bool globs_meet(const struct globs *g, unsigned mask)
{
	for (unsigned i = 0; i < g->count; i++) {
		if (mask >> i & 1 && (mask & g->conflicts[i] || g->above[i] & ~mask))
			return false;
	}
	return true;
}

unsigned globs_of_name(const struct globs *g, const char *name, size_t len)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < g->count; i++)
		mask |= part_matches(&g->parts[i], name, len) << i;
	return mask;
}
