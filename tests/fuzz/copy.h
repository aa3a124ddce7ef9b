/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_FUZZ_COPY_H
#define DEPUTY_FUZZ_COPY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Of exactly this size, which libFuzzer's own buffer is not: a read past its end is seen. To be freed. */
static inline void *copy_of(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	return copy;
}

#endif
