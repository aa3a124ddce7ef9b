/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/delegate: an agent hands a part of its grant on, to the process that asks. The steps of mint.h
 * that differ from an owner's own request. */
#ifndef DEPUTY_DELEGATE_H
#define DEPUTY_DELEGATE_H

#include "broker/mint.h"

#define DELEGATE_RATE 20u /* requests a second that one grant may begin, its share of the worker */

/* CLOCK_BOOTTIME ns that the delegator's grant has left. */
uint64_t delegate_left(const struct mint *m);
/* Answers that the ttl asked for is longer than that. */
int delegate_too_long(struct mint *m, uint64_t left);
/* What the new grant has of the one above it. -ESTALE: that has ended. */
int delegate_describe(struct mint *m, struct grant *g);
/* Counts a request that the worker will be busy with. */
bool delegate_too_often(struct grant *g);
/* Answers where no link can be signed below the parent's any more. */
int delegate_wall(struct mint *m);
/* No end after its parent's, however long the request took. */
void delegate_clamp(const struct mint *m, struct grant *g);

#endif
