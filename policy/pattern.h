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

/* ---- text before it is taken apart (pattern_glyph.c) ---- */
struct glyph {
	char c;
	bool wild; /* a '*' as written, neither escaped nor out of a variable */
};

struct source {
	struct glyph *glyphs;
	size_t count;
	struct pattern_error *error;
};

/* Variables and escapes taken out of the text. s->glyphs is the caller's to free, whatever the result. */
int glyphs_read(struct source *s, const char *text, const struct policy_vars *vars);
/* Always -EINVAL. */
int pattern_refuse(struct pattern_error *e, const char *hint, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* pattern_within() that adds what it cost to *work, so that a caller can bound many of them. */
bool pattern_within_work(const struct pattern *a, const struct pattern *b, uint64_t *work);

#endif
