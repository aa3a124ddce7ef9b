/* SPDX-License-Identifier: Apache-2.0 */
/* All that the broker knows. One event loop; every handler gets this. */
#ifndef DEPUTY_BROKER_STATE_H
#define DEPUTY_BROKER_STATE_H

#include <microhttpd.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "broker/broker.h"
#include "broker/grants.h"
#include "broker/issued.h"
#include "broker/logouts.h"
#include "broker/nonces.h"
#include "broker/proofs.h"
#include "broker/recorder_client.h"
#include "broker/refusal.h"
#include "broker/sets.h"
#include "broker/status_lists.h"
#include "broker/texts.h"
#include "broker/worker.h"
#include "common/types.h"
#include "proof/allowed_signers.h"
#include "token/secret_ring.h"

struct peer;
struct stream;

struct http {
	struct MHD_Daemon *daemon;
	sd_event_source *io, *timer, *sweep;
	LIST_HEAD(peer_list, peer) peers; /* open connections */
	bool closed;			  /* a connection was, since the library was last run */
	unsigned strangers;		  /* of these, not root's */
};

struct broker {
	struct broker_options options;
	const volatile struct control *control;
	const volatile struct slot *slots;
	struct secret_ring keys; /* replaced as a whole, by keys.c: no pointer into it outlives an event */
	struct texts profiles;
	struct texts policies;
	struct allowed_signers signers;
	struct nonces nonces;
	struct proofs proofs;
	struct issued_list issued;
	struct status_lists status_lists;
	struct sets sets;
	struct logouts logouts;
	LIST_HEAD(task_list, task) tasks; /* that tokens end with */
	struct registry grants;
	struct grant_list notices; /* grants whose end is still to be written down */
	sd_event_source *notices_source;
	struct recorder recorder;
	sd_event *event;
	struct http http;
	struct worker worker;
	LIST_HEAD(stream_list, stream) streams; /* readers of events */
	uint64_t log_size;			/* bytes of whole lines in the log */
	struct refusals refusals;
};

#endif
