/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/handlers.h"
#include "broker/log_reader.h"
#include "broker/peer.h"

/* A stream that has nothing to send is suspended in the HTTP library, which then looks at its connection no
 * more: what wakes it is the log growing, its turn coming, or the client hanging up. */
struct stream {
	struct broker *broker;
	struct MHD_Connection *connection;
	sd_event_source *turn; /* goes on looking, after everybody else */
	sd_event_source *hangup;
	bool follow;
	bool suspended;
	bool gone;
	const char *line; /* what of the present line is still to be sent; in the reader's block */
	size_t len;
	LIST_ENTRY(stream) next;
	struct log_reader reader;
};

static void stream_resume(struct stream *s)
{
	if (!s->suspended)
		return;
	s->suspended = false;
	sd_event_source_set_enabled(s->turn, SD_EVENT_OFF);
	http_resume(s->broker, s->connection);
}

static void stream_suspend(struct stream *s)
{
	s->suspended = true;
	MHD_suspend_connection(s->connection);
}

static int stream_turn(sd_event_source *source, void *arg)
{
	(void)source;
	stream_resume(arg);
	return 0;
}

static int stream_hangup(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct stream *s = arg;

	(void)fd;
	(void)events;
	s->gone = true;
	stream_resume(s);
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static void stream_free(void *arg)
{
	struct stream *s = arg;

	sd_event_source_disable_unref(s->turn);
	sd_event_source_disable_unref(s->hangup);
	LIST_REMOVE(s, next);
	free(s);
}

/* As many lines, or as much of one, as there is room for. 0: see *why, a result of log_reader_next(). */
static size_t stream_copy(struct stream *s, char *to, size_t room, int *why)
{
	size_t done = 0;

	*why = 1;
	while (done < room) {
		size_t n;

		if (!s->len) {
			*why = log_reader_next(&s->reader, &s->line, &s->len);
			if (*why != 1) {
				s->len = 0;
				break;
			}
		}
		n = s->len < room - done ? s->len : room - done;
		memcpy(to + done, s->line, n);
		s->line += n;
		s->len -= n;
		done += n;
	}
	return done;
}

/* MHD_ContentReaderCallback. */
static ssize_t stream_read(void *arg, uint64_t position, char *to, size_t room)
{
	struct stream *s = arg;
	size_t n;
	int why;

	(void)position;
	if (s->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = stream_copy(s, to, room, &why);
	if (n)
		return (ssize_t)n;
	if (why == 0 && !s->follow)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (why != 0 && why != -EAGAIN)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (why == -EAGAIN)
		sd_event_source_set_enabled(s->turn, SD_EVENT_ONESHOT);
	stream_suspend(s);
	return 0;
}

static int stream_watch(struct stream *s, int fd)
{
	sd_event *e = s->broker->event;
	int err = sd_event_add_defer(e, &s->turn, stream_turn, s);

	if (err >= 0)
		err = sd_event_source_set_enabled(s->turn, SD_EVENT_OFF);
	if (err >= 0)
		err = sd_event_source_set_priority(s->turn, SD_EVENT_PRIORITY_IDLE);
	if (err >= 0) /* no events asked for: hanging up is always reported */
		err = sd_event_add_io(e, &s->hangup, fd, 0, stream_hangup, s);
	return err < 0 ? err : 0;
}

static struct stream *stream_new(struct exchange *x, const struct event_filter *filter, bool follow)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->broker = x->broker;
	s->connection = x->connection;
	s->follow = follow;
	log_reader_init(&s->reader, FD_LOG, filter, x->broker->log_size);
	LIST_INSERT_HEAD(&x->broker->streams, s, next);
	if (stream_watch(s, x->peer->fd)) {
		stream_free(s);
		return NULL;
	}
	return s;
}

/* -1: not asked for. */
static int events_tail(struct exchange *x, int64_t *lines)
{
	const char *tail = http_argument(x, "tail");

	*lines = -1;
	if (!tail)
		return 0;
	if (!*tail || strlen(tail) > 9 || tail[strspn(tail, "0123456789")])
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST, "\"tail\" must be a number of lines");
	*lines = strtoll(tail, NULL, 10);
	return 0;
}

static int events_open(struct exchange *x, struct stream *s)
{
	if (!s)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory");
	x->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, stream_read, s, stream_free);
	if (!x->response) {
		stream_free(s);
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory");
	}
	MHD_add_response_header(x->response, "Content-Type", "application/x-ndjson");
	MHD_add_response_header(x->response, "Cache-Control", "no-store");
	/* A reader may pause for as long as he likes: it is one of his own connections that he holds. */
	peer_stop_clock(x->peer);
	MHD_set_connection_option(x->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	return 0;
}

int handle_events(struct exchange *x)
{
	struct event_filter filter;
	struct stream *s;
	int64_t lines;
	bool follow;
	int err = http_flag(x, "follow", &follow);

	if (!err)
		err = events_tail(x, &lines);
	if (!err)
		err = event_filter_init(x, &filter);
	if (err)
		return err;
	s = stream_new(x, &filter, follow);
	if (s && lines >= 0)
		log_reader_tail(&s->reader, (uint64_t)lines);
	return events_open(x, s);
}

void events_grew(struct broker *b, uint64_t size)
{
	struct stream *s;

	if (size < b->log_size)
		return;
	b->log_size = size;
	for (s = LIST_FIRST(&b->streams); s; s = LIST_NEXT(s, next)) {
		if (!s->follow)
			continue;
		s->reader.end = size;
		stream_resume(s);
	}
}

void events_stop(struct broker *b)
{
	struct stream *s;

	for (s = LIST_FIRST(&b->streams); s; s = LIST_NEXT(s, next)) {
		s->gone = true;
		stream_resume(s);
	}
}
