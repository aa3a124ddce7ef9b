/* SPDX-License-Identifier: Apache-2.0 */
/* What guest and host say to each other on the port: type, length (3 bytes, low first), data. */
#pragma once

#include <stddef.h>

enum {
	FRAME_OUTPUT = 'O',
	FRAME_STATUS = 'S', /* an int, as wait(2) gives it */
	FRAME_HEAD = 4,
	FRAME_MAX = 32 * 1024, /* the kernel cuts longer writes to a port */
	FRAME_DATA = FRAME_MAX - FRAME_HEAD,
};

static inline void frame_head(char *frame, char type, size_t size)
{
	frame[0] = type;
	frame[1] = (char)(size & 0xff);
	frame[2] = (char)(size >> 8 & 0xff);
	frame[3] = (char)(size >> 16 & 0xff);
}

static inline size_t frame_size(const char *frame)
{
	const unsigned char *byte = (const unsigned char *)frame;

	return byte[1] | (size_t)byte[2] << 8 | (size_t)byte[3] << 16;
}
