/* SPDX-License-Identifier: Apache-2.0 */
/* base64 with padding (RFC 4648 section 4), as OpenSSH writes keys and signatures. */
#ifndef DEPUTY_BASE64_H
#define DEPUTY_BASE64_H

#include <stddef.h>

/* Writes at most `room` bytes. Characters of `ignore` (NULL: none) may stand anywhere. -EBADMSG: any other
 * that is outside the alphabet, missing or excess padding, or trailing bits that are not zero; -ENOSPC: more
 * than `room`. */
int base64_decode(const char *text, size_t len, const char *ignore, void *bytes, size_t room, size_t *size);

#endif
