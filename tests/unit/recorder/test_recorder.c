/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder as a process of its own, between a socket, a ring buffer of the kernel and a file. */
#include "feeder.h"
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/msg.h"
#include "recorder/recorder.h"

#define WAIT_MS 5000

struct stage {
	char log_path[64];
	int log, peer, ready, control_fd;
	struct control *control;
	struct feeder feeder;
	pid_t pid;
};

static void feed(const struct stage *st, const struct sample *s)
{
	assert_true(feeder_put(&st->feeder, s));
}

/* ---- the stage ---- */

static int stage_new(void **state)
{
	struct stage *st = calloc(1, sizeof(*st));

	strcpy(st->log_path, "/tmp/test_recorder.XXXXXX");
	st->log = mkostemp(st->log_path, O_APPEND);
	st->control_fd = memfd_create("control", 0);
	assert_int_equal(ftruncate(st->control_fd, sizeof(struct control)), 0);
	st->control =
		mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, st->control_fd, 0);
	feeder_new(&st->feeder);
	*state = st;
	return 0;
}

static int stage_free(void **state)
{
	struct stage *st = *state;

	if (st->pid) { /* of a test that was skipped or failed */
		kill(st->pid, SIGKILL);
		waitpid(st->pid, NULL, 0);
	}
	munmap(st->control, sizeof(struct control));
	feeder_free(&st->feeder);
	close(st->log);
	close(st->control_fd);
	unlink(st->log_path);
	free(st);
	return 0;
}

static void child_main(const struct recorder_fds *fds)
{
	struct recorder *r = NULL;
	int err = recorder_open(fds, &r);

	if (!err)
		err = recorder_run(r);
	recorder_free(r);
	exit(-err);
}

static void start(struct stage *st)
{
	int pair[2], ready[2];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe(ready), 0);
	st->pid = fork();
	if (!st->pid) {
		struct recorder_fds fds = {pair[1], st->log, st->control_fd, st->feeder.ring, ready[1]};

		close(pair[0]);
		child_main(&fds);
	}
	close(pair[1]);
	close(ready[1]);
	st->peer = pair[0];
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(read(ready[0], &byte, 1), 0); /* closed after */
	close(ready[0]);
}

/* The recorder's exit code, an errno. */
static int ended(struct stage *st)
{
	int status;

	assert_int_equal(waitpid(st->pid, &status, 0), st->pid);
	assert_true(WIFEXITED(status));
	st->pid = 0;
	close(st->peer);
	return WEXITSTATUS(status);
}

static void send_begin(const struct stage *st)
{
	struct record_message m = {.op = RECORD_BEGIN};

	assert_int_equal(msg_send(st->peer, &m, sizeof(m), -1), 0);
}

static int stop(struct stage *st)
{
	shutdown(st->peer, SHUT_WR);
	kill(st->pid, SIGTERM);
	return ended(st);
}

static void send_grant(const struct stage *st, const struct record_message *m)
{
	int labels = memfd_create("labels", 0);

	assert_int_equal(write(labels, sample_labels, sizeof(sample_labels)), sizeof(sample_labels));
	assert_int_equal(msg_send(st->peer, m, sizeof(*m), labels), 0);
	close(labels);
}

static void send_note(const struct stage *st, enum note note, const char *text)
{
	struct record_message m = {.op = RECORD_NOTE, .note = note};

	strcpy(m.text, text);
	assert_int_equal(msg_send(st->peer, &m, sizeof(m), -1), 0);
}

/* Waits until the recorder has read all that was sent. */
static void settle(const struct stage *st)
{
	int queued = 1;

	for (int i = 0; i < WAIT_MS && queued; i++) {
		assert_int_equal(ioctl(st->peer, SIOCOUTQ, &queued), 0);
		usleep(1000);
	}
	assert_int_equal(queued, 0);
	usleep(50000);
}

/* The next report of this kind. */
static struct report next_report(const struct stage *st, uint32_t op)
{
	struct pollfd p = {.fd = st->peer, .events = POLLIN};
	struct report r = {0};

	while (r.op != op) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(msg_recv(st->peer, &r, sizeof(r), NULL), 0);
	}
	return r;
}

