/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_HASH_H
#define DEPUTY_HASH_H

#include <stddef.h>

#define HASH_BYTES	32
#define HASH_TEXT_BYTES 72 /* "sha256:", 64 hexadecimal digits and NUL */

/* SHA-256. -EIO: the library has none. Thread-safe. */
int hash_sha256(const void *bytes, size_t size, unsigned char hash[HASH_BYTES]);
/* Of the one and then the other. */
int hash_sha256_joined(const void *bytes, size_t size, const void *more, size_t more_size,
		       unsigned char hash[HASH_BYTES]);

/* As "sha256:<hex>", and back: -EBADMSG. */
void hash_write(const unsigned char hash[HASH_BYTES], char text[HASH_TEXT_BYTES]);
int hash_read(const char *text, unsigned char hash[HASH_BYTES]);
/* Hashes and writes. */
int hash_text(const void *bytes, size_t size, char text[HASH_TEXT_BYTES]);

#endif
