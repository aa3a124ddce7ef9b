/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports to the broker. Sending never blocks: the broker may itself be blocked on sending to us.
 */
#ifndef DEPUTY_OUTBOX_H
#define DEPUTY_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg.h"

struct outbox {
	struct report *list; /* the REPORT_EMPTYs not sent yet */
	size_t count;
	size_t room;
	uint64_t size; /* of the log; 0 = no REPORT_GREW due */
};

/* -ENOMEM. */
int outbox_empty(struct outbox *box, uint32_t slot, uint32_t gen);
/* Only the last size before the next send is reported. */
void outbox_grew(struct outbox *box, uint64_t size);
/* Sends what `fd` takes, the log's growth first, so that the broker finds in the log what it is told of.
 * -EAGAIN: some is left. Any other -errno: the broker is gone, nothing is left. */
int outbox_send(struct outbox *box, int fd);
void outbox_free(struct outbox *box);

#endif
