/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/recorder_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "broker/text.h"
#include "common/cleanup.h"
#include "common/memfd.h"

int recorder_init(struct recorder *r, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	r->fd = fd;
	STAILQ_INIT(&r->waiting);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return 0;
}

void recorder_clear(struct recorder *r)
{
	struct report_entry *e;

	while ((e = STAILQ_FIRST(&r->waiting))) {
		STAILQ_REMOVE_HEAD(&r->waiting, next);
		free(e);
	}
}

int recorder_next(struct recorder *r, struct report *report)
{
	struct report_entry *e = STAILQ_FIRST(&r->waiting);

	if (!e)
		return msg_recv(r->fd, report, sizeof(*report), NULL);
	*report = e->report;
	STAILQ_REMOVE_HEAD(&r->waiting, next);
	free(e);
	return 0;
}

static int recorder_put_aside(struct recorder *r)
{
	struct report_entry *e = malloc(sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	err = msg_recv(r->fd, &e->report, sizeof(e->report), NULL);
	if (err) {
		free(e);
		return err == -EAGAIN ? 0 : err;
	}
	STAILQ_INSERT_TAIL(&r->waiting, e, next);
	return 0;
}

static int recorder_send(struct recorder *r, const struct record_message *m, int pass)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN | POLLOUT};
	int err;

	while ((err = msg_send(r->fd, m, sizeof(*m), pass)) == -EAGAIN) {
		int n = poll(&p, 1, RECORDER_WAIT_MS);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIMEDOUT;
		if (n > 0 && p.revents & POLLIN)
			err = recorder_put_aside(r);
		if (err < 0 && err != -EAGAIN)
			return err;
	}
	return err;
}

static void message_about(struct record_message *m, const struct grant *g)
{
	m->slot = g->slot;
	m->gen = g->gen;
	text_copy(m->grant, sizeof(m->grant), g->id);
	text_copy(m->parent, sizeof(m->parent), g->parent);
	text_copy(m->owner, sizeof(m->owner), g->owner);
	text_copy(m->user, sizeof(m->user), g->user);
	text_copy(m->purpose, sizeof(m->purpose), g->purpose);
	text_copy(m->policy, sizeof(m->policy), g->policy);
	text_copy(m->digest, sizeof(m->digest), g->digest);
	text_copy(m->chain, sizeof(m->chain), g->chain);
}

int recorder_grant(struct recorder *r, const struct grant *g)
{
	struct record_message m = {.op = RECORD_GRANT};
	_cleanup_close_ int labels = -1;
	int err = memfd_sealed("deputy-rules", g->labels, g->labels_size, &labels);

	if (err)
		return err;
	message_about(&m, g);
	return recorder_send(r, &m, labels);
}

int recorder_begin(struct recorder *r)
{
	struct record_message m = {.op = RECORD_BEGIN};

	return recorder_send(r, &m, -1);
}

int recorder_note(struct recorder *r, enum note note, const struct grant *g, const char *text)
{
	struct record_message m = {.op = RECORD_NOTE, .note = note};

	message_about(&m, g);
	text_copy(m.text, sizeof(m.text), text);
	return recorder_send(r, &m, -1);
}

int recorder_note_plain(struct recorder *r, enum note note, const char *owner, const char *user,
			const char *text)
{
	struct record_message m = {.op = RECORD_NOTE, .note = note};

	text_copy(m.owner, sizeof(m.owner), owner ? owner : "");
	text_copy(m.user, sizeof(m.user), user ? user : "");
	text_copy(m.text, sizeof(m.text), text);
	return recorder_send(r, &m, -1);
}
