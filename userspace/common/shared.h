/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that thousands of grants have in common (names, digests, rule labels), kept once: found by their
 * content, counted, and gone with the last holder. Nobody writes to them. For one thread of a process.
 */
#ifndef DEPUTY_SHARED_H
#define DEPUTY_SHARED_H

#include <stdbool.h>
#include <stddef.h>

/* Holds a copy of some bytes, aligned for any type. NULL without memory. */
const void *shared_bytes(const void *bytes, size_t size);
/* The same of a string and its NUL. The empty one is always to be had, and is not counted. */
const char *shared_text(const char *text);
/* One more holder of what either of them returned. */
const void *shared_hold(const void *shared);
/* One less. NULL is none. */
void shared_drop(const void *shared);

size_t shared_size(const void *shared);
/* Whether nobody else holds it. */
bool shared_is_single(const void *shared);

#endif
