/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/msg.h"
#include "daemon/own.h"
#include "daemon/records.h"

#define SWEEP_USEC                                                                                           \
	200000 /* how late an expired agent may be killed; its operations end on the nanosecond              \
		*/

typedef int (*handler)(struct warden *, const struct warden_request *, int fd, struct warden_reply *);

static int answer_peer(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	struct visit visit = {0};
	int r = enforce_visit(w->enforce, fd, VISIT_READ, &visit);

	(void)q;
	a->slot = visit.slot;
	a->gen = visit.gen;
	a->tgid = visit.tgid;
	a->threads = visit.threads;
	return r;
}

/* The broker reads what strangers say and may have been broken into: what it makes does not outlast that for
 * long. */
static int life_check(const struct warden *w, uint64_t expires)
{
	return expires <= clock_boottime() + w->max_ttl ? 0 : -ERANGE;
}

static int answer_load(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	struct grant_terms terms = {
		.expires = q->expires,
		.flags = q->flags,
		.parent = q->parent,
		.parent_gen = q->parent_gen,
	};

	return life_check(w, q->expires) ?: enforce_load(w->enforce, fd, &terms, &a->slot, &a->gen);
}

/* Whoever reads a process's /proc/PID/cmdline has its memory in common with it for that while. */
#define LOOKS	20
#define LOOK_NS 1000000

static int visit_patiently(struct enforce *e, int fd, enum visit_op op, struct visit *visit)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	const struct visit ask = *visit;
	int r = enforce_visit(e, fd, op, visit);

	for (int i = 1; i < LOOKS && r == -EUSERS; i++) {
		nanosleep(&pause, NULL);
		*visit = ask;
		r = enforce_visit(e, fd, op, visit);
	}
	return r;
}

static int answer_tag(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	struct visit visit = {.slot = q->slot, .gen = q->gen};
	enum visit_op op = q->flags & WARDEN_TAG_THREAD ? VISIT_THREAD : VISIT_TAG;
	int r = visit_patiently(w->enforce, fd, op, &visit);

	a->slot = visit.slot;
	a->gen = visit.gen;
	a->tgid = visit.tgid;
	a->threads = visit.threads;
	return r;
}

static int answer_revoke(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	int r = enforce_revoke(w->enforce, q->slot, q->gen, q->flags & SLOT_KILL);

	(void)fd, (void)a;
	w->reap = !r;
	return r;
}

static int answer_release(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	int r = enforce_release(w->enforce, q->slot, q->gen);

	(void)fd, (void)a;
	if (!r)
		records_remove(w->records, q->slot, q->gen);
	return r;
}

static int answer_record(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	(void)a;
	if (!enforce_held(w->enforce, q->slot, q->gen))
		return -ENOENT;
	return records_write(w->records, q->slot, q->gen, fd);
}

static int answer_table(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	(void)fd, (void)a;
	return enforce_table(w->enforce, q->slot, q->gen, &w->pass);
}

static int answer_keys(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	_cleanup_ring_ struct secret_ring keys = {0};
	int r = keystore_turn(w->keys, q->flags, &keys);

	(void)fd, (void)a;
	own_ward_keys(w->enforce, w->keys);
	return r ?: keystore_send(&keys, &w->pass);
}

static int answer_renew(struct warden *w, const struct warden_request *q, int fd, struct warden_reply *a)
{
	(void)fd, (void)a;
	return life_check(w, q->expires) ?: enforce_renew(w->enforce, q->slot, q->gen, q->expires);
}

static const struct {
	handler answer;
	bool takes_fd;
} handlers[] = {
	[WARDEN_PEER] = {answer_peer, true},	    [WARDEN_LOAD] = {answer_load, true},
	[WARDEN_TAG] = {answer_tag, true},	    [WARDEN_REVOKE] = {answer_revoke, false},
	[WARDEN_RELEASE] = {answer_release, false}, [WARDEN_RECORD] = {answer_record, true},
	[WARDEN_TABLE] = {answer_table, false},	    [WARDEN_KEYS] = {answer_keys, false},
	[WARDEN_RENEW] = {answer_renew, false},
};

/* Looks at every task of the host, which nobody need wait for; what escapes by forking meanwhile, the sweep
 * takes. */
static void reap_after(struct warden *w)
{
	if (w->reap)
		enforce_reap(w->enforce);
	w->reap = false;
}

static int serve_one(struct warden *w)
{
	struct warden_request request;
	struct warden_reply reply = {0};
	_cleanup_close_ int fd = -1;
	int r = msg_recv(w->broker, &request, sizeof(request), &fd);

	if (r)
		return r == -EAGAIN ? 0 : r;
	if (request.op < WARDEN_PEER || request.op >= WARDEN_OPS)
		return -EPROTO;
	if (handlers[request.op].takes_fd != (fd >= 0))
		return -EPROTO;
	w->pass = -1;
	reply.error = handlers[request.op].answer(w, &request, fd, &reply);
	r = msg_send(w->broker, &reply, sizeof(reply), w->pass);
	if (w->pass >= 0)
		close(w->pass);
	reap_after(w);
	return r;
}

static int on_broker(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	int r = serve_one(arg);

	(void)fd, (void)revents;
	return r ? sd_event_exit(sd_event_source_get_event(s), r) : 0;
}

static int on_sweep(sd_event_source *s, uint64_t usec, void *arg)
{
	struct warden *w = arg;

	enforce_beat(w->enforce);
	enforce_sweep(w->enforce);
	sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
	return sd_event_source_set_time(s, usec + SWEEP_USEC);
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *arg)
{
	struct role_process *role = arg;

	fprintf(stderr, "deputyd: role %d ended by itself (%s %d): stopping; what is tagged stays refused\n",
		(int)role->pid, si->si_code == CLD_EXITED ? "status" : "signal", si->si_status);
	role->pid = 0;
	return sd_event_exit(sd_event_source_get_event(s), -ECHILD);
}

/* One that takes no answers breaks the protocol; to wait for it would hold up the ends that time brings. */
static int warden_wait_for_none(int broker)
{
	int flags = fcntl(broker, F_GETFL);

	return flags < 0 || fcntl(broker, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

static int warden_watch(struct warden *w, sd_event *event)
{
	uint64_t now;
	int r = sd_event_now(event, CLOCK_MONOTONIC, &now);

	enforce_running(w->enforce); /* all is attached at the start: lets go of what nobody needs yet */
	if (r >= 0)
		r = warden_wait_for_none(w->broker);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_io(event, NULL, w->broker, EPOLLIN, on_broker, w);
	if (r >= 0)
		r = sd_event_add_time(event, NULL, CLOCK_MONOTONIC, now + SWEEP_USEC, 0, on_sweep, w);
	for (int i = 0; i < ROLES && r >= 0; i++)
		r = sd_event_add_child(event, NULL, w->roles[i].pid, WEXITED, on_child, &w->roles[i]);
	return r;
}

int warden_run(struct warden *w)
{
	sd_event *event = NULL;
	int r = sd_event_new(&event);

	if (r < 0)
		return r;
	r = warden_watch(w, event);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = sd_event_loop(event);
	sd_event_unref(event);
	return r;
}

/* Dead tasks that nobody has waited for keep their tags and can do nothing more with them. */
int warden_drain(struct warden *w, int ms)
{
	struct timespec tick = {.tv_nsec = 20000000};

	for (int waited = 0; waited < ms; waited += 20) {
		if (!enforce_tagged(w->enforce) || !enforce_reap(w->enforce))
			return 0;
		nanosleep(&tick, NULL);
	}
	return -ETIMEDOUT;
}
