/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that makes threads all the time while it is tagged, over and over. The tag is put on by the
 * program of the daemon that does so, without the daemon: whoever is root finds both it and the memory in
 * which it is told what to do. A tag that was put on binds every thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../bpf/abi.h"
#include "probe.h"

#define SPINS 20000

enum { UNDECIDED, TAGGED, REFUSED };

struct shared {
	int decided;
	unsigned long threads, bound, leaked;
};

static struct shared *shared;
static struct visit *visit;
static int program = -1, link_fd = -1;

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int object_next(int next, int open, __u32 *id)
{
	union bpf_attr attr = {.start_id = *id};

	if (bpf(next, &attr))
		return -1;
	*id = attr.next_id;
	attr = (union bpf_attr){.prog_id = *id};
	return bpf(open, &attr);
}

static int program_info(int fd, struct bpf_prog_info *info)
{
	union bpf_attr attr = {
		.info = {.bpf_fd = (__u32)fd, .info_len = sizeof(*info), .info = (uintptr_t)info}};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* The youngest of that name; one of an older build may still be there. */
static int program_find(void)
{
	__u32 id = 0;
	int fd;

	while ((fd = object_next(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, &id)) >= 0) {
		struct bpf_prog_info info = {0};

		if (program_info(fd, &info) ||
		    strncmp(info.name, "visit_connection", sizeof(info.name) - 1)) {
			close(fd);
			continue;
		}
		if (program >= 0)
			close(program);
		program = fd;
	}
	return program < 0 ? -ENOENT : 0;
}

/* Its .bss, in which struct visit is all there is. */
static int visit_find(void)
{
	__u32 ids[32] = {0};
	struct bpf_prog_info info = {.nr_map_ids = 32, .map_ids = (uintptr_t)ids};

	if (program_info(program, &info))
		return -errno;
	for (__u32 i = 0; i < info.nr_map_ids && i < 32; i++) {
		struct bpf_map_info map = {0};
		union bpf_attr attr = {.map_id = ids[i]};
		int fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);

		attr = (union bpf_attr){
			.info = {.bpf_fd = (__u32)fd, .info_len = sizeof(map), .info = (uintptr_t)&map}};
		if (fd >= 0 && !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && strstr(map.name, ".bss"))
			visit = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	return visit && (void *)visit != MAP_FAILED ? 0 : -ENOENT;
}

static int visits_open(void)
{
	union bpf_iter_link_info self = {.task = {.tid = (__u32)gettid()}};
	union bpf_attr attr = {0};
	int err = program_find() ?: visit_find();

	if (err)
		return err;
	attr.link_create.prog_fd = (__u32)program;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	attr.link_create.iter_info = (uintptr_t)&self;
	attr.link_create.iter_info_len = sizeof(self);
	link_fd = bpf(BPF_LINK_CREATE, &attr);
	return link_fd < 0 ? -errno : 0;
}

static int visit_run(const struct visit *v)
{
	union bpf_attr attr = {.iter_create = {.link_fd = (__u32)link_fd}};
	int iter = bpf(BPF_ITER_CREATE, &attr);
	char drain[64];
	ssize_t n;

	if (iter < 0)
		return -errno;
	*visit = *v;
	while ((n = read(iter, drain, sizeof(drain))) > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		;
	close(iter);
	return visit->done ? visit->error : -ENOENT;
}

static int visit_tag(int connection, __u32 slot, __u32 gen)
{
	const struct visit v = {
		.op = VISIT_TAG, .fd = (__u32)connection, .slot = slot, .gen = gen, .error = -ESRCH};

	return visit_run(&v);
}

/* ward FILE START: makes it Deputy's own, as the daemon does that started last. */
static int do_ward(char **w)
{
	int fd = open(w[1], O_PATH | O_CLOEXEC), err = fd < 0 ? -errno : visits_open();
	const struct visit v = {.op = VISIT_WARD,
				.fd = (__u32)fd,
				.ward = {.self = WARD_ALL, .ward = (__u32)strtoul(w[2], NULL, 10)}};

	err = err ?: visit_run(&v);
	close(fd);
	return err;
}

/* Looks once it is known how the process stands. */
static void bound_check(void)
{
	int fd = open("none/a", O_RDONLY | O_CLOEXEC);

	__atomic_fetch_add(fd < 0 ? &shared->bound : &shared->leaked, 1, __ATOMIC_SEQ_CST);
	if (fd >= 0)
		close(fd);
}

static void *thread_check(void *arg)
{
	volatile int *decided = &shared->decided;

	for (int i = 0; i < SPINS && *decided == UNDECIDED; i++)
		;
	if (*decided == TAGGED)
		bound_check();
	return arg;
}

/* Threads until it is tagged, or killed for a thread that found no room. */
static void target_run(int listener)
{
	struct sockaddr_un to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	volatile int *decided = &shared->decided;

	if (fd < 0 || getsockname(listener, (struct sockaddr *)&to, &len) ||
	    connect(fd, (struct sockaddr *)&to, len))
		_exit(2);
	while (*decided == UNDECIDED) {
		pthread_t t;

		if (!pthread_create(&t, NULL, thread_check, NULL)) {
			shared->threads++;
			pthread_join(t, NULL);
		}
	}
	if (*decided == TAGGED)
		bound_check();
	_exit(0);
}

#define SHARED_FD     100 /* what is kept through executing: the memory, and the connection */
#define CONNECTION_FD 101

/* Executes itself once more, in the place of the whole process. */
static void *step_exec(void *way)
{
	execl("/proc/self/exe", "probe", "race-exec-step", (char *)way, NULL);
	_exit(5);
}

/* race-exec-step WAY: over and over until it is decided; by the first thread, or by another. */
static int do_exec_step(char **w)
{
	pthread_t t;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		_exit(4);
	__atomic_fetch_add(&shared->threads, 1, __ATOMIC_SEQ_CST);
	switch (__atomic_load_n(&shared->decided, __ATOMIC_SEQ_CST)) {
	case TAGGED:
		bound_check();
		_exit(0);
	case REFUSED:
		_exit(0);
	}
	if (strcmp(w[1], "thread"))
		step_exec(w[1]);
	if (pthread_create(&t, NULL, step_exec, w[1]))
		_exit(6);
	for (;;)
		pause();
}

static const char *exec_way; /* NULL: threads */

static void target_exec(int listener)
{
	struct sockaddr_un to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || getsockname(listener, (struct sockaddr *)&to, &len) ||
	    connect(fd, (struct sockaddr *)&to, len) || dup2(fd, CONNECTION_FD) < 0)
		_exit(2);
	close(fd);
	step_exec((char *)exec_way);
}

static int target_race(int listener, __u32 slot, __u32 gen, unsigned long *tries)
{
	pid_t pid = (shared->decided = UNDECIDED, fork());
	int fd, err, status;

	if (!pid)
		exec_way ? target_exec(listener) : target_run(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (exec_way)
		usleep((useconds_t)(*tries % 16) * 1000); /* now in this part of executing, now in that */
	do {
		err = visit_tag(fd, slot, gen);
		++*tries;
	} while (err == -EBUSY || err == -EMLINK); /* a thread that is being born has its descriptors first */
	__atomic_store_n(&shared->decided, err ? REFUSED : TAGGED, __ATOMIC_SEQ_CST);
	waitpid(pid, &status, 0);
	close(fd);
	return err ?: status ? -ECHILD : 0;
}

/* race-tag SLOT GEN ROUNDS: visits rounds threads bound leaked */
static int do_tag(char **w)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = visits_open();
	unsigned long rounds = 0, most = strtoul(w[3], NULL, 10), tries = 0;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (err || listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof(any.sun_family)) ||
	    listen(listener, 1))
		return err ?: -errno;
	for (; tries < most && !err; rounds++)
		err = target_race(listener, (__u32)atoi(w[1]), (__u32)atoi(w[2]), &tries);
	detail("%lu %lu %lu %lu %lu", tries, rounds, shared->threads, shared->bound, shared->leaked);
	return err;
}

