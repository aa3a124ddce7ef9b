/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that was broken into: what it can make the warden do, and what not. The kernel side is played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/memfd.h"
#include "common/msg.h"
#include "daemon/own.h"
#include "daemon/records.h"
#include "daemon/warden.h"

/* ---- the kernel side ---- */

#define MAX_TTL 3600000000000ull

static unsigned *sweeps; /* shared with the warden's process */

int enforce_visit(struct enforce *e, int connection, enum visit_op op, struct visit *visit)
{
	(void)e, (void)connection, (void)op, (void)visit;
	return 0;
}

void own_ward_keys(struct enforce *e, const struct keystore *keys)
{
	(void)e, (void)keys;
}

int enforce_load(struct enforce *e, int memfd, const struct grant_terms *terms, uint32_t *slot, uint32_t *gen)
{
	(void)e, (void)memfd, (void)terms, (void)slot, (void)gen;
	return -ENOSPC;
}

int enforce_renew(struct enforce *e, uint32_t slot, uint32_t gen, uint64_t expires)
{
	(void)e, (void)slot, (void)gen, (void)expires;
	return -ESTALE;
}

int enforce_revoke(struct enforce *e, uint32_t slot, uint32_t gen, bool kill)
{
	(void)e, (void)slot, (void)gen, (void)kill;
	return -ENOENT;
}

int enforce_table(struct enforce *e, uint32_t slot, uint32_t gen, int *memfd)
{
	(void)e, (void)slot, (void)gen, (void)memfd;
	return -ENOENT;
}

int enforce_release(struct enforce *e, uint32_t slot, uint32_t gen)
{
	(void)e, (void)slot, (void)gen;
	return -ENOENT;
}

bool enforce_held(const struct enforce *e, uint32_t slot, uint32_t gen)
{
	(void)e;
	return slot == 1 && gen == 7;
}

void enforce_beat(const struct enforce *e)
{
	(void)e;
}

int enforce_running(struct enforce *e)
{
	(void)e;
	return 0;
}

int enforce_reap(struct enforce *e)
{
	(void)e;
	return 0;
}

void enforce_sweep(struct enforce *e)
{
	(void)e;
	++*sweeps;
}

uint64_t enforce_tagged(const struct enforce *e)
{
	(void)e;
	return 0;
}

/* ---- the warden, in a process of its own ---- */

struct play {
	char dir[64];
	int records, broker;
	pid_t pid;
};

static pid_t role(void)
{
	pid_t pid = fork();

	if (!pid) {
		alarm(60);
		pause();
		_exit(0);
	}
	return pid;
}

static void warden_play(int broker, int records)
{
	struct warden w = {.broker = broker, .records = records, .pass = -1, .max_ttl = MAX_TTL};
	sigset_t set;
	int r;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL); /* as main() has it */
	for (int i = 0; i < ROLES; i++)
		w.roles[i].pid = role();
	r = warden_run(&w);
	for (int i = 0; i < ROLES; i++)
		kill(w.roles[i].pid, SIGKILL);
	_exit(-r);
}

static int setup(void **state)
{
	struct play *p = calloc(1, sizeof(*p));
	int pair[2];

	strcpy(p->dir, "/tmp/deputy-warden-XXXXXX");
	sweeps = mmap(NULL, sizeof(*sweeps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(p->dir) || (p->records = records_open(p->dir)) < 0 || sweeps == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	p->pid = fork();
	if (!p->pid) {
		close(pair[1]);
		warden_play(pair[0], p->records);
	}
	close(pair[0]);
	p->broker = pair[1];
	*state = p;
	return p->pid < 0;
}

/* How the warden ended within five seconds; -1: it goes on. */
static int warden_ended(struct play *p)
{
	int status;

	for (int i = 0; i < 100 && p->pid; i++) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
		}
		usleep(50000);
	}
	return -1;
}

