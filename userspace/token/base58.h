/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base58btc (draft-msporny-base58; the alphabet of Bitcoin). Each string of bytes has one spelling. The work
 * grows with the square of the length, so both ways are for short things: keys and signatures.
 */
#ifndef DEPUTY_BASE58_H
#define DEPUTY_BASE58_H

#include <stddef.h>

#define BASE58_BYTES_MAX 128u /* that are ever encoded or decoded */

/* The most characters that n bytes become, without a NUL: log(256) / log(58) is less than 1.38. */
#define BASE58_LEN(n) ((n) * 138 / 100 + 1)

/* Writes BASE58_LEN(size) + 1 bytes at most, NUL included. Returns the number of characters. `size` may not
 * be past BASE58_BYTES_MAX. */
size_t base58_encode(const void *bytes, size_t size, char *text);

/* Writes at most `room` bytes. -EBADMSG: a character outside the alphabet; -ENOSPC: more than `room` or
 * BASE58_BYTES_MAX. */
int base58_decode(const char *text, size_t len, void *bytes, size_t room, size_t *size);

#endif