/*
 * race-exec WAY SLOT GEN ROUNDS: rounds refused execs bound leaked. A process that executes while it is
 * tagged is tagged by the end, or it is said that it is not: one whose first thread was just being replaced
 * is gone (ESRCH).
 */
static int do_race_exec(char **w)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err = visits_open();
	int fd = memfd_create("race", 0);
	unsigned long rounds = strtoul(w[4], NULL, 10), tries = 0, refused = 0;

	if (err || listener < 0 || fd < 0 || dup2(fd, SHARED_FD) < 0 || ftruncate(SHARED_FD, 4096) ||
	    bind(listener, (struct sockaddr *)&any, sizeof(any.sun_family)) || listen(listener, 1))
		return err ?: -errno;
	close(fd);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	exec_way = w[1];
	for (unsigned long i = 0; i < rounds && !err; i++) {
		err = target_race(listener, (__u32)atoi(w[2]), (__u32)atoi(w[3]), &tries);
		refused += err == -ESRCH;
		if (err == -ESRCH)
			err = 0;
	}
	exec_way = NULL;
	close(SHARED_FD);
	detail("%lu %lu %lu %lu %lu", rounds, refused, shared->threads, shared->bound, shared->leaked);
	return err;
}

/*
 * answered FD FILE: what executing found of a request that was sent before: the answer's status, and whether
 * the file opens once it is there.
 */
static int do_answered(char **w)
{
	char text[256] = "";
	size_t have = 0;
	ssize_t n = 1;

	while (n > 0 && have < sizeof(text) - 1 && !strstr(text, "\r\n")) {
		n = read(atoi(w[1]), text + have, sizeof(text) - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	}
	detail("%.3s", have > 12 ? text + 9 : "-");
	return done_fd(open(w[2], O_RDONLY | O_CLOEXEC));
}

const struct operation tagging_operations[] = {
	{"race-tag", 3, do_tag},	{"ward", 2, do_ward},
	{"race-exec", 4, do_race_exec}, {"race-exec-step", 1, do_exec_step},
	{"answered", 2, do_answered},	{0}};
