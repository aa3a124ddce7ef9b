/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/msg.h"
#include "recorder/checkpoint.h"
#include "recorder/event_json.h"
#include "recorder/identity.h"
#include "recorder/logfile.h"
#include "recorder/losses.h"
#include "recorder/outbox.h"

#define BATCH_BYTES  (512u << 10)
#define PEER_BURST   256  /* messages between two looks at the ring, lest the broker starve it */
#define TICK_MS	     1000 /* the kernel's loss counters wake nobody */
#define RETRY_MS     20	  /* while the broker's socket is full */
#define STOP_NS	     1000000000ull
#define STOP_BATCHES 256 /* more than the ring holds */

struct recorder {
	struct recorder_fds fds;
	int epoll;
	int signals;
	pid_t parent;
	struct ring ring;	 /* no ->page: there is none */
	struct checkpoint *kept; /* in that page */
	bool begun;		 /* every grant of before is announced */
	struct identity_book *book;
	struct logfile log;
	struct losses losses;
	struct outbox outbox;
	struct line batch;
	size_t lines;	   /* in the batch */
	size_t loss_lines; /* the first of them */
	uint64_t to_wall;  /* CLOCK_BOOTTIME to CLOCK_REALTIME, ns, as of the batch */
	uint64_t stop_at;  /* CLOCK_BOOTTIME ns; 0 = go on */
	int error;	   /* met where it could not be returned */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- the batch ---- */

static void batch_begin(struct recorder *r)
{
	struct line_head head = {r->log.seq, clock_ns(CLOCK_REALTIME)};

	r->to_wall = head.time - clock_ns(CLOCK_BOOTTIME);
	r->batch.len = 0;
	r->loss_lines = losses_put(&r->losses, head, &r->batch);
	r->lines = r->loss_lines;
}

/* What the log does not take is lost, and told of when it takes lines again. */
static void batch_end(struct recorder *r)
{
	size_t kept;

	if (!r->lines)
		return;
	if (r->kept)
		checkpoint_plan(r->kept, &r->ring, &r->log, r->batch.len, &r->losses);
	logfile_append(&r->log, r->batch.buf, r->batch.len, r->lines, &kept);
	if (kept)
		outbox_grew(&r->outbox, r->log.size);
	if (kept >= r->loss_lines)
		losses_told(&r->losses);
	else
		kept = r->loss_lines; /* loss lines are no events: they are made anew */
	r->losses.count[CAUSE_LOG] += r->lines - kept;
	if (r->kept) {
		checkpoint_done(r->kept, &r->log, &r->losses);
		ring_commit(&r->ring);
	}
	r->lines = 0;
	r->loss_lines = 0;
}

/* Records that became no line, only a count: it must be kept before they are given back. */
static void batch_skip(struct recorder *r)
{
	memcpy(r->losses.telling, r->losses.told, sizeof(r->losses.telling));
	checkpoint_plan(r->kept, &r->ring, &r->log, 0, &r->losses);
	checkpoint_done(r->kept, &r->log, &r->losses);
	ring_commit(&r->ring);
}

static bool batch_has_room(const struct recorder *r)
{
	return r->batch.size - r->batch.len >= LINE_BYTES_MAX;
}

static void batch_make_room(struct recorder *r)
{
	if (batch_has_room(r))
		return;
	batch_end(r);
	batch_begin(r);
}

static uint64_t batch_seq(const struct recorder *r)
{
	return r->log.seq + r->lines;
}

static void batch_count(struct recorder *r, int err)
{
	if (err)
		r->losses.count[CAUSE_INVALID]++;
	else
		r->lines++;
}

/* ---- what the broker says ---- */

/* The broker could shrink the file under a mapping, hence a copy; a size it lies about is a short read. */
static int labels_read(int fd, char **labels, size_t *len)
{
	struct stat st;
	char *text;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > IDENTITY_LABELS_MAX)
		return -EPROTO;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, (size_t)st.st_size, 0) != st.st_size) {
		free(text);
		return -EPROTO;
	}
	*labels = text;
	*len = (size_t)st.st_size;
	return 0;
}

static int peer_grant(struct recorder *r, const struct record_message *m, int passed)
{
	char *labels = NULL;
	size_t len = 0;
	int err = passed >= 0 ? labels_read(passed, &labels, &len) : -EPROTO;

	if (err)
		return err;
	err = identity_add(r->book, m, labels, len, clock_ns(CLOCK_BOOTTIME));
	free(labels);
	return err;
}

