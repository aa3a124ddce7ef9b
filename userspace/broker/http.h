/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over the unix socket: connections, bodies, limits. What is asked and who may ask it is access.h's. */
#ifndef DEPUTY_HTTP_H
#define DEPUTY_HTTP_H

#include "broker/access.h"
#include "broker/answer.h"
#include "broker/state.h"

#define HTTP_CONNECTIONS	  64u	     /* open at one time */
#define HTTP_STRANGERS		  48u	     /* of these for all but root together */
#define HTTP_CONNECTIONS_PER_USER 8u	     /* root excepted, as long as he acts under no grant */
#define HTTP_AGENTS_PER_USER	  6u	     /* of these for his agents together: he can always end them */
#define HTTP_CONNECTIONS_PER_TREE 4u	     /* and for one agent with all that it delegated */
#define HTTP_BODY_MAX		  (2u << 20) /* bytes of a request body */
#define HTTP_DISCARD_MAX	  (4u << 20) /* bytes of one that is too long read before hanging up */
#define HTTP_IDLE_SECONDS	  10u	     /* without a byte either way */
#define HTTP_REQUEST_SECONDS	  30u /* from a request's first byte to its answer's last; streams excepted */
#define HTTP_MEMORY		  32768u /* bytes for one connection's headers and buffers */

/* One connection. */
struct peer {
	struct MHD_Connection *connection;
	int fd;
	uid_t uid;	     /* SO_PEERCRED */
	uid_t account;	     /* on whose it is: its own user's, or of an agent the owner's */
	bool agent;	     /* or nobody knows */
	char tree[ID_BYTES]; /* of an agent: the grant that its owner gave; empty: not known here */
	uint64_t deadline;   /* CLOCK_MONOTONIC, µs, of the request under way; UINT64_MAX: none */
	bool refused;	     /* over a limit, and answered so already */
	LIST_ENTRY(peer) next;
};

/* One request under way. */
struct exchange {
	struct broker *broker;
	struct MHD_Connection *connection;
	struct peer *peer;
	const struct route *route;
	struct caller caller;
	char id[ID_BYTES];   /* of the grant that the path names, as written */
	struct grant *grant; /* found and allowed to see */
	char *body;
	size_t size, room;
	struct answer answer;
	struct MHD_Response *response;	   /* in place of an answer: a stream */
	char dpop_nonce[PROOF_NONCE_TEXT]; /* to be sent along; "": none */
	bool suspended;			   /* the handler will be called again */
	void *work;			   /* the handler's own, between its calls */
	void (*work_free)(void *work);
};

int http_start(struct broker *b, int listener);
/* No connection may be suspended any more: the library aborts over one. */
void http_stop(struct broker *b);
/* Lets the library look at what has come, and sets the timer that it asks for. */
int http_pump(struct broker *b);

/* Goes on with a connection that MHD_suspend_connection() set aside. */
void http_resume(struct broker *b, struct MHD_Connection *connection);
/* Sets a request aside from within its handler, which is called again after it was resumed, whoever asks
 * having been identified and checked anew. Until then the exchange stays where it is. */
void exchange_suspend(struct exchange *x);
void exchange_resume(struct exchange *x);

/* Answers with a text of some media type, which it takes over. 0 or -ENOMEM, which is answered. */
int http_text(struct exchange *x, const char *type, char *text);

/* Answers with a status alone. 0 or -ENOMEM, which is answered. */
int http_empty(struct exchange *x, unsigned status);

/* A query argument's text, "" when it has none, NULL when it is not there. */
const char *http_argument(const struct exchange *x, const char *name);
/* ?name, ?name=1 or ?name=0. The result is that of answer_problem(). */
int http_flag(struct exchange *x, const char *name, bool *flag);

#endif
