/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) in the one spelling in which links are written, read where it lies: no white space; the
 * names of an object in ascending order of their bytes, so that none comes twice; numbers whole and of at
 * most 15 digits; in strings no escape that RFC 8785 section 3.2.2.2 would not write, and in names none. A
 * general parser builds a tree, at a quarter of the cost of checking a signature.
 *
 * Whatever is accepted here is accepted, and read the same, by any JSON parser.
 */
#ifndef DEPUTY_SCAN_H
#define DEPUTY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH_MAX 16u /* values inside one another */

struct span {
	const char *at; /* not ended by NUL */
	size_t len;
};

/* What is still to be read. */
struct scan {
	const char *at;
	const char *end;
};

/* Zeroed before the first member. */
struct scan_object {
	struct span name; /* of the member that the scan stands at */
	bool begun;
};

/* All of these: false when what comes next is something else; the scan is then of no more use. */
bool scan_take(struct scan *s, const char *text, size_t len);
/* A string without escapes: what lies between its quotes. */
bool scan_string(struct scan *s, struct span *text);
bool scan_integer(struct scan *s, int64_t *value);
/* Any value, `depth` values deep already. */
bool scan_value(struct scan *s, unsigned depth);

/* Goes to the next member's value: 1, 0 at the object's end, which is taken, -1 when it is malformed. */
int scan_member(struct scan *s, struct scan_object *o);

/* As memcmp(3), the shorter first. */
int span_compare(struct span a, struct span b);

#endif
