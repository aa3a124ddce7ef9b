/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "broker/peer.h"
#include "broker/refusal.h"
#include "broker/warden_client.h"

static void exchange_free(struct exchange *x)
{
	if (!x)
		return;
	if (x->work)
		x->work_free(x->work);
	answer_clear(&x->answer);
	free(x->body);
	free(x);
}

static unsigned long long content_length(struct MHD_Connection *connection)
{
	/* The library refuses requests in which this is no number, or given twice. */
	const char *s = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");

	return s ? strtoull(s, NULL, 10) : 0;
}

static void exchange_route(struct exchange *x, const char *method, const char *path)
{
	const char *id = "";
	size_t len = 0;

	x->route = access_route(method, path, &id, &len);
	if (!x->route) {
		answer_problem(&x->answer, PROBLEM_NOT_FOUND, "no such request: %s %s", method, path);
		return;
	}
	if (len >= sizeof(x->id))
		answer_problem(&x->answer, PROBLEM_NOT_FOUND, "no grant \"%.*s\" of yours", (int)len, id);
	else
		memcpy(x->id, id, len); /* the exchange was zeroed: ended by NUL */
	if (content_length(x->connection) > x->route->body_max)
		answer_problem(&x->answer, PROBLEM_TOO_LARGE, "the body has %llu bytes; the limit is %zu",
			       content_length(x->connection), x->route->body_max);
}

static struct exchange *exchange_new(struct broker *b, struct MHD_Connection *connection)
{
	struct peer *peer =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	struct exchange *x;

	if (!peer || peer->refused)
		return NULL;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->broker = b;
	x->connection = connection;
	x->peer = peer;
	peer_start_clock(peer);
	return x;
}

static int exchange_reserve(struct exchange *x, size_t size)
{
	size_t room = x->room ? x->room : 4096;
	char *body;

	while (room < size)
		room *= 2;
	if (room == x->room)
		return 0;
	body = realloc(x->body, room);
	if (!body)
		return -ENOMEM;
	x->body = body;
	x->room = room;
	return 0;
}

/* The library cannot be given an answer in the middle of a body, so a chunked one that grows too long is
 * read on for a while, for the client's sake, and then dropped with its connection. */
static enum MHD_Result exchange_append(struct exchange *x, const char *data, size_t size)
{
	if (size > HTTP_DISCARD_MAX - x->size)
		return MHD_NO;
	if (x->size + size > x->route->body_max) {
		if (!x->answer.status)
			answer_problem(&x->answer, PROBLEM_TOO_LARGE, "the body is longer than %zu bytes",
				       x->route->body_max);
	} else {
		if (exchange_reserve(x, x->size + size))
			return MHD_NO;
		memcpy(x->body + x->size, data, size);
	}
	x->size += size;
	return MHD_YES;
}

void exchange_suspend(struct exchange *x)
{
	x->suspended = true;
	peer_stop_clock(x->peer);
	MHD_suspend_connection(x->connection);
}

void exchange_resume(struct exchange *x)
{
	x->suspended = false;
	peer_start_clock(x->peer);
	http_resume(x->broker, x->connection);
}

static int exchange_identify(struct exchange *x)
{
	struct warden_peer peer;
	int err = warden_peer(FD_WARDEN, x->peer->fd, &peer);

	if (err == -ESRCH)
		return answer_problem(&x->answer, PROBLEM_FORBIDDEN,
				      "the process that opened this connection is gone");
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot tell who is asking: %s",
				      strerror(-err));
	x->caller = (struct caller){x->peer->uid, peer.tag.slot, peer.tag.gen, peer.threads, peer.tgid};
	return 0;
}

struct argument_check {
	struct exchange *x;
	int err;
};

static enum MHD_Result argument_check(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct argument_check *c = cls;
	const char *p = c->x->route->arguments;
	size_t len = strlen(key);

	(void)kind;
	(void)value;
	while (*p) {
		size_t n = strcspn(p, " ");

		if (n == len && memcmp(p, key, n) == 0)
			return MHD_YES;
		p += n + (p[n] == ' ');
	}
	c->err = answer_problem(&c->x->answer, PROBLEM_BAD_REQUEST, "unknown argument \"%s\"", key);
	return MHD_NO;
}

static void exchange_perform(struct exchange *x)
{
	struct argument_check c = {x, 0};

	if (exchange_identify(x))
		return;
	if (access_check(&x->broker->grants, x->route, &x->caller, x->id, &x->answer, &x->grant))
		return;
	MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, argument_check, &c);
	if (!c.err)
		x->route->handler(x);
}

static struct MHD_Response *answer_response(const struct answer *a)
{
	char *text = json_dumps(a->body, JSON_COMPACT);
	struct MHD_Response *r;

	if (!text)
		return NULL;
	r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!r) {
		free(text);
		return NULL;
	}
	MHD_add_response_header(r, "Content-Type", "application/json");
	MHD_add_response_header(r, "Cache-Control", "no-store"); /* tokens: RFC 6749 section 5.1 */
	return r;
}

