/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of the kernel's that can be filled from here. */
#ifndef TEST_FEEDER_H
#define TEST_FEEDER_H

#include "sample.h"

#include <stdbool.h>

struct feeder {
	int ring, value, prog; /* -1 where this kernel lets us have none */
};

void feeder_new(struct feeder *feeder);
void feeder_free(struct feeder *feeder);
/* Whether the ring had room for it. */
bool feeder_put(const struct feeder *feeder, const struct sample *sample);

#endif
