/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data types of RFC 4251 section 5, read from and written to memory of a known size. Whatever is read
 * lies within the bytes that were given and lives as long as they do; nothing is copied.
 */
#ifndef DEPUTY_WIRE_H
#define DEPUTY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets {
	const uint8_t *bytes;
	size_t size;
};

/* Every reader takes from the front. -EBADMSG: less is left than is to be read, or its form is not the one
 * that the RFC gives; nothing has been taken then. */
int wire_u8(struct octets *from, uint8_t *value);
int wire_u32(struct octets *from, uint32_t *value);
/* So many bytes as they are. */
int wire_bytes(struct octets *from, size_t size, struct octets *bytes);
int wire_string(struct octets *from, struct octets *string);
/* A positive number, big-endian without leading zeros. -EBADMSG too: negative, zero, or padded (section 5:
 * "Unnecessary leading bytes with the value 0 or 255 MUST NOT be included"). */
int wire_mpint(struct octets *from, struct octets *number);
/* -EBADMSG: something is left. */
int wire_end(const struct octets *from);

bool span_is(const struct octets *s, const char *text);
bool span_equal(const struct octets *a, const struct octets *b);

/* Writers append as long as there is room; past that `full` is set, and stays. */
struct wire_buffer {
	uint8_t *bytes;
	size_t room, used;
	bool full;
};

void wire_put_u8(struct wire_buffer *to, uint8_t value);
void wire_put_u32(struct wire_buffer *to, uint32_t value);
void wire_put_bytes(struct wire_buffer *to, const void *bytes, size_t size);
void wire_put_string(struct wire_buffer *to, const void *bytes, size_t size);

#endif
