/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: whose they are, how many each may have, how long a request may take. */
#ifndef DEPUTY_PEER_H
#define DEPUTY_PEER_H

#include "broker/http.h"

/* MHD_NotifyConnectionCallback; `cls` is the broker, the socket context becomes a struct peer. */
void peer_notify(void *cls, struct MHD_Connection *connection, void **context,
		 enum MHD_ConnectionNotificationCode code);
/* Gives the next request of a connection its time. */
void peer_start_clock(struct peer *p);
/* A stream has no end to wait for. */
void peer_stop_clock(struct peer *p);
/* sd_event_time_handler_t: hangs up on whoever is over its time. */
int peer_sweep(sd_event_source *s, uint64_t usec, void *broker);

#endif
