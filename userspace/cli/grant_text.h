/* SPDX-License-Identifier: Apache-2.0 */
/* A grant, as docs/API.md has it, for people to read. */
#ifndef DEPUTY_GRANT_TEXT_H
#define DEPUTY_GRANT_TEXT_H

#include <jansson.h>

/* "4m12s left", "expired", "revoked", "ended"; freed by the caller. NULL: no memory. */
char *grant_life(const json_t *grant);
/* The command line with spaces between; freed by the caller. NULL: no memory. */
char *grant_argv(const json_t *grant);
/* "uid:1000 (alice)" ; freed by the caller. NULL: no memory. */
char *grant_owner(const json_t *grant);

#endif
