/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_HASH_H
#define DEPUTY_HASH_H

#include <stddef.h>

#define HASH_BYTES	32
#define HASH_TEXT_BYTES 72 /* "sha256:", 64 hexadecimal digits and NUL */

/* SHA-256. -EIO: the library has none. Thread-safe. */
int hash_sha256(const void *bytes, size_t size, unsigned char hash[HASH_BYTES]);
/* The same as "sha256:<hex>". */
int hash_text(const void *bytes, size_t size, char text[HASH_TEXT_BYTES]);

#endif
