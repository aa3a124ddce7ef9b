/* SPDX-License-Identifier: Apache-2.0 */
/* One call over and over, each looked at by the phase in which it began and ended. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"
#include "probe_race.h"

struct race *race_map(const char *fd)
{
	void *at = mmap(NULL, RACE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(fd), 0);

	return at == MAP_FAILED ? NULL : at;
}

/* What each kind works with; made before anything is cut. */
static int file = -1, pair[2], pipes[2], udp, dgram;
static char mine[64], other[64], dir[64];

static int race_open(void)
{
	return done_fd(open("tree/a", O_RDONLY | O_CLOEXEC));
}

static int race_never(void)
{
	return done_fd(open("none/a", O_RDONLY | O_CLOEXEC));
}

/* In a directory that others move. */
static int race_here(void)
{
	return done_fd(open("f", O_RDONLY | O_CLOEXEC));
}

static int race_read(void)
{
	char c;

	return done(pread(file, &c, 1, 0));
}

static int race_write(void)
{
	return done(pwrite(file, "x", 1, 0));
}

static int create_new(void)
{
	return done_fd(open(mine, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644));
}

/* What was made just before a cut could not be removed after it: then removing it is what is tried. */
static int race_create(void)
{
	int ret = create_new();

	if (ret == -EEXIST)
		ret = done(unlink(mine)) ?: create_new();
	if (!ret)
		unlink(mine);
	return ret;
}

static int race_unlink(void)
{
	int ret = done(unlink(mine));

	if (ret == -ENOENT || !ret)
		close(open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	return ret;
}

static int race_rename(void)
{
	static int turn;
	int ret = done(turn ? rename(other, mine) : rename(mine, other));

	turn ^= !ret || ret == -ENOENT;
	return ret;
}

static int race_mkdir(void)
{
	int ret = done(mkdir(dir, 0755));

	if (ret == -EEXIST)
		ret = done(rmdir(dir)) ?: done(mkdir(dir, 0755));
	if (!ret)
		rmdir(dir);
	return ret;
}

static int race_stat(void)
{
	struct stat st;

	return done(stat("tree/a", &st));
}

static int race_chmod(void)
{
	return done(chmod(mine, 0644));
}

static int race_truncate(void)
{
	return done(ftruncate(file, 4));
}

/* Nobody listens: what the kernel was let do ends so. */
static int race_connect(void)
{
	struct sockaddr_in to = {AF_INET, htons(7001), {htonl(INADDR_LOOPBACK)}, {0}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	ret = done(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	close(fd);
	return ret == -ECONNREFUSED ? 0 : ret;
}

static int race_udp(void)
{
	struct sockaddr_in to = {AF_INET, htons(7001), {htonl(INADDR_LOOPBACK)}, {0}};
	int ret = done(sendto(udp, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)));

	return ret == -ECONNREFUSED ? 0 : ret;
}

static int race_send(void)
{
	int ret = done(send(pair[0], "x", 1, MSG_DONTWAIT));

	return ret == -EAGAIN ? 0 : ret; /* full, which is asked for after the grant */
}

static int race_recv(void)
{
	char c;
	int ret = done(recv(pair[1], &c, 1, MSG_DONTWAIT));

	return ret == -EAGAIN ? 0 : ret;
}

static int race_pipe(void)
{
	char c;
	int ret = done(write(pipes[1], "x", 1)), got = ret ? ret : done(read(pipes[0], &c, 1));

	return ret == -EAGAIN ? done(read(pipes[0], &c, 1)) : got == -EAGAIN ? 0 : got;
}

/* To a stranger's socket, which has a rule. */
static int race_unix(void)
{
	struct sockaddr_un to = {AF_UNIX, "sockets/allowed-race"};
	int ret = done(sendto(dgram, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)));

	return ret == -EAGAIN ? 0 : ret;
}

static int race_socket(void)
{
	return done_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int race_code(void)
{
	int fd = open("bin/probe", O_RDONLY | O_CLOEXEC), ret;
	void *at;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ret = at == MAP_FAILED ? -errno : munmap(at, 4096);
	close(fd);
	return ret;
}

static int race_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -errno : done(waitpid(pid, NULL, 0));
}

/* The program ends at once: it cannot answer. */
static int race_exec(void)
{
	static char *argv[] = {"probe", "ids", NULL};
	volatile int err = 0;
	pid_t pid = vfork();

	if (!pid) {
		close(STDOUT_FILENO);
		execv("bin/probe", argv);
		err = -errno;
		_exit(0);
	}
	return pid < 0 ? -errno : done(waitpid(pid, NULL, 0)) ?: err;
}

/* A ring that cannot have a worker says that all was cancelled. */
static int race_ring(void)
{
	struct io_uring_sqe sqe = {.opcode = IORING_OP_READ, .fd = file, .len = 1};
	static char c;
	int ret;

	sqe.addr = (uintptr_t)&c;
	ret = ring_run(&sqe);
	return ret == -ECANCELED ? -EPERM : ret;
}

static const struct kind {
	const char *name;
	int (*call)(void);
} kinds[] = {
	{"open", race_open},	     {"read", race_read},	{"write", race_write},
	{"create", race_create},     {"unlink", race_unlink},	{"rename", race_rename},
	{"mkdir", race_mkdir},	     {"stat", race_stat},	{"chmod", race_chmod},
	{"truncate", race_truncate}, {"connect", race_connect}, {"udp", race_udp},
	{"send", race_send},	     {"recv", race_recv},	{"pipe", race_pipe},
	{"unix", race_unix},	     {"socket", race_socket},	{"code", race_code},
	{"fork", race_fork},	     {"exec", race_exec},	{"ring", race_ring},
	{"never", race_never},	     {"here", race_here},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) <= RACE_KINDS, "a tally each");