static int teardown(void **state)
{
	struct play *p = *state;
	char path[128];

	close(p->broker);
	if (p->pid && warden_ended(p) < 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	unlinkat(p->records, "1-7", 0);
	snprintf(path, sizeof(path), "%s/records", p->dir);
	close(p->records);
	rmdir(path);
	munmap(sweeps, sizeof(*sweeps));
	rmdir(p->dir);
	free(p);
	return 0;
}

static int ask_until(struct play *p, enum warden_op op, uint64_t expires, int fd)
{
	struct warden_request q = {.op = op, .slot = 1, .gen = 7, .expires = expires};
	struct warden_reply a = {0};

	assert_int_equal(msg_send(p->broker, &q, sizeof(q), fd), 0);
	assert_int_equal(msg_recv(p->broker, &a, sizeof(a), NULL), 0);
	return a.error;
}

static int ask(struct play *p, enum warden_op op, int fd)
{
	return ask_until(p, op, 0, fd);
}

/* ---- what it is asked ---- */

/* Answers that nobody takes would hold it up, and with it the ends of grants that time brings: it stops,
 * which leaves all that is enforced. */
static void deaf(void **state)
{
	struct warden_request q = {.op = WARDEN_REVOKE, .slot = 1, .gen = 7};
	struct play *p = *state;

	assert_int_equal(ask(p, WARDEN_REVOKE, -1), -ENOENT); /* one who takes them is served */
	for (int i = 0; i < 100000; i++)
		if (send(p->broker, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
	assert_int_equal(warden_ended(p), EAGAIN);
}

/* A file of another file system may take for ever to be read. */
static void sealed(void **state)
{
	struct play *p = *state;
	unsigned before;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/file", p->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	unlink(path);
	assert_int_equal(write(fd, "record", 6), 6);
	assert_int_equal(ask(p, WARDEN_RECORD, fd), -EPERM);
	close(fd);
	fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(fd, "record", 6), 6);
	assert_int_equal(ask(p, WARDEN_RECORD, fd), -EPERM);
	close(fd);
	assert_int_equal(faccessat(p->records, "1-7", F_OK, 0), -1);
	assert_int_equal(memfd_sealed("record", "record", 6, &fd), 0);
	assert_int_equal(ask(p, WARDEN_RECORD, fd), 0);
	close(fd);
	assert_int_equal(faccessat(p->records, "1-7", F_OK, 0), 0);
	before = *(volatile unsigned *)sweeps;
	usleep(500000);
	assert_true(*(volatile unsigned *)sweeps > before);
}

/* The kernel side is asked, and has its own reasons, only for a life that the host allows. */
static void lasting(void **state)
{
	uint64_t now = clock_boottime();
	struct play *p = *state;
	int fd = memfd_create("table", MFD_CLOEXEC);

	assert_int_equal(ask_until(p, WARDEN_LOAD, now + MAX_TTL, fd), -ENOSPC);
	assert_int_equal(ask_until(p, WARDEN_LOAD, now + 2 * MAX_TTL, fd), -ERANGE);
	assert_int_equal(ask_until(p, WARDEN_LOAD, UINT64_MAX, fd), -ERANGE);
	assert_int_equal(ask_until(p, WARDEN_RENEW, now + MAX_TTL, -1), -ESTALE);
	assert_int_equal(ask_until(p, WARDEN_RENEW, now + 2 * MAX_TTL, -1), -ERANGE);
	close(fd);
}

static void unknown(void **state)
{
	struct warden_request q = {.op = WARDEN_OPS};
	struct play *p = *state;

	assert_int_equal(msg_send(p->broker, &q, sizeof(q), -1), 0);
	assert_int_equal(warden_ended(p), EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deaf, setup, teardown),
		cmocka_unit_test_setup_teardown(sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(lasting, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown, setup, teardown),
	};

	return cmocka_run_group_tests_name("warden", tests, NULL, NULL);
}
