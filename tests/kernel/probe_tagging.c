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

static int visit_tag(int connection, __u32 slot, __u32 gen)
{
	union bpf_attr attr = {.iter_create = {.link_fd = (__u32)link_fd}};
	int iter = bpf(BPF_ITER_CREATE, &attr);
	char drain[64];
	ssize_t n;

	if (iter < 0)
		return -errno;
	*visit = (struct visit){
		.op = VISIT_TAG, .fd = (__u32)connection, .slot = slot, .gen = gen, .error = -ESRCH};
	while ((n = read(iter, drain, sizeof(drain))) > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
		;
	close(iter);
	return visit->done ? visit->error : -ENOENT;
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

static int target_race(int listener, __u32 slot, __u32 gen, unsigned long *tries)
{
	pid_t pid = (shared->decided = UNDECIDED, fork());
	int fd, err, status;

	if (!pid)
		target_run(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
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

const struct operation tagging_operations[] = {{"race-tag", 3, do_tag}, {0}};