/* All lines of the log, as JSON objects whose numbers have no gap. */
static json_t *lines(const struct stage *st)
{
	json_t *list = json_array();
	FILE *f = fopen(st->log_path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, f)) > 0) {
		json_t *object = json_loadb(line, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

		assert_true(json_is_object(object) && line[len - 1] == '\n');
		json_array_append_new(list, object);
		assert_int_equal(json_integer_value(json_object_get(object, "seq")), json_array_size(list));
	}
	free(line);
	fclose(f);
	return list;
}

static void assert_member(const json_t *list, size_t i, const char *name, const char *value)
{
	const json_t *member = json_object_get(json_array_get(list, i), name);

	assert_non_null(member);
	if (value)
		assert_string_equal(json_string_value(member), value);
	else
		assert_true(json_is_null(member));
}

static json_int_t number_of(const json_t *list, size_t i, const char *name)
{
	return json_integer_value(json_object_get(json_array_get(list, i), name));
}

/* ---- tests ---- */

static void test_notes(void **state)
{
	struct stage *st = *state;
	struct report r;
	json_t *list;

	start(st);
	send_note(st, NOTE_STARTED, "0.1.0");
	send_note(st, NOTE_REFUSED, "no such purpose");
	settle(st);
	do
		r = next_report(st, REPORT_GREW);
	while ((off_t)r.size < lseek(st->log, 0, SEEK_END));
	assert_int_equal(r.size, lseek(st->log, 0, SEEK_END));
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 2);
	assert_member(list, 0, "op", "started");
	assert_member(list, 1, "text", "no such purpose");
	json_decref(list);
}

/* What was said before SIGTERM is written, and numbering goes on after a restart. */
static void test_restart(void **state)
{
	struct stage *st = *state;
	json_t *list;

	for (int i = 0; i < 3; i++) {
		start(st);
		for (int j = 0; j < 100; j++)
			send_note(st, NOTE_MINTED, "x");
		assert_int_equal(stop(st), 0);
	}
	list = lines(st);
	assert_int_equal(json_array_size(list), 300);
	json_decref(list);
}

/* A line that a crash cut off is taken out and told of. */
static void test_torn_line(void **state)
{
	struct stage *st = *state;
	json_t *list;

	assert_int_equal(write(st->log, "{\"seq\": 1, \"ti", 13), 13);
	start(st);
	send_note(st, NOTE_STARTED, "0.1.0");
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 2);
	assert_member(list, 0, "type", "loss");
	assert_member(list, 0, "cause", "log");
	assert_int_equal(number_of(list, 0, "count"), 1);
	json_decref(list);
}

static void test_foreign_log(void **state)
{
	struct stage *st = *state;
	struct recorder_fds fds = {-1, st->log, -1, -1, -1};
	struct recorder *r = NULL;

	assert_int_equal(write(st->log, "hello\n", 6), 6);
	assert_int_equal(recorder_open(&fds, &r), -EBADMSG);
}

static void test_events(void **state)
{
	struct stage *st = *state;
	struct record_message m = sample_grant(SLOT, GEN);
	struct sample s = sample_file();
	struct report r;
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	send_grant(st, &m);
	feed(st, &s);
	s.e.gen = GEN + 1;
	feed(st, &s); /* nobody announced it */
	s.e.gen = GEN;
	s.e.type = EV_TASK;
	s.e.op = TASK_LAST_EXIT;
	s.e.path_len = 0;
	feed(st, &s);
	r = next_report(st, REPORT_EMPTY);
	assert_int_equal(r.slot, SLOT);
	assert_int_equal(r.gen, GEN);
	s = sample_file();
	feed(st, &s); /* late, but the name is still known */
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 4);
	assert_member(list, 0, "path", "/home/alice/.env");
	assert_member(list, 0, "user", "alice");
	assert_member(list, 0, "rule", "coder.yaml:8 deny read path **/.env");
	assert_member(list, 1, "grant", NULL);
	assert_member(list, 2, "op", "last_exit");
	assert_member(list, 3, "grant", "gmfzwk43uorsxg5a");
	json_decref(list);
}

/* An event and the grant that it belongs to, sent while the recorder is at work: the name is there each time.
 */
