/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_ENFORCE_PRIVATE_H
#define DEPUTY_ENFORCE_PRIVATE_H

#include "daemon/enforce.h"

#include "bpf/deputy.skel.h" /* generated; wants struct visit */

#define CLOCKS_MAX 1024 /* CPUs */

struct enforce {
	struct deputy_bpf *skel;
	struct bpf_link *visits; /* the iterator over this process's own descriptors */
	struct bpf_link *tasks;	 /* the iterator over every task, for reaping */
	struct slot *slots;	 /* the map itself, SLOTS_MAX entries */
	struct control *control;
	struct bpf_link *clocks[CLOCKS_MAX]; /* of running_clock, by CPU */
	bool ticking;
	uint32_t last; /* slot given out last */
	bool fresh;    /* the pin directory is of our own making: no predecessor's */
	char pin_dir[256];
};

/* Pins and unpins (pins.c). */
int pins_prepare(struct enforce *enforce);
int pins_take(struct enforce *enforce);
void pins_drop(struct enforce *enforce);
/* One link, swapped in over a predecessor's; and gone again. */
int pin_link(const struct enforce *enforce, const char *name, struct bpf_link *link);
void pin_remove(const struct enforce *enforce, const char *name);

#endif
