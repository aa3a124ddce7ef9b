/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above. */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/logfile.h"

#define LINE(n) "{\"seq\": " n ", \"x\": 1}\n"

static char path[] = "/tmp/test_logfile.XXXXXX";

static int log_new(void **state)
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	*state = (void *)(intptr_t)mkostemp(path, O_APPEND);
	signal(SIGXFSZ, SIG_IGN);
	return (int)(intptr_t)*state < 0;
}

static int log_drop(void **state)
{
	close((int)(intptr_t)*state);
	return unlink(path);
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_holds(int fd, const char *text)
{
	char buf[65536];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = '\0';
	assert_string_equal(buf, text);
}

static void test_open(void **state)
{
	static const struct {
		const char *text;
		const char *left; /* NULL: refused */
		uint64_t seq;
		bool torn;
	} cases[] = {
		{"", "", 1, false},
		{LINE("1"), LINE("1"), 2, false},
		{LINE("1") LINE("41"), LINE("1") LINE("41"), 42, false},
		{LINE("1") "{\"seq\": 2, \"x", LINE("1"), 2, true},
		{"{\"se", "", 1, true},
		{LINE("1") "\n", NULL, 0, false},
		{"hello\n", NULL, 0, false},
		{"{\"seq\": x}\n", NULL, 0, false},
		{"{\"seq\": -3, }\n", NULL, 0, false},
	};
	int fd = (int)(intptr_t)*state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct logfile log;
		bool torn;

		assert_int_equal(ftruncate(fd, 0), 0);
		put(fd, cases[i].text);
		assert_int_equal(logfile_open(&log, fd, &torn), cases[i].left ? 0 : -EBADMSG);
		assert_holds(fd, cases[i].left ? cases[i].left : cases[i].text);
		if (!cases[i].left)
			continue;
		assert_int_equal(log.seq, cases[i].seq);
		assert_int_equal(log.size, strlen(cases[i].left));
		assert_int_equal(torn, cases[i].torn);
	}
}

/* Lines longer than what is read at once. */
static void test_open_long_lines(void **state)
{
	int fd = (int)(intptr_t)*state;
	struct logfile log;
	char *big = malloc(20001);
	bool torn;

	memset(big, 'x', 20000);
	big[20000] = '\0';
	for (int i = 1; i <= 3; i++)
		dprintf(fd, "{\"seq\": %d, \"%s\"}\n", i, big);
	put(fd, big);
	assert_int_equal(logfile_open(&log, fd, &torn), 0);
	assert_int_equal(log.seq, 4);
	assert_true(torn);
	free(big);
}

static void test_append(void **state)
{
	int fd = (int)(intptr_t)*state;
	struct logfile log;
	size_t kept;
	bool torn;

	assert_int_equal(logfile_open(&log, fd, &torn), 0);
	assert_int_equal(logfile_append(&log, LINE("1") LINE("2"), strlen(LINE("1") LINE("2")), 2, &kept), 0);
	assert_int_equal(kept, 2);
	assert_int_equal(log.seq, 3);
	assert_int_equal(logfile_sync(&log), 0);
	assert_holds(fd, LINE("1") LINE("2"));
}

/* The limit on the file's size stands for a full disk; it is tried at every byte of the batch. */
static void test_short_writes(void **state)
{
	static const char batch[] = LINE("1") LINE("2") LINE("3");
	const size_t line = strlen(LINE("1")), len = strlen(batch);
	int fd = (int)(intptr_t)*state;
	struct rlimit old, small;

	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	for (size_t room = 0; room < len; room++) {
		struct logfile log;
		size_t kept;
		bool torn;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(logfile_open(&log, fd, &torn), 0);
		small.rlim_cur = room;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(logfile_append(&log, batch, len, 3, &kept), -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(kept, room / line);
		assert_int_equal(log.seq, 1 + kept);
		assert_int_equal(log.size, kept * line);
		assert_int_equal(lseek(fd, 0, SEEK_END), kept * line);
		assert_int_equal(logfile_append(&log, LINE("9"), line, 1, &kept), 0);
		assert_int_equal(kept, 1);
	}
}

static void test_device_full(void **state)
{
	struct logfile log = {.fd = open("/dev/full", O_RDWR | O_APPEND), .seq = 1};
	size_t kept;

	(void)state;
	assert_int_equal(logfile_append(&log, LINE("1"), strlen(LINE("1")), 1, &kept), -ENOSPC);
	assert_int_equal(kept, 0);
	assert_int_equal(log.seq, 1);
	close(log.fd);
}

/* Where even the truncation fails nothing is glued to the torn line; it is taken back when that works again.
 */
static void test_stays_torn(void **state)
{
	int fd = (int)(intptr_t)*state, reader = open(path, O_RDONLY);
	struct logfile log = {.fd = fd, .seq = 2, .size = strlen(LINE("1")), .torn = true};
	size_t kept;

	put(fd, LINE("1") "{\"se");
	log.fd = reader; /* cannot be truncated */
	assert_int_equal(logfile_append(&log, LINE("2"), strlen(LINE("2")), 1, &kept), -EINVAL);
	assert_int_equal(kept, 0);
	log.fd = fd;
	assert_int_equal(logfile_append(&log, LINE("2"), strlen(LINE("2")), 1, &kept), 0);
	assert_holds(fd, LINE("1") LINE("2"));
	close(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, log_new, log_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),	 TEST(test_open_long_lines), TEST(test_append),
		TEST(test_short_writes), TEST(test_device_full),     TEST(test_stays_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
