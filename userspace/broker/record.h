/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant as the next broker reads it. Signed with the host's key of the time, slot and generation included,
 * so that a file that somebody made, changed, cut short or moved is none. What the kernel knows of the grant
 * stays the truth: a record can name its grant, never widen it.
 */
#ifndef DEPUTY_RECORD_H
#define DEPUTY_RECORD_H

#include <stddef.h>

#include "broker/grants.h"
#include "token/key_ring.h"

/* -ENOMEM; -EFBIG: past RECORD_BYTES. The caller frees *bytes. */
int record_encode(const struct secret_key *key, const struct grant *g, char **bytes, size_t *size);
/* -EKEYREJECTED: not signed by one of these keys as it stands; -EBADMSG: signed, but not a record of this
 * form. The grant is outside any registry. */
int record_decode(const struct key_ring *keys, const char *bytes, size_t size, struct grant **grant);

#endif
