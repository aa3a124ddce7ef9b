/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/wire.h"

#include <errno.h>
#include <string.h>

int wire_bytes(struct octets *from, size_t size, struct octets *bytes)
{
	if (size > from->size)
		return -EBADMSG;
	*bytes = (struct octets){from->bytes, size};
	from->bytes += size;
	from->size -= size;
	return 0;
}

int wire_u8(struct octets *from, uint8_t *value)
{
	struct octets s;

	if (wire_bytes(from, 1, &s))
		return -EBADMSG;
	*value = s.bytes[0];
	return 0;
}

int wire_u32(struct octets *from, uint32_t *value)
{
	struct octets s;

	if (wire_bytes(from, 4, &s))
		return -EBADMSG;
	*value = (uint32_t)s.bytes[0] << 24 | (uint32_t)s.bytes[1] << 16 | (uint32_t)s.bytes[2] << 8 |
		 s.bytes[3];
	return 0;
}

int wire_string(struct octets *from, struct octets *string)
{
	struct octets rest = *from;
	uint32_t size;

	if (wire_u32(&rest, &size) || wire_bytes(&rest, size, string))
		return -EBADMSG;
	*from = rest;
	return 0;
}

int wire_mpint(struct octets *from, struct octets *number)
{
	struct octets rest = *from, n;

	if (wire_string(&rest, &n) || n.size == 0 || n.bytes[0] & 0x80)
		return -EBADMSG;
	if (n.bytes[0] == 0) { /* keeps the next byte's first bit from being a sign, or is padding */
		if (n.size == 1 || !(n.bytes[1] & 0x80))
			return -EBADMSG;
		n = (struct octets){n.bytes + 1, n.size - 1};
	}
	*from = rest;
	*number = n;
	return 0;
}

int wire_end(const struct octets *from)
{
	return from->size ? -EBADMSG : 0;
}

bool span_is(const struct octets *s, const char *text)
{
	return s->size == strlen(text) && memcmp(s->bytes, text, s->size) == 0;
}

bool span_equal(const struct octets *a, const struct octets *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

void wire_put_bytes(struct wire_buffer *to, const void *bytes, size_t size)
{
	if (to->full || size > to->room - to->used) {
		to->full = true;
		return;
	}
	if (size)
		memcpy(to->bytes + to->used, bytes, size);
	to->used += size;
}

void wire_put_u8(struct wire_buffer *to, uint8_t value)
{
	wire_put_bytes(to, &value, 1);
}

void wire_put_u32(struct wire_buffer *to, uint32_t value)
{
	const uint8_t b[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
			      (uint8_t)value};

	wire_put_bytes(to, b, sizeof(b));
}

void wire_put_string(struct wire_buffer *to, const void *bytes, size_t size)
{
	if (size > UINT32_MAX) {
		to->full = true;
		return;
	}
	wire_put_u32(to, (uint32_t)size);
	wire_put_bytes(to, bytes, size);
}
