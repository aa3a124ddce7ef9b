/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's keys in the broker. What signs now is secret_ring_current(&broker->keys), what a signature of
 * this host is verified by is secret_ring_public(&broker->keys), and keys_of_grant() derives its holder's
 * key.
 */
#ifndef DEPUTY_KEYS_H
#define DEPUTY_KEYS_H

#include "broker/state.h"

/* From FD_KEY, as the warden sends them. -EBADMSG, -ENOMEM or -errno of read. */
int keys_load(int fd, struct broker *b);

/* The host key that signed the root of a grant's chain: its holder's key is derived from that one, whichever
 * signs by now. NULL: it is here no more, and so the grant is over. */
const struct secret_key *keys_of_grant(const struct broker *b, const struct grant *g);

#endif
