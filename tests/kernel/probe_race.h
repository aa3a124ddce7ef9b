/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Races: what cuts (probe_cut.c) and what is cut (probe_race.c) share a page of memory. `phase` is read
 * before and after each call; a call that lies in one phase as a whole has one right answer.
 */
#ifndef RACE_H
#define RACE_H

#include <stdint.h>

#define RACE_KINDS 32
#define RACE_SIZE  8192

enum phase { PHASE_ALLOWED, PHASE_CHANGE, PHASE_REFUSED, PHASE_CHANGE_BACK, PHASES }; /* by phase % PHASES */

struct race_tally {
	uint64_t calls, passed, refused;
	uint64_t late;	/* passed, begun and ended after the cut */
	uint64_t lost;	/* refused, begun and ended while all was granted */
	uint64_t other; /* any other error; the last one: */
	int64_t last;
};

struct race {
	uint64_t phase;
	uint64_t stop;
	uint64_t running; /* hammers that are at work */
	struct race_tally kinds[RACE_KINDS];
};
_Static_assert(sizeof(struct race) <= RACE_SIZE, "fits");

/* The page behind a descriptor that was inherited. */
struct race *race_map(const char *fd);

#endif
