/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_CLI_CHAIN_TEXT_H
#define DEPUTY_CLI_CHAIN_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "token/chain.h"

/* Draws a chain that verified: the owner, the policy, and a line for each link, its parent's above it. */
void chain_print(FILE *out, const struct chain_report *report, int64_t now, bool colour);
/* The same as JSON: {"links": [claims...], "scopes": "named", "act": {...}}. NULL without memory. */
json_t *chain_json(const struct chain_report *report);
/* What failed, for cli_error(). */
void chain_problem(const struct chain_report *report, char *text, size_t size);

#endif
