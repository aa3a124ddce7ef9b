/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over the grants that another daemon gave. The kernel says which there are and what they may; the
 * records say whose they are. One without a record that is good is revoked, and no other.
 */
#ifndef DEPUTY_ADOPT_H
#define DEPUTY_ADOPT_H

#include "broker/state.h"

/* Reads FD_RECORDS into the registry; part of the set-up, which may still open files. 0 or -ENOMEM. */
int adopt_read(struct broker *b);
/* Once the loop is there: tells the recorder of each, then that it may begin; arms what has still to expire,
 * and ends what nobody answers for. -errno of recorder or warden. */
int adopt_begin(struct broker *b);

/* Has the warden keep a grant's record as it is now. */
int adopt_keep(const struct broker *b, const struct grant *g);

#endif
