/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the broker wants its successor to know of each grant: one file a slot and generation, in the state
 * directory. The warden keeps the bytes and never looks into them.
 */
#ifndef DEPUTY_RECORDS_H
#define DEPUTY_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Opens `records` in the state directory, made when missing. A descriptor or -errno, said on stderr. */
int records_open(const char *state_dir);
/* Copies a memfd into the slot's record, whole or not at all. -EFBIG: past RECORD_BYTES. */
int records_write(int dir, uint32_t slot, uint32_t gen, int memfd);
void records_remove(int dir, uint32_t slot, uint32_t gen);

typedef bool (*record_wanted)(const void *arg, uint32_t slot, uint32_t gen);
/* Removes all that are not wanted, and what is no record. */
void records_purge(int dir, record_wanted wanted, const void *arg);

#endif
