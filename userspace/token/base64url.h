/* SPDX-License-Identifier: Apache-2.0 */
/* base64url without padding (RFC 7515 section 2), in its one canonical spelling only. */
#ifndef DEPUTY_BASE64URL_H
#define DEPUTY_BASE64URL_H

#include <stddef.h>

/* Characters that n bytes become, without a NUL. */
#define BASE64URL_LEN(n) (((n) * 4 + 2) / 3)
/* Bytes that n characters hold. */
#define BASE64URL_SIZE(n) ((n) / 4 * 3 + (n) % 4 * 3 / 4)

/* Appends to `text`, which has room for BASE64URL_LEN(size) + 1 bytes, and ends it with NUL. Returns the
 * number of characters written. */
size_t base64url_encode(const void *bytes, size_t size, char *text);

/* Writes at most `room` bytes. -EBADMSG: a character outside the alphabet (padding and white space too),
 * a length that no encoder produces, or trailing bits that are not zero; -ENOSPC: more than `room`. */
int base64url_decode(const char *text, size_t len, void *bytes, size_t room, size_t *size);

#endif
