/* SPDX-License-Identifier: Apache-2.0 */
/* The host's key, and a ring that takes its signatures for good for ever. */
#ifndef DEPUTY_TEST_SIGNER_H
#define DEPUTY_TEST_SIGNER_H

#include "token/key.h"
#include "token/key_ring.h"

extern struct secret_key *key;
extern struct key_ring ring;

/* For cmocka_run_group_tests(). */
int signer_setup(void **state);
int signer_teardown(void **state);

#endif
