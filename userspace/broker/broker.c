/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/adopt.h"
#include "broker/events.h"
#include "broker/http.h"
#include "broker/issuer.h"
#include "broker/issuer_keys.h"
#include "broker/keys.h"
#include "broker/lifecycle.h"
#include "broker/notices.h"
#include "broker/signers.h"
#include "broker/state.h"

#define SLOTS_SIZE (SLOTS_MAX * sizeof(struct slot))

_Static_assert(sizeof(struct slot) == 64, "elements of the mapped array are 64 bytes apart");

/*
 * The descriptor could write, the mapping cannot, now or later (Linux clears VM_MAYWRITE, 5.5): whoever
 * breaks in here finds only that. A descriptor that cannot write would not do, as maps refuse to be mapped by
 * one.
 */
static int broker_map(int fd, size_t size, void **map)
{
	void *p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	close(fd);
	*map = p;
	return 0;
}

static int broker_maps(struct broker *b)
{
	void *p = NULL;
	int err = broker_map(FD_CONTROL, sizeof(*b->control), &p);

	if (err)
		return err;
	b->control = p;
	err = broker_map(FD_SLOTS, SLOTS_SIZE, &p);
	if (!err)
		b->slots = p;
	return err;
}

static int broker_read(struct broker *b)
{
	struct stat st;
	int err = texts_load(b->options.profile_dir, &b->profiles);

	if (!err)
		err = texts_load(b->options.policy_dir, &b->policies);
	if (!err)
		err = signers_load(b->options.allowed_signers, &b->signers);
	if (!err)
		err = keys_load(FD_KEY, b);
	if (!err)
		err = broker_maps(b);
	if (!err)
		err = adopt_read(b);
	if (!err && fstat(FD_LOG, &st))
		err = -errno;
	if (!err)
		b->log_size = (uint64_t)st.st_size;
	return err;
}

int broker_setup(const struct broker_options *options, struct broker **broker)
{
	struct broker *b;
	int err;

	if (sodium_init() < 0)
		return -EIO;
	json_object_seed(0); /* reads the system's randomness, now that it can be opened */
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->options = *options;
	if (!b->options.issuer)
		b->options.issuer = ISSUER_DEFAULT;
	proofs_init(&b->proofs);
	status_lists_init(&b->status_lists);
	sets_init(&b->sets);
	LIST_INIT(&b->tasks);
	registry_init(&b->grants);
	TAILQ_INIT(&b->notices);
	LIST_INIT(&b->streams);
	LIST_INIT(&b->http.peers);
	err = recorder_init(&b->recorder, FD_PEER);
	if (!err)
		err = broker_read(b);
	if (err) {
		broker_free(b);
		return err;
	}
	close(FD_KEY);
	close(FD_RECORDS);
	*broker = b;
	return 0;
}

void broker_free(struct broker *b)
{
	if (!b)
		return;
	if (b->control)
		munmap((void *)b->control, sizeof(*b->control));
	if (b->slots)
		munmap((void *)b->slots, SLOTS_SIZE);
	secret_ring_clear(&b->keys);
	proofs_clear(&b->proofs);
	sets_clear(&b->sets);
	logouts_clear(&b->logouts);
	texts_free(&b->profiles);
	texts_free(&b->policies);
	allowed_signers_free(&b->signers);
	registry_clear(&b->grants);
	recorder_clear(&b->recorder);
	free(b);
}

/* ---- the event loop ---- */

static int broker_stop(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	(void)si;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(s), 0);
}

/* The warden speaks only when asked: that its socket is readable outside a request is its end. */
static int broker_warden(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	(void)fd;
	(void)arg;
	return sd_event_exit(sd_event_source_get_event(s), events & EPOLLHUP ? -EPIPE : -EPROTO);
}

