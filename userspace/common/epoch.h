/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `epochs` of the runtime directory, 0644: what the warden tells everybody on the host of the ends
 * of grants, so that whoever has verified a chain needs no round trip to see one of its links end. One
 * mapping, written by the warden alone.
 *
 * A grant (slot, gen) lives while its slot has that gen, not that dead, and CLOCK_BOOTTIME is before expires.
 * Grants above it end apart: a chain names them all, so whoever has it looks at each.
 *
 * A new grant is written expires first, gen last; an end dead first, epoch last. A reader that has read epoch
 * and then found each slot live may rely on that for as long as epoch is the same. A renewal writes a later
 * expires; whoever has read the earlier one may keep to it.
 */
#ifndef DEPUTY_EPOCH_H
#define DEPUTY_EPOCH_H

#include <stdint.h>

#include "common/types.h" /* SLOTS_MAX */

#define EPOCH_FILE  "epochs"
#define EPOCH_MAGIC 0x3148434f50455044ull /* "DPEPOCH1": another layout has another */

/* A warden that has not written its beat for so long is gone, and what it left says nothing of ends any more:
 * the next one's file may be another. Its beats come five times a second. */
#define EPOCH_BEAT_NS 5000000000ull

struct epoch_slot {
	uint32_t gen;	  /* 0: never used */
	uint32_t dead;	  /* the last generation that has ended */
	uint64_t expires; /* CLOCK_BOOTTIME, ns */
};

struct epochs {
	uint64_t magic;
	uint64_t epoch;	 /* moves after every end but those by time */
	uint64_t beat;	 /* CLOCK_BOOTTIME, ns, of the warden's last sign of life */
	uint64_t closed; /* 1: nothing here is kept up any more */
	uint64_t reserved[4];
	struct epoch_slot slots[SLOTS_MAX];
};
_Static_assert(sizeof(struct epoch_slot) == 16 && sizeof(struct epochs) == 64 + 16 * SLOTS_MAX,
	       "the same for every compiler");

#endif
