/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON written into a buffer of fixed size: no allocation, no I/O. A piece that does not fit sets `full`
 * and is left out; the caller looks once, at the end, and drops the line as a whole.
 */
#ifndef DEPUTY_LINE_H
#define DEPUTY_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_GROWTH 6u /* most bytes of JSON that one byte of a string becomes: \u00XX */

struct line {
	char *buf; /* borrowed */
	size_t size;
	size_t len;
	bool full;
};

void line_raw(struct line *t, const char *bytes, size_t len);
void line_printf(struct line *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What stays between the quotes of a string; bytes that are not UTF-8 become the text \xHH. */
void line_escaped(struct line *t, const char *bytes, size_t len);
/* The same for one component of a path that holds such bytes: a backslash and a slash become \xHH too, so
 * that the path can be had back byte for byte. */
void line_component(struct line *t, const char *bytes, size_t len);

/* ", "KEY": "VALUE"", for a NUL-terminated value; null for a NULL one. */
void line_member(struct line *t, const char *key, const char *value);
/* The same for an array of `size` bytes that need not be terminated. */
void line_member_bytes(struct line *t, const char *key, const char *value, size_t size);
/* ", "KEY": VALUE". Past INT64_MAX, where readers of JSON give up (overlayfs has such inode numbers), quoted.
 */
void line_number(struct line *t, const char *key, uint64_t value);

#endif