static int peer_note(struct recorder *r, const struct record_message *m, int passed)
{
	struct identity *who;

	if (passed >= 0 || m->note >= NOTES || record_message_check(m))
		return -EPROTO;
	batch_make_room(r);
	batch_count(r, note_json(m, &(struct line_head){batch_seq(r), clock_ns(CLOCK_REALTIME)}, &r->batch));
	who = identity_find(r->book, m->slot, m->gen);
	if (who && m->note == NOTE_RENEWED)
		identity_renew(who, m);
	if (who && m->note == NOTE_ENDED)
		identity_end(r->book, who, clock_ns(CLOCK_BOOTTIME));
	return 0;
}

static int watch(const struct recorder *r, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Until here the ring is let be: its events may be older than we are, and their grants than the broker. */
static int recorder_begin(struct recorder *r)
{
	if (r->begun)
		return 0;
	r->begun = true;
	return r->ring.page ? watch(r, r->fds.ring) : 0;
}

static int peer_begin(struct recorder *r, const struct record_message *m, int passed)
{
	(void)m;
	return passed >= 0 ? -EPROTO : recorder_begin(r);
}

static int peer_message(struct recorder *r)
{
	static int (*const handlers[])(struct recorder *, const struct record_message *, int) = {
		[RECORD_GRANT] = peer_grant,
		[RECORD_NOTE] = peer_note,
		[RECORD_BEGIN] = peer_begin,
	};
	struct record_message m;
	int passed = -1;
	int err = msg_recv(r->fds.peer, &m, sizeof(m), &passed);

	if (err)
		return err;
	if (m.op >= sizeof(handlers) / sizeof(handlers[0]) || !handlers[m.op])
		err = -EPROTO;
	else
		err = handlers[m.op](r, &m, passed);
	if (passed >= 0)
		close(passed);
	return err;
}

/* Without a broker the recorder goes on: enforcement does, and what it refuses is still to be recorded. */
static int peer_drain(struct recorder *r)
{
	int err = 0;

	for (int i = 0; i < PEER_BURST && !err && r->fds.peer >= 0; i++)
		err = peer_message(r);
	if (err == -EPIPE || err == -ECONNRESET) {
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->fds.peer, NULL);
		r->fds.peer = -1;
		err = 0;
	}
	if (!err && r->fds.peer < 0)
		err = recorder_begin(r); /* nobody will say so any more */
	return err == -EAGAIN ? 0 : err;
}

static int peer_report(struct recorder *r)
{
	if (r->fds.peer < 0) {
		outbox_free(&r->outbox);
		return 0;
	}
	return outbox_send(&r->outbox, r->fds.peer);
}

/* ---- what the kernel says ---- */

/* A grant is announced before its tag is put on, so a tag not known yet is explained by what waits. */
static bool event_must_wait(const struct recorder *r, const struct identity *who)
{
	struct pollfd p = {.fd = r->fds.peer, .events = POLLIN};

	return !who && r->fds.peer >= 0 && poll(&p, 1, 0) > 0;
}

static void event_last_exit(struct recorder *r, const struct event *e, struct identity *who)
{
	int err = outbox_empty(&r->outbox, e->slot, e->gen);

	if (err)
		r->error = err;
	if (who)
		identity_end(r->book, who, clock_ns(CLOCK_BOOTTIME));
}

static void event_take(struct recorder *r, const struct event *e, size_t size, struct identity *who)
{
	int err = event_json(e, size, who, batch_seq(r), r->to_wall, &r->batch);

	batch_count(r, err);
	if (!err && e->type == EV_TASK && e->op == TASK_LAST_EXIT)
		event_last_exit(r, e, who);
}

/* Events into the batch, until one of both ends. Whether there are more. */
static bool ring_take(struct recorder *r)
{
	const void *data;
	size_t size;

	while (r->begun && r->ring.page && ring_peek(&r->ring, &data, &size)) {
		const struct event *e = data;
		struct identity *who = size >= sizeof(*e) ? identity_find(r->book, e->slot, e->gen) : NULL;

		if (!batch_has_room(r) || r->error || event_must_wait(r, who))
			return true;
		event_take(r, e, size, who);
		ring_pass(&r->ring);
	}
	return false;
}

/* A batch of events only: one that was cut off is made again from the ring, which a note is not in. */
static bool recorder_events(struct recorder *r)
{
	const void *data;
	size_t size;
	bool more;

	batch_begin(r);
	more = ring_take(r);
	if (!r->lines && r->ring.page && r->ring.at != *r->ring.consumer)
		batch_skip(r);
	batch_end(r);
	return more || (r->begun && r->ring.page && ring_peek(&r->ring, &data, &size));
}

/* ---- the loop ---- */

static int recorder_signal(struct recorder *r)
{
	struct signalfd_siginfo info;

	if (!r->stop_at && read(r->signals, &info, sizeof(info)) == sizeof(info))
		r->stop_at = clock_ns(CLOCK_BOOTTIME) + STOP_NS;
	return 0;
}

