/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's keys in the broker. What signs now is secret_ring_current(&broker->keys), what a signature of
 * this host is verified by is secret_ring_public(&broker->keys), and keys_of_grant() derives its holder's
 * key.
 *
 * Root makes, seals and removes keys; the broker, which knows the grants, asks for it: that a key be rotated
 * when its time is over, and that the oldest be forgotten when no grant needs it. A key goes only after all
 * that signed before it, so the record of a grant that needs one is by that one or by another that stays.
 */
#ifndef DEPUTY_KEYS_H
#define DEPUTY_KEYS_H

#include "broker/state.h"

#define KEYS_SECONDS 60 /* between two looks at the clock */

/* From FD_KEY, as the warden sends them. -EBADMSG, -ENOMEM or -errno of read. */
int keys_load(int fd, struct broker *b);
/* From now on they are kept up to date by the event loop. 0 or -errno. */
int keys_start(struct broker *b);

/* The host key that signed the root of a grant's chain: its holder's key is derived from that one, whichever
 * signs by now. NULL: it is here no more, and so the grant is over. */
const struct secret_key *keys_of_grant(const struct broker *b, const struct grant *g);

#endif
