/* SPDX-License-Identifier: Apache-2.0 */
/* An event, as docs/API.md has it, for people to read. */
#ifndef DEPUTY_EVENT_TEXT_H
#define DEPUTY_EVENT_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* "HH:MM:SS.mmm deny  file read /x  EACCES  (coder.yaml:7 ...)  cat[4242] gabcdefg alice". Times are UTC. */
void event_text(FILE *out, const json_t *event, bool colour);

/* What was acted on: a path, an address with its port, a socket family. "" when there is none. The caller
 * frees it. NULL: no memory. */
char *event_object(const json_t *event);

#endif
