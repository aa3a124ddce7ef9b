/* SPDX-License-Identifier: Apache-2.0 */
/* What would have allowed a refused event. */
#ifndef DEPUTY_CLI_ADVICE_H
#define DEPUTY_CLI_ADVICE_H

#include <jansson.h>

/* Why the event was refused and what is to be done, one sentence; borrowed, never NULL. */
const char *advice_reason(const json_t *event);

/* The rule that would allow exactly this event, as it stands in a policy: "files: - {allow: [read], path:
 * /x}". The caller frees it. NULL: no rule would, or no memory. */
char *advice_rule(const json_t *event);

#endif