static void broker_report(struct broker *b, const struct report *r)
{
	struct grant *g;

	if (r->op == REPORT_GREW)
		events_grew(b, r->size);
	g = r->op == REPORT_EMPTY ? registry_by_tag(&b->grants, r->slot, r->gen) : NULL;
	if (g)
		lifecycle_empty(b, g);
}

static int broker_reports(struct broker *b)
{
	struct report report;
	int err;

	while ((err = recorder_next(&b->recorder, &report)) == 0)
		broker_report(b, &report);
	return err == -EAGAIN ? 0 : sd_event_exit(b->event, err);
}

static int broker_recorder(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	(void)s;
	(void)fd;
	(void)events;
	return broker_reports(arg);
}

/* After whatever happened: reports that were put aside while something was sent. */
static int broker_after(sd_event_source *s, void *arg)
{
	struct broker *b = arg;

	(void)s;
	return STAILQ_EMPTY(&b->recorder.waiting) ? 0 : broker_reports(b);
}

static int broker_signals(struct broker *b)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	err = sd_event_add_signal(b->event, NULL, SIGTERM, broker_stop, NULL);
	if (err >= 0)
		err = sd_event_add_signal(b->event, NULL, SIGINT, broker_stop, NULL);
	return err;
}

/* Reports come before requests: who asks after an event was reported is answered with it. */
static int broker_listen_to_recorder(struct broker *b)
{
	sd_event_source *s;
	int err = sd_event_add_io(b->event, &s, FD_PEER, EPOLLIN, broker_recorder, b);

	if (err < 0)
		return err;
	err = sd_event_source_set_priority(s, SD_EVENT_PRIORITY_IMPORTANT);
	if (err >= 0)
		err = sd_event_source_set_floating(s, 1); /* the loop's own from here on */
	sd_event_source_unref(s);
	return err;
}

static int broker_sources(struct broker *b)
{
	int err = broker_signals(b);

	if (err >= 0)
		err = sd_event_add_io(b->event, NULL, FD_WARDEN, EPOLLIN, broker_warden, b);
	if (err >= 0)
		err = broker_listen_to_recorder(b);
	if (err >= 0)
		err = sd_event_add_post(b->event, NULL, broker_after, b);
	if (err >= 0)
		err = sd_event_add_time_relative(b->event, NULL, CLOCK_MONOTONIC, SWEEP_SECONDS * 1000000ull,
						 0, lifecycle_sweep, b);
	return err < 0 ? err : 0;
}

static int broker_serve(struct broker *b)
{
	int err = http_start(b, FD_LISTEN);

	if (err)
		return err;
	if (write(FD_READY, "", 1) != 1)
		return -errno;
	close(FD_READY);
	recorder_note_plain(&b->recorder, NOTE_STARTED, NULL, NULL, b->options.version);
	err = adopt_begin(b); /* the warden answers only those that are up */
	if (!err)
		err = keys_start(b);
	if (!err)
		err = sd_event_loop(b->event);
	notices_flush(b);
	recorder_note_plain(&b->recorder, NOTE_STOPPED, NULL, NULL, err ? strerror(-err) : "on request");
	return err;
}

int broker_run(struct broker *b)
{
	int err = sd_event_new(&b->event);

	if (err < 0)
		return err;
	err = issuer_keys_start(b->options.issuers);
	if (!err)
		err = broker_sources(b);
	if (!err)
		err = worker_start(&b->worker, b->event);
	if (!err)
		err = broker_serve(b);
	worker_stop(&b->worker); /* this and the next wake every suspended connection: see http_stop() */
	events_stop(b);
	sets_stop(b);
	notices_stop(b);
	http_stop(b);
	issued_clear(b);
	registry_clear(&b->grants);
	b->event = sd_event_unref(b->event);
	return err;
}

int broker_main(const struct broker_options *options)
{
	struct broker *b;
	int err = broker_setup(options, &b);

	if (err)
		return err;
	err = broker_run(b);
	broker_free(b);
	return err;
}
