/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about text: cutting it without breaking a character, times. */
#ifndef DEPUTY_TEXT_H
#define DEPUTY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TIME_BYTES 32

/* How many of `len` bytes of UTF-8 to keep so that at most `max` remain and no character is cut in two. */
size_t text_cut(const char *text, size_t len, size_t max);
/* Copies as much as fits with its NUL, by text_cut(). */
void text_copy(char *to, size_t size, const char *text);
/* Seconds since the epoch as "2026-11-23T20:14:05Z" (RFC 3339). */
void text_time(int64_t seconds, char time[TIME_BYTES]);
/* Nanoseconds as "90s", "15m" or "2h", the largest unit that is exact. */
void text_ttl(uint64_t ns, char ttl[TIME_BYTES]);

#endif