int http_text(struct exchange *x, const char *type, char *text)
{
	x->response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!x->response) {
		free(text);
		return answer_json(&x->answer, 200, NULL);
	}
	MHD_add_response_header(x->response, "Content-Type", type);
	return 0;
}

int http_empty(struct exchange *x, unsigned status)
{
	x->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!x->response)
		return answer_json(&x->answer, 200, NULL);
	x->answer.status = status;
	return 0;
}

static enum MHD_Result exchange_send(struct exchange *x)
{
	struct MHD_Response *r = x->response ? x->response : answer_response(&x->answer);
	enum MHD_Result result;

	x->response = NULL;
	if (!r)
		return MHD_NO;
	if (*x->dpop_nonce)
		MHD_add_response_header(r, "DPoP-Nonce", x->dpop_nonce);
	result = MHD_queue_response(x->connection, x->answer.status ? x->answer.status : 200, r);
	MHD_destroy_response(r); /* the library holds it from here */
	return result;
}

/* MHD_AccessHandlerCallback: called with the headers, then with each part of a body, then once without. */
static enum MHD_Result http_handle(void *cls, struct MHD_Connection *connection, const char *path,
				   const char *method, const char *version, const char *data, size_t *size,
				   void **context)
{
	struct exchange *x = *context;

	(void)version;
	if (!x) {
		x = exchange_new(cls, connection);
		*context = x;
		if (!x)
			return MHD_NO;
		exchange_route(x, method, path);
		return x->answer.status ? exchange_send(x) : MHD_YES;
	}
	if (*size) {
		size_t n = *size;

		*size = 0;
		return exchange_append(x, data, n);
	}
	if (!x->answer.status)
		exchange_perform(x);
	if (x->suspended)
		return MHD_YES;
	refusal_note(x);
	return exchange_send(x);
}

static void http_completed(void *cls, struct MHD_Connection *connection, void **context,
			   enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *context;

	(void)cls;
	(void)code;
	if (x) {
		peer_start_clock(x->peer);
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, HTTP_IDLE_SECONDS);
	}
	exchange_free(x);
	*context = NULL;
}

const char *http_argument(const struct exchange *x, const char *name)
{
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(x->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
					  NULL) == MHD_NO)
		return NULL;
	return value ? value : "";
}

int http_flag(struct exchange *x, const char *name, bool *flag)
{
	const char *value = http_argument(x, name);

	if (value && *value && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"%s\" must be 0 or 1", name);
	*flag = value && *value != '0';
	return 0;
}

int http_pump(struct broker *b)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	b->http.closed = false;
	MHD_run(b->http.daemon);
	/* At its limit of connections the library stops listening, and starts again only when it is next run.
	 */
	if (!b->http.closed && MHD_get_timeout(b->http.daemon, &ms) == MHD_NO)
		return sd_event_source_set_enabled(b->http.timer, SD_EVENT_OFF);
	sd_event_source_set_time_relative(b->http.timer, ms * 1000);
	return sd_event_source_set_enabled(b->http.timer, SD_EVENT_ONESHOT);
}

/* The library does not wake an event loop that is not its own. */
void http_resume(struct broker *b, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	sd_event_source_set_time_relative(b->http.timer, 0);
	sd_event_source_set_enabled(b->http.timer, SD_EVENT_ONESHOT);
}

static int http_ready(sd_event_source *s, int fd, uint32_t events, void *b)
{
	(void)s;
	(void)fd;
	(void)events;
	return http_pump(b);
}

static int http_timeout(sd_event_source *s, uint64_t usec, void *b)
{
	(void)s;
	(void)usec;
	return http_pump(b);
}

static int http_attach(struct broker *b)
{
	int fd = MHD_get_daemon_info(b->http.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	int err = sd_event_add_io(b->event, &b->http.io, fd, EPOLLIN, http_ready, b);

	if (err >= 0)
		err = sd_event_add_time_relative(b->event, &b->http.timer, CLOCK_MONOTONIC, 0, 1000,
						 http_timeout, b);
	if (err >= 0)
		err = sd_event_add_time_relative(b->event, &b->http.sweep, CLOCK_MONOTONIC, 0, 0, peer_sweep,
						 b);
	return err < 0 ? err : 0;
}

int http_start(struct broker *b, int listener)
{
	int flags = fcntl(listener, F_GETFL);

	if (flags < 0 || fcntl(listener, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	b->http.daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_handle, b,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HTTP_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, http_completed, b,
		MHD_OPTION_NOTIFY_CONNECTION, peer_notify, b, MHD_OPTION_END);
	return b->http.daemon ? http_attach(b) : -EIO;
}

void http_stop(struct broker *b)
{
	b->http.io = sd_event_source_disable_unref(b->http.io);
	b->http.timer = sd_event_source_disable_unref(b->http.timer);
	b->http.sweep = sd_event_source_disable_unref(b->http.sweep);
	if (b->http.daemon)
		MHD_stop_daemon(b->http.daemon);
	b->http.daemon = NULL;
}
