/* SPDX-License-Identifier: Apache-2.0 */
/* Inside patterns and the compiler: parts, and inclusion with an account of its work. */
#ifndef DEPUTY_PATTERN_H
#define DEPUTY_PATTERN_H

#include "policy/internal.h"

/* Text of a part, "" for none. */
static inline const char *part_text(const char *text)
{
	return text ? text : "";
}

/* Whether the part stands for this name. PART_DEEP stands for none: it is no single name. */
bool part_matches(const struct part *part, const char *name, size_t len);
/* Whether every name that a stands for is one that b stands for. */
bool part_within(const struct part *a, const struct part *b);
bool part_equal(const struct part *a, const struct part *b);

/* pattern_within() that adds what it cost to *work, so that a caller can bound many of them. */
bool pattern_within_work(const struct pattern *a, const struct pattern *b, uint64_t *work);

#endif
