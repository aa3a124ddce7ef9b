/* SPDX-License-Identifier: Apache-2.0 */
/* The links of a grant in its record: which one is above each is known again when all grants are read. */
#ifndef DEPUTY_RECORD_LINK_H
#define DEPUTY_RECORD_LINK_H

#include "broker/grants.h"

/* Adds the members "token", "under" and "earlier" to a record. -ENOMEM. */
int record_links_write(const struct grant *g, json_t *record);
/* Back, into a grant whose other members are read. -EBADMSG, -ENOMEM. */
int record_links_read(const json_t *record, struct grant *g);
/* Joins each of a grant's links to the one above it, once that grant has its own. What is not found stays
 * without: no chain is shown of it. */
void record_links_join(struct grant *g);

#endif