static void test_grant_before_event(void **state)
{
	struct stage *st = *state;
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	for (uint32_t gen = 1; gen <= 500; gen++) {
		struct record_message m = sample_grant(SLOT, gen);
		struct sample s = sample_file();

		s.e.gen = gen;
		send_grant(st, &m);
		feed(st, &s);
	}
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 500);
	for (size_t i = 0; i < 500; i++)
		assert_member(list, i, "user", "alice");
	json_decref(list);
}

/* More at once than a batch holds, all of it there when SIGTERM comes. */
static void test_drains(void **state)
{
	struct stage *st = *state;
	struct sample s = sample_file();
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	kill(st->pid, SIGSTOP);
	for (int i = 0; i < 1500; i++)
		feed(st, &s);
	kill(st->pid, SIGTERM);
	shutdown(st->peer, SHUT_WR);
	kill(st->pid, SIGCONT);
	assert_int_equal(ended(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 1500);
	json_decref(list);
}

#define KILLS	   60
#define KILL_FEEDS 300

/* Ends the recorder at some moment while it is fed; the ring waits for the next one. */
static void feed_and_kill(struct stage *st, struct sample *s)
{
	pid_t killer;

	start(st);
	send_begin(st);
	killer = fork();
	if (!killer) {
		usleep((useconds_t)(rand() % 6000));
		kill(st->pid, SIGKILL);
		_exit(0);
	}
	srand((unsigned)rand());
	for (int i = 0; i < KILL_FEEDS; i++)
		s->e.tid += feeder_put(&st->feeder,
				       s); /* on a busy machine those before may have taken nothing */
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	assert_int_equal(waitpid(st->pid, NULL, 0), st->pid);
	close(st->peer);
	st->pid = 0;
}

/* Killed at any moment: every event is written once, in order, and a loss is told of once. */
static void test_killed(void **state)
{
	struct stage *st = *state;
	struct sample s = sample_file();
	uint32_t tid = 1000, loss = 0;
	json_t *list, *line;
	size_t i;

	if (st->feeder.prog < 0)
		skip();
	s.e.tid = tid;
	__atomic_store_n(&st->control->lost[LOSS_RING_FULL], 5, __ATOMIC_RELAXED);
	for (int k = 0; k < KILLS; k++)
		feed_and_kill(st, &s);
	start(st);
	send_begin(st);
	assert_int_equal(stop(st), 0);
	list = lines(st);
	json_array_foreach (list, i, line) {
		if (!strcmp(json_string_value(json_object_get(line, "type")), "loss"))
			loss += (uint32_t)json_integer_value(json_object_get(line, "count"));
		else
			assert_int_equal(json_integer_value(json_object_get(line, "tid")), tid++);
	}
	assert_int_equal(tid, s.e.tid);
	assert_int_equal(loss, 5);
	json_decref(list);
}

/* Until the broker has named the grants of before, their events wait. */
static void test_begin(void **state)
{
	struct stage *st = *state;
	struct record_message m = sample_grant(SLOT, GEN);
	struct sample s = sample_file();
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	feed(st, &s);
	start(st);
	send_note(st, NOTE_STARTED, "0.1.0");
	next_report(st, REPORT_GREW);
	send_grant(st, &m);
	send_begin(st);
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 2);
	assert_member(list, 0, "op", "started");
	assert_member(list, 1, "user", "alice");
	json_decref(list);
}

static json_int_t lost_by(const json_t *list, const char *cause)
{
	json_int_t sum = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		assert_member(list, i, "type", "loss");
		if (!strcmp(json_string_value(json_object_get(json_array_get(list, i), "cause")), cause))
			sum += number_of(list, i, "count");
	}
	return sum;
}

/* The kernel's counters move while nothing else happens; whatever is lost is told once. */
static void test_losses(void **state)
{
	struct stage *st = *state;
	struct sample s = sample_file();
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	__atomic_store_n(&st->control->lost[LOSS_RING_FULL], 5, __ATOMIC_RELAXED);
	next_report(st, REPORT_GREW);
	s.e.type = 99;
	feed(st, &s);
	__atomic_store_n(&st->control->lost[LOSS_RING_FULL], 7, __ATOMIC_RELAXED);
	__atomic_store_n(&st->control->lost[LOSS_NO_SCRATCH], 1, __ATOMIC_RELAXED);
	next_report(st, REPORT_GREW);
	feed(st, &s);
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(lost_by(list, "ring_full"), 7);
	assert_int_equal(lost_by(list, "no_scratch"), 1);
	assert_int_equal(lost_by(list, "invalid"), 2);
	json_decref(list);
}

