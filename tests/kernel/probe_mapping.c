/* SPDX-License-Identifier: Apache-2.0 */
/* Files in memory: what is done there asks the kernel for nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

#define SIZE 4096

static volatile unsigned long *volatile map; /* the last one made */

static const struct way {
	const char *name;
	int open, prot, flags;
} ways[] = {
	{"shared-write", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED},
	{"shared-later", O_RDWR, PROT_READ, MAP_SHARED}, /* mprotect(2) can make it writable */
	{"shared-valid", O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE},
	{"shared-read", O_RDONLY, PROT_READ, MAP_SHARED},
	{"private", O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE},
	{0},
};

/* map WAY FILE: the descriptor is closed again. */
static int do_map(char **w)
{
	const struct way *way = ways;
	int fd, err;

	while (way->name && strcmp(way->name, w[1]))
		way++;
	fd = way->name ? open(w[2], way->open | O_CLOEXEC) : -1;
	if (fd < 0)
		return way->name ? -errno : -EINVAL;
	map = mmap(NULL, SIZE, way->prot, way->flags, fd, 0);
	err = map == MAP_FAILED ? -errno : 0;
	close(fd);
	return err;
}

/* map-memory: of no file in any place. */
static int do_memory(char **w)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	(void)w;
	if (fd < 0 || ftruncate(fd, SIZE))
		return -errno;
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map == MAP_FAILED ? -errno : done(close(fd));
}

/* map-packets HOW: a packet socket's ring, into which all that passes comes unasked; shared or private. */
static int do_packets(char **w)
{
	struct tpacket_req ring = {
		.tp_block_size = SIZE, .tp_block_nr = 1, .tp_frame_size = SIZE / 2, .tp_frame_nr = 2};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		return -errno;
	map = mmap(NULL, SIZE, PROT_READ, strcmp(w[1], "private") ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	return map == MAP_FAILED ? -errno : 0;
}

static int do_write(char **w)
{
	*map = strtoul(w[1], NULL, 10);
	return 0;
}

static int spin(void *from)
{
	while (!map)
		;
	for (;;)
		++*map;
	return from != NULL;
}

static void *spin_thread(void *from)
{
	spin(from);
	return NULL;
}

/* map-spin WHO: counts up what is mapped, or will be, for ever: a fork, a thread, or another process in the
 * same memory; its number is the detail. */
static int do_spin(char **w)
{
	static char stack[65536];
	pthread_t thread;
	pid_t pid;

	if (!strcmp(w[1], "thread"))
		return -pthread_create(&thread, NULL, spin_thread, NULL);
	if (!strcmp(w[1], "fork"))
		pid = fork();
	else
		pid = clone(spin, stack + sizeof(stack) - 64, CLONE_VM | SIGCHLD, NULL);
	if (!pid)
		spin(NULL);
	detail("%d", pid);
	return done(pid);
}

/* Another program in the place of this one, which goes on answering: nobody answers this. */
static int do_renew(char **w)
{
	char *argv[] = {"probe", NULL};

	(void)w;
	execv("/proc/self/exe", argv);
	return -errno;
}

const struct operation mapping_operations[] = {
	{"map", 2, do_map},
	{"map-memory", 0, do_memory},
	{"map-write", 1, do_write},
	{"map-spin", 1, do_spin},
	{"renew", 0, do_renew},
	{"map-packets", 1, do_packets},
	{0},
};
