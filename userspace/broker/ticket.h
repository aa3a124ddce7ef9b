/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: grants that an agent delegates for a process which is yet to come. The grant is there, with its
 * slot and its life; the ticket is its id. A process that carries the tag of the very grant which delegated
 * it takes it up, once, and executes. No secret: whoever may redeem one has more than it gives.
 */
#ifndef DEPUTY_TICKET_H
#define DEPUTY_TICKET_H

#include "broker/grants.h"

#define TICKET_SECONDS 30u /* or as long as its grant lives, if that is less; then the slot is free again */

/* Makes a grant that is about to be registered wait to be taken up. 0 or -errno. */
int ticket_open(struct broker *b, struct grant *g);

#endif