/* What either source has, into the log. *more: the ring holds yet more. */
static int recorder_turn(struct recorder *r, bool *more)
{
	int err;

	recorder_signal(r);
	batch_begin(r);
	err = peer_drain(r);
	batch_end(r);
	*more = !err && recorder_events(r);
	peer_report(r);
	identity_forget_old(r->book, clock_ns(CLOCK_BOOTTIME));
	return err ?: r->error;
}

static int recorder_wait(struct recorder *r)
{
	bool waiting = r->outbox.count || r->outbox.size || r->stop_at;
	struct epoll_event event;
	int n = epoll_wait(r->epoll, &event, 1, waiting ? RETRY_MS : TICK_MS);

	if (n < 0 && errno != EINTR)
		return -errno;
	if (!n)
		logfile_sync(&r->log); /* nothing to do, so nothing waits for the disk */
	return 0;
}

static bool recorder_done(const struct recorder *r)
{
	return r->stop_at && (r->fds.peer < 0 || clock_ns(CLOCK_BOOTTIME) >= r->stop_at);
}

/* The parent's death counts as SIGTERM: nobody else would stop us. The credentials' change before has reset
 * this, so it cannot be part of the set-up. */
static int recorder_start(struct recorder *r)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM))
		return -errno;
	if (getppid() != r->parent)
		raise(SIGTERM);
	if (r->fds.ready < 0)
		return 0;
	if (write(r->fds.ready, "", 1) != 1)
		return -errno;
	close(r->fds.ready);
	r->fds.ready = -1;
	return 0;
}

int recorder_run(struct recorder *r)
{
	bool more = false;
	int err = recorder_start(r);

	while (!err && !recorder_done(r)) {
		if (!more)
			err = recorder_wait(r);
		if (!err)
			err = recorder_turn(r, &more);
	}
	/* At least twice: the second tells of what the first could not write. */
	for (int i = 0; !err && i < (more ? STOP_BATCHES : 2); i++)
		err = recorder_turn(r, &more);
	logfile_sync(&r->log);
	return err;
}

/* ---- set-up ---- */

static int open_signals(struct recorder *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	signal(SIGXFSZ, SIG_IGN); /* a log at its size limit is an error to count, not one to die of */
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -errno : watch(r, r->signals);
}

static int open_peer(struct recorder *r)
{
	int flags = fcntl(r->fds.peer, F_GETFL);

	if (flags < 0 || fcntl(r->fds.peer, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	return watch(r, r->fds.peer);
}

static int open_kernel(struct recorder *r)
{
	void *map;
	int err;

	if (r->fds.control >= 0) {
		map = mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, r->fds.control, 0);
		if (map == MAP_FAILED)
			return -errno;
		r->losses.control = map;
		close(r->fds.control); /* it could write; the mapping cannot be made to */
		r->fds.control = -1;
	}
	if (r->fds.ring < 0)
		return 0;
	err = ring_open(&r->ring, r->fds.ring);
	if (err)
		return err;
	r->kept = r->ring.page;
	return checkpoint_open(r->kept, &r->ring, r->fds.log, &r->losses);
}

static int open_memory(struct recorder *r)
{
	r->book = identity_book_new();
	r->batch.buf = malloc(BATCH_BYTES);
	r->batch.size = BATCH_BYTES;
	return r->book && r->batch.buf ? 0 : -ENOMEM;
}

static int open_all(struct recorder *r)
{
	bool torn = false;
	int err;

	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = r->epoll < 0 ? -errno : open_memory(r);
	if (!err)
		err = open_kernel(r); /* which may take a batch back that was cut off */
	if (!err)
		err = logfile_open(&r->log, r->fds.log, &torn);
	if (!err)
		err = open_signals(r);
	if (!err)
		err = open_peer(r);
	if (torn)
		r->losses.count[CAUSE_LOG]++;
	return err;
}

int recorder_open(const struct recorder_fds *fds, struct recorder **recorder)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	*r = (struct recorder){.fds = *fds, .epoll = -1, .signals = -1, .parent = getppid()};
	err = open_all(r);
	if (err)
		recorder_free(r);
	else
		*recorder = r;
	return err;
}

int recorder_setup(struct recorder **recorder)
{
	static const struct recorder_fds fds = {FD_PEER, FD_LOG, FD_CONTROL, FD_RING, FD_READY};

	return recorder_open(&fds, recorder);
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	ring_close(&r->ring);
	if (r->losses.control)
		munmap((void *)r->losses.control, sizeof(struct control));
	identity_book_free(r->book);
	outbox_free(&r->outbox);
	free(r->batch.buf);
	if (r->epoll >= 0)
		close(r->epoll);
	if (r->signals >= 0)
		close(r->signals);
	free(r);
}
