/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roads: ways around a grant that need hooks which not every kernel has. A hook that no road names is needed
 * by all of enforcement: without it nothing is started. One that is missing here leaves its road open, which
 * is said by the warden at its start, by /v1/status and by `deputy doctor`, and keeps every grant from
 * starting whose purpose does not accept it (`open_roads: accept`).
 */
#ifndef DEPUTY_ROADS_H
#define DEPUTY_ROADS_H

#include <stddef.h>
#include <stdint.h>

#define ROADS_MAX 64 /* a bit of struct control's open_roads each */

/* What people call the road of bit `i`, NULL past the last. Owned by the library. */
const char *road_name(size_t i);

/* The bit of the road that stays open without this LSM hook ("userns_create"), or -1: nothing does without.
 */
int road_of_hook(const char *hook);

/* "keyrings, user namespaces": the names of the bits in `open`, cut at `size`; "" for none. */
void roads_format(uint64_t open, char *buf, size_t size);

#endif
