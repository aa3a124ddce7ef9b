/* SPDX-License-Identifier: Apache-2.0 */
/* The warden's side of common/epoch.h. Each call but the first takes NULL: then nothing is shared. */
#ifndef DEPUTY_EPOCHS_H
#define DEPUTY_EPOCHS_H

#include "common/epoch.h"

/* Maps the file in `dir`, that of a warden before where its layout is ours: readers have that open. -errno.
 */
int epochs_open(const char *dir, struct epochs **epochs);
/* All slots of before end, and those of `slots`, SLOTS_MAX of them, that live are told of. */
void epochs_fill(struct epochs *epochs, const struct slot *slots);
/* A grant begins; ends; and the warden lives. */
void epochs_begin(struct epochs *epochs, uint32_t slot, uint32_t gen, uint64_t expires);
/* The grant that has the slot ends later than was told. */
void epochs_renew(struct epochs *epochs, uint32_t slot, uint64_t expires);
void epochs_end(struct epochs *epochs, uint32_t slot, uint32_t gen);
void epochs_beat(struct epochs *epochs);
/* Nothing is said any more. */
void epochs_close(struct epochs *epochs);

#endif
