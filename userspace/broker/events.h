/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: the log as a stream of lines, each reader at his own place in it. */
#ifndef DEPUTY_EVENTS_H
#define DEPUTY_EVENTS_H

#include "broker/state.h"

/* The log now holds so many bytes of whole lines: goes on with those that wait for more. */
void events_grew(struct broker *b, uint64_t size);
/* Ends every stream; the HTTP library cannot be stopped over one that waits. */
void events_stop(struct broker *b);

#endif