/* The limit on the file's size stands for a full disk. */
static void test_disk_full(void **state)
{
	struct stage *st = *state;
	struct rlimit old, small;
	json_t *list;
	json_int_t lost;

	send_note(st, NOTE_MINTED, "first");
	next_report(st, REPORT_GREW);
	assert_int_equal(prlimit(st->pid, RLIMIT_FSIZE, NULL, &old), 0);
	small = old;
	small.rlim_cur = (rlim_t)lseek(st->log, 0, SEEK_END) + 50; /* part of a line */
	assert_int_equal(prlimit(st->pid, RLIMIT_FSIZE, &small, NULL), 0);
	for (int i = 0; i < 10; i++)
		send_note(st, NOTE_MINTED, "lost");
	settle(st);
	assert_int_equal(lseek(st->log, 0, SEEK_END) + 50, small.rlim_cur);
	assert_int_equal(prlimit(st->pid, RLIMIT_FSIZE, &old, NULL), 0);
	send_note(st, NOTE_MINTED, "last");
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 3);
	assert_member(list, 0, "text", "first");
	assert_member(list, 1, "cause", "log");
	lost = number_of(list, 1, "count");
	assert_int_equal(lost, 10);
	assert_member(list, 2, "text", "last");
	json_decref(list);
}

/* The parent's end of the socket is not the end: what is enforced is recorded with the broker dead. */
static void test_broker_gone(void **state)
{
	struct stage *st = *state;
	struct sample s = sample_file();
	json_t *list;

	if (st->feeder.prog < 0)
		skip();
	shutdown(st->peer, SHUT_RDWR);
	usleep(50000);
	feed(st, &s);
	assert_int_equal(stop(st), 0);
	list = lines(st);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
}

static void assert_protocol_error(struct stage *st, const void *m, size_t size, int pass)
{
	start(st);
	assert_int_equal(msg_send(st->peer, m, size, pass), 0);
	assert_int_equal(ended(st), EPROTO);
}

static void test_bad_messages(void **state)
{
	struct stage *st = *state;
	struct record_message m = sample_grant(SLOT, GEN);
	int labels = memfd_create("labels", 0), pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_protocol_error(st, &m, sizeof(m) - 1, -1);
	assert_protocol_error(st, &m, sizeof(m), -1); /* a grant without labels */
	assert_protocol_error(st, &m, sizeof(m), pipes[0]);
	m.op = 0;
	assert_protocol_error(st, &m, sizeof(m), -1);
	m.op = RECORD_BEGIN + 1;
	assert_protocol_error(st, &m, sizeof(m), -1);
	m.op = RECORD_NOTE;
	assert_protocol_error(st, &m, sizeof(m), labels); /* a note with a descriptor */
	m.note = NOTES;
	assert_protocol_error(st, &m, sizeof(m), -1);
	m.note = NOTE_MINTED;
	memset(m.user, 'x', sizeof(m.user));
	assert_protocol_error(st, &m, sizeof(m), -1);
	m = sample_grant(SLOT, GEN);
	assert_int_equal(write(labels, "no end", 6), 6);
	assert_protocol_error(st, &m, sizeof(m), labels);
	assert_int_equal(ftruncate(labels, IDENTITY_LABELS_MAX + 1), 0);
	assert_protocol_error(st, &m, sizeof(m), labels);
	close(labels);
	close(pipes[0]);
	close(pipes[1]);
}

static int stage_start(void **state)
{
	int err = stage_new(state);

	start(*state);
	send_begin(*state);
	return err;
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, stage_new, stage_free)
#define STARTED(name) cmocka_unit_test_setup_teardown(name, stage_start, stage_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_notes),
		TEST(test_restart),
		TEST(test_torn_line),
		TEST(test_foreign_log),
		STARTED(test_events),
		STARTED(test_drains),
		STARTED(test_grant_before_event),
		STARTED(test_losses),
		STARTED(test_disk_full),
		STARTED(test_broker_gone),
		TEST(test_bad_messages),
		TEST(test_killed),
		TEST(test_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
