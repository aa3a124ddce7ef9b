/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policies of grants, each a map of cells. Nothing writes to one that is in use, so grants whose
 * cells are the same share one: thousands of agents under a policy, and what they delegate as it is.
 */
#ifndef DEPUTY_TABLES_H
#define DEPUTY_TABLES_H

#include "daemon/enforce_private.h"

/* Gives a slot the cells in a memfd. -EINVAL: no table; -EFBIG: past TABLE_CELLS; -errno of the maps. */
int table_put(struct enforce *e, uint32_t slot, int memfd);
void table_drop(struct enforce *e, uint32_t slot);
/* The cells of a slot in a sealed memfd of the caller's. -errno. */
int table_copy(const struct enforce *e, uint32_t slot, int *memfd);

#endif
