/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_TEST_KEYS_H
#define DEPUTY_TEST_KEYS_H

#include "token/key.h"

/* The one that signs, and another that did not. */
extern struct secret_key *key, *other;

/* For cmocka. */
int keys_setup(void **state);
int keys_teardown(void **state);

#endif
