/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/peer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "broker/warden_client.h"

#define SWEEP_USEC 5000000

#define TOO_MANY	"{\"error\": \"too_many\", \"message\": \"too many connections of this user\"}"
#define TOO_MANY_LENGTH "69"

static const char too_many[] = "HTTP/1.1 429 Too Many Requests\r\n"
			       "Content-Type: application/json\r\n"
			       "Content-Length: " TOO_MANY_LENGTH "\r\n"
			       "Connection: close\r\n\r\n" TOO_MANY;
_Static_assert(sizeof(TOO_MANY) - 1 == 69, "TOO_MANY_LENGTH");

static uint64_t peer_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void peer_start_clock(struct peer *p)
{
	p->deadline = peer_now() + HTTP_REQUEST_SECONDS * 1000000;
}

void peer_stop_clock(struct peer *p)
{
	p->deadline = UINT64_MAX;
}

static bool peers_full(const struct broker *b)
{
	return b->http.strangers >= HTTP_STRANGERS;
}

static bool peer_is_stranger(const struct peer *p)
{
	return p->agent || p->uid != 0;
}

/*
 * By the tag that it has now; a request is identified anew. An agent is on its owner's account, whoever it
 * runs as, and whose tag cannot be told counts as one.
 */
static void peer_account(const struct broker *b, struct peer *p)
{
	struct warden_peer who = {0};
	const struct grant *g;

	p->account = p->uid;
	p->agent = warden_peer(FD_WARDEN, p->fd, &who) || who.tag.slot;
	g = p->agent ? registry_by_tag(&b->grants, who.tag.slot, who.tag.gen) : NULL;
	if (!g)
		return;
	p->account = g->uid;
	while (g->above)
		g = g->above;
	memcpy(p->tree, g->id, sizeof(p->tree));
}

struct peer_counts {
	unsigned account, agents, tree;
};

static struct peer_counts peer_count(const struct broker *b, const struct peer *one)
{
	struct peer_counts n = {0};
	const struct peer *p;

	for (p = LIST_FIRST(&b->http.peers); p; p = LIST_NEXT(p, next)) {
		if (p->refused || p->account != one->account || !peer_is_stranger(p))
			continue;
		n.account++;
		n.agents += p->agent;
		n.tree += p->agent && !strcmp(p->tree, one->tree);
	}
	return n;
}

static bool peer_over_limit(const struct broker *b, const struct peer *p)
{
	struct peer_counts n;

	if (!peer_is_stranger(p))
		return false;
	n = peer_count(b, p);
	if (p->agent && (n.agents >= HTTP_AGENTS_PER_USER || n.tree >= HTTP_CONNECTIONS_PER_TREE))
		return true;
	return n.account >= HTTP_CONNECTIONS_PER_USER || peers_full(b);
}

/* Answered before it asks: it may never ask. While there is room the client may finish writing, so that it
 * comes to reading why; see exchange_new(). Else its place is needed. */
static void peer_refuse(const struct broker *b, struct peer *p)
{
	p->refused = true;
	if (send(p->fd, too_many, sizeof(too_many) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		shutdown(p->fd, peers_full(b) ? SHUT_RDWR : SHUT_WR);
	p->deadline = 0; /* gone with the next sweep */
}

static void peer_open(struct broker *b, struct MHD_Connection *connection, void **context)
{
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct peer *p = calloc(1, sizeof(*p));
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (!p || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		shutdown(fd, SHUT_RDWR); /* and no context: see http_handle() */
		free(p);
		return;
	}
	p->connection = connection;
	p->fd = fd;
	p->uid = cred.uid;
	peer_start_clock(p);
	peer_account(b, p);
	if (peer_over_limit(b, p))
		peer_refuse(b, p);
	b->http.strangers += peer_is_stranger(p);
	LIST_INSERT_HEAD(&b->http.peers, p, next);
	*context = p;
}

static void peer_close(struct broker *b, struct peer *p)
{
	b->http.closed = true;
	b->http.strangers -= peer_is_stranger(p);
	LIST_REMOVE(p, next);
	free(p);
}

void peer_notify(void *cls, struct MHD_Connection *connection, void **context,
		 enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		peer_open(cls, connection, context);
	else if (*context)
		peer_close(cls, *context);
}

int peer_sweep(sd_event_source *s, uint64_t usec, void *broker)
{
	struct broker *b = broker;
	struct peer *p;

	(void)usec;
	for (p = LIST_FIRST(&b->http.peers); p; p = LIST_NEXT(p, next))
		if (p->deadline <= peer_now())
			shutdown(p->fd, SHUT_RDWR);
	sd_event_source_set_time_relative(s, SWEEP_USEC);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}
