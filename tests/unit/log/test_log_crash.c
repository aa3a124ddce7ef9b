/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer that is killed a thousand times, at any moment, and each time loses at random what it had not
 * synced yet, as power failures do: bytes from an end, or whole pages that stay empty. The log always opens,
 * holds every record that was acknowledged, and verifies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log/segment.h"
#include "stage.h"

#define KILLS	     1000
#define VERIFY_EVERY 25
#define KEEP	     6

/* What the writer says is on the disk, for the parent to leave alone. */
struct shared {
	volatile uint64_t acked; /* records up to here */
	volatile uint64_t segment;
	volatile uint64_t lines, checkpoints; /* bytes */
	volatile int whole;		      /* all is: retention syncs by itself */
};

static struct shared *shared;
static unsigned seed;

static uint64_t file_size(const struct stage *s, const char *name)
{
	struct stat st;

	return fstatat(s->dir, name, &st, 0) ? 0 : (uint64_t)st.st_size;
}

static void ack(struct stage *s)
{
	if (log_writer_sync(s->w))
		_exit(2);
	shared->segment = log_writer_segment(s->w);
	shared->lines = log_writer_bytes(s->w);
	shared->acked = log_writer_seq(s->w) - 1;
}

static void turn(struct stage *s, unsigned n)
{
	size_t gone;

	stage_lines(s, 1 + n % 5);
	if (n % 3 == 0)
		ack(s);
	if (n % 7 == 0) {
		ack(s);
		stage_checkpoint(s);
		shared->checkpoints = file_size(s, CHECKPOINTS_NAME);
	}
	if (n % 11 == 0) {
		ack(s);
		stage_rotate(s);
	}
	if (n % 40)
		return;
	ack(s);
	shared->whole = 1;
	if (log_writer_retain(s->w, KEEP, n % 80 == 0, STAGE_TIME, &gone))
		_exit(3);
	ack(s);
	shared->whole = 0;
}

static void writer(struct stage *s)
{
	if (stage_writer(s))
		_exit(1);
	ack(s); /* what opening made is on the disk before more is */
	for (unsigned n = (unsigned)rand_r(&seed) % 80;; n++)
		turn(s, n);
}

/* Loses what lies behind `synced`, or a part of it. */
static void tear(const struct stage *s, const char *name, uint64_t synced)
{
	int fd = openat(s->dir, name, O_RDWR | O_CLOEXEC);
	uint64_t size = file_size(s, name), at;

	if (fd < 0 || size <= synced) {
		if (fd >= 0)
			close(fd);
		return;
	}
	at = synced + (uint64_t)rand_r(&seed) % (size - synced + 1);
	assert_int_equal(ftruncate(fd, (off_t)at), 0);
	if (rand_r(&seed) % 2) /* the size was written, the data were not */
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void tear_all(const struct stage *s)
{
	struct segment *list = NULL;
	char name[SEGMENT_NAME_BYTES];
	size_t count = 0;

	if (shared->whole)
		return;
	assert_int_equal(segments_list(s->dir, &list, &count), 0);
	for (size_t i = 0; i < count; i++) {
		if (list[i].seq < shared->segment)
			continue;
		segment_name(list[i].seq, SEGMENT_LINES, name);
		tear(s, name, list[i].seq == shared->segment ? shared->lines : 0);
		/* The hashes are never needed: all of them may go. */
		segment_name(list[i].seq, SEGMENT_HASHES, name);
		tear(s, name, 0);
	}
	tear(s, CHECKPOINTS_NAME, shared->checkpoints);
	free(list);
}

static void kill_one(struct stage *s)
{
	struct timespec wait = {.tv_nsec = rand_r(&seed) % 6000000};
	pid_t child;
	int status;

	seed++; /* the child's goes its own way */
	child = fork();
	assert_true(child >= 0);
	if (!child)
		writer(s);
	nanosleep(&wait, NULL);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status))
		fail_msg("the writer ended by itself: %d", WEXITSTATUS(status));
	tear_all(s);
}

static void opens(struct stage *s, size_t n)
{
	int err = stage_writer(s);

	if (err)
		fail_msg("kill %zu: %d: segment %llu, record %llu: %s", n, err,
			 (unsigned long long)s->place.segment, (unsigned long long)s->place.seq,
			 s->place.why ? s->place.why : "");
	if (log_writer_seq(s->w) <= shared->acked)
		fail_msg("kill %zu: record %llu was acknowledged and is gone", n,
			 (unsigned long long)shared->acked);
	ack(s);
	shared->checkpoints = file_size(s, CHECKPOINTS_NAME);
	shared->whole = 0;
	stage_stop(s);
}

static void thousand_kills(void **state)
{
	uint64_t lost = 0, repaired = 0, bytes = 0;
	struct stage s;

	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	seed = (unsigned)time(NULL);
	print_message("# seed %u\n", seed);
	stage_open(&s);
	for (size_t n = 1; n <= KILLS; n++) {
		kill_one(&s);
		opens(&s, n);
		repaired +=
			s.repair.bytes || s.repair.hashes || s.repair.checkpoint_bytes || s.repair.segment;
		lost += s.repair.lines;
		bytes += s.repair.bytes;
		if (n % VERIFY_EVERY == 0)
			stage_sound(&s);
	}
	print_message(
		"# %d kills, %llu repairs, %llu bytes cut, %llu records known to be lost; %llu records\n",
		KILLS, (unsigned long long)repaired, (unsigned long long)bytes, (unsigned long long)lost,
		(unsigned long long)shared->acked);
	assert_true(repaired > KILLS / 20 && shared->acked > KILLS / 2);
	stage_close(&s);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(thousand_kills)};

	return cmocka_run_group_tests_name("log_crash", tests, NULL, NULL);
}