static int race_prepare(const struct kind *k)
{
	snprintf(mine, sizeof(mine), "tree/race-%s", k->name);
	snprintf(other, sizeof(other), "tree/race-%s-2", k->name);
	snprintf(dir, sizeof(dir), "tree/race-%s-dir", k->name);
	file = open(mine, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	dgram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (file < 0 || dgram < 0 || write(file, "data", 4) != 4)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if (k->call == race_here)
		return done(chdir("tree/storm/d"));
	return k->call == race_ring ? ring_open() : 0;
}

static void race_count(struct race_tally *t, int ret, uint64_t before, uint64_t after)
{
	int within = before == after ? (int)(before % PHASES) : PHASE_CHANGE;

	t->calls++;
	if (!ret) {
		t->passed++;
		t->late += within == PHASE_REFUSED;
	} else if (ret == -EPERM || ret == -EACCES) {
		t->refused++;
		t->lost += within == PHASE_ALLOWED;
	} else {
		t->other++;
		t->last = ret;
	}
}

static int race_run(struct race *r, const struct kind *k)
{
	struct race_tally *t = &r->kinds[k - kinds];
	int err = race_prepare(k);

	__atomic_fetch_add(&r->running, 1, __ATOMIC_SEQ_CST);
	while (!err && !__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		uint64_t before = __atomic_load_n(&r->phase, __ATOMIC_SEQ_CST);
		int ret = k->call();

		race_count(t, ret, before, __atomic_load_n(&r->phase, __ATOMIC_SEQ_CST));
	}
	return err;
}

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

/* race FD KIND...: a process for each, until what cuts says stop. All must be known and able. */
static int do_race(char **w)
{
	struct race *r = race_map(w[1]);
	int failed = 0, status, count = 0;

	if (!r)
		return -errno;
	for (char **name = w + 2; *name; name++, count++) {
		const struct kind *k = kind_find(*name);
		pid_t pid = k ? fork() : -1;

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(-race_run(r, k));
		}
		failed |= pid < 0;
	}
	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED))
		usleep(20000);
	while (wait(&status) > 0)
		failed |= status;
	detail("%d %x", count, failed);
	return failed ? -ECHILD : 0;
}

/* race-tally FD KIND: calls passed refused late lost other last. */
static int do_tally(char **w)
{
	const struct race *r = race_map(w[1]);
	const struct kind *k = kind_find(w[2]);
	const struct race_tally *t;

	if (!r || !k)
		return -EINVAL;
	t = &r->kinds[k - kinds];
	detail("%lu %lu %lu %lu %lu %lu %ld", t->calls, t->passed, t->refused, t->late, t->lost, t->other,
	       -t->last);
	return 0;
}

const struct operation race_operations[] = {
	{"race", 2, do_race},
	{"race-tally", 2, do_tally},
	{0},
};
