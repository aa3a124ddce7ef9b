/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side as the warden sees it: programs and maps, slots, tags, and the tasks that must die.
 * Root only. Nothing here parses anything that a stranger wrote.
 */
#ifndef DEPUTY_ENFORCE_H
#define DEPUTY_ENFORCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/types.h"

struct enforce;

/* Of maps made anew: those that are taken over keep their size. */
struct enforce_limits {
	uint32_t tasks;	 /* tagged at one time */
	uint32_t grants; /* holding a slot at one time */
};

/* Loads and attaches everything, pinned below pin_dir (made when missing). Maps that are pinned there
 * already are taken over with the slots and tags in them, and the programs that stood before go when the new
 * ones do. -EUCLEAN: they are of a build whose maps this one cannot read, with tasks under them. On error
 * says why on stderr. */
int enforce_open(const char *pin_dir, const struct enforce_limits *limits, struct enforce **enforce);
/* Frees userspace's part; `keep`: pins stay and enforcement goes on, else nothing is left behind. */
void enforce_close(struct enforce *enforce, bool keep);

/* Descriptors for the other roles; owned by enforce. */
int enforce_control_fd(const struct enforce *enforce);
int enforce_slots_fd(const struct enforce *enforce);
int enforce_ring_fd(const struct enforce *enforce);

/* Takes a free slot for the table in `memfd` (whole cells). -ENOSPC no slot, -EFBIG too large; of a delegated
 * grant -ESTALE the parent is gone or ended, -EINVAL it ends earlier, -EMLINK the chain would be too long.
 * *slot and *gen are live from here on. */
struct grant_terms {
	uint64_t expires; /* CLOCK_BOOTTIME ns */
	uint32_t flags;	  /* SLOT_* */
	uint32_t parent, parent_gen;
};
int enforce_load(struct enforce *enforce, int memfd, const struct grant_terms *terms, uint32_t *slot,
		 uint32_t *gen);

/* Has a grant that lives go on until `expires`, for itself: those beneath it end when they would have.
 * -ESTALE: it or one above it has ended or is gone; -EINVAL: it ends no earlier now, or one above does. What
 * has ended stays so, by whatever race: bpf/caller.h, slot_over(). */
int enforce_renew(struct enforce *enforce, uint32_t slot, uint32_t gen, uint64_t expires);
/* Cuts the grant and all beneath it: one write and one bump of the epoch. -ENOENT: no such grant. */
int enforce_revoke(struct enforce *enforce, uint32_t slot, uint32_t gen, bool kill);
/* The cells of a grant's table as the kernel has them, in a sealed memfd that is the caller's. -ENOENT. */
int enforce_table(struct enforce *enforce, uint32_t slot, uint32_t gen, int *memfd);
/* Gives a slot back. -EBUSY while tasks carry the tag, or grants that this one delegated hold slots. */
int enforce_release(struct enforce *enforce, uint32_t slot, uint32_t gen);
/* Revokes every grant, killing: what a clean stop does first. */
void enforce_revoke_all(struct enforce *enforce);
/* Whether the slot is that grant's. */
bool enforce_held(const struct enforce *enforce, uint32_t slot, uint32_t gen);
/* Whether the maps were here before us. */
bool enforce_adopted(const struct enforce *enforce);

/* From here on tells everybody on the host of the ends of grants, those that were taken over included, by the
 * file of common/epoch.h in that directory. -errno. */
int enforce_share(struct enforce *enforce, const char *dir);
/* Says there that we live. Five times a second. */
void enforce_beat(const struct enforce *enforce);

/* Reaches work under way while a grant is ending, and lets go when none is (running.c). To be called after
 * every change and now and then; says on stderr when it cannot. */
int enforce_running(struct enforce *enforce);

/* Reads, or with tag->slot set puts, the tag of the process behind a connection of this process. */
int enforce_visit(struct enforce *enforce, int connection, enum visit_op op, struct visit *visit);

/* Closes what a descriptor of this process, O_PATH or any, leads to: masks as in struct ward. Holds with
 * every process of ours dead, until a daemon settles that has not said it again. */
struct ward_masks {
	uint16_t self;
	uint16_t tree;
};
int enforce_ward(struct enforce *enforce, int fd, struct ward_masks masks);
int enforce_wards_settle(struct enforce *enforce);
/* Where it is pinned. */
const char *enforce_pin_dir(const struct enforce *enforce);

/* Kills every task whose grant is over and says so; returns how many processes were still to be killed. */
int enforce_reap(struct enforce *enforce);
/* Both, now and then: what time alone brings to its end. Costs nothing while there are no grants. */
void enforce_sweep(struct enforce *enforce);
/* Tasks that carry any tag. */
uint64_t enforce_tagged(const struct enforce *enforce);

/* Kills whatever is tagged below pin_dir, by whichever build, and takes all pins away: enforcement ends.
 * -ETIMEDOUT: some do not die, and stay enforced. */
int enforce_reset(const char *pin_dir);

#endif
