/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_ENFORCE_PRIVATE_H
#define DEPUTY_ENFORCE_PRIVATE_H

#include "daemon/enforce.h"
#include "daemon/epochs.h"

#include "bpf/deputy.skel.h" /* generated; wants struct visit */

#define CLOCKS_MAX 1024 /* CPUs */
#define CLOCK_NAME "running_clock-%u"

struct table_digest {
	unsigned char bytes[32]; /* BLAKE2b of a table's cells */
};

struct enforce {
	struct deputy_bpf *skel;
	struct bpf_link *visits; /* the iterator over this process's own descriptors */
	struct bpf_link *tasks;	 /* the iterator over every task, for reaping */
	struct slot *slots;	 /* the map itself, SLOTS_MAX entries */
	struct control *control;
	struct epochs *epochs; /* NULL until shared */
	struct enforce_limits limits;
	struct bpf_link *clocks[CLOCKS_MAX];	/* of running_clock, by CPU */
	bool ticking;				/* all of them */
	bool grants;				/* there were some at the last look */
	int running_error;			/* said already */
	uint32_t last;				/* slot given out last */
	struct table_digest digests[SLOTS_MAX]; /* of the tables that this daemon loaded (tables.c) */
	bool fresh;				/* the pin directory is of our own making: no predecessor's */
	uint64_t open_roads;			/* as in struct control */
	uint32_t start; /* of a daemon, by which wards are told apart; 0: not known yet */
	char pin_dir[256];
};

/* Of maps that no daemon had before: generations go on from where no earlier run's were likely to be, since
 * its chains may still be shown and name slots by them (slots.c). */
void slots_begin(struct enforce *enforce);

/* Pins and unpins (pins.c). */
int pins_prepare(struct enforce *enforce);
int pins_take(struct enforce *enforce);
void pins_drop(const char *pin_dir);
/* One link, swapped in over a predecessor's; and gone again. */
int pin_link(const struct enforce *enforce, const char *name, struct bpf_link *link);
void pin_remove(const struct enforce *enforce, const char *name);

struct pin {
	char path[512];
};
struct pin pin_path(const char *pin_dir, const char *kind, const char *name);

/* Whether maps that are pinned mean what this build's do, and if so sizes ours by them (layout.c). */
bool layout_fits(struct enforce *enforce);
/* Tasks tagged under a pinned control map of any build; 0 where there is none. One that cannot be read says
 * nothing of tasks: -errno. */
int layout_tagged(const char *pin_dir, uint64_t *tagged);

/* Before a predecessor's pins go: the clocks that its grants need (running.c). */
int running_adopt(struct enforce *enforce);
/* Frees the links; `keep`: their pins tick on. */
void running_close(struct enforce *enforce, bool keep);

#endif
