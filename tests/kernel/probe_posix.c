/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues and shared memory: what has a name and is used by descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

#define SIZE 4096

/* "r", "w" or "rw" */
static int mode_of(const char *word)
{
	if (word[0] == 'w')
		return O_WRONLY;
	return word[1] == 'w' ? O_RDWR : O_RDONLY;
}

/* ---- queues ---- */

static int queue_send(mqd_t q)
{
	return done(mq_send(q, "message", 7, 0));
}

/* Takes it out again: for the next one there is room, and something there for who only takes. */
static int queue_exchange(mqd_t q)
{
	char text[8];

	return queue_send(q) ?: done(mq_receive(q, text, sizeof(text), NULL));
}

static int queue_receive(mqd_t q)
{
	char text[8];

	return done(mq_receive(q, text, sizeof(text), NULL));
}

static int queue_state(mqd_t q)
{
	struct mq_attr attr;

	return done(mq_getattr(q, &attr));
}

static int queue_notify(mqd_t q)
{
	const struct sigevent e = {.sigev_notify = SIGEV_NONE};

	return done(mq_notify(q, &e) ?: mq_notify(q, NULL));
}

static int queue_stat(mqd_t q)
{
	struct stat st;

	return done(fstat(q, &st));
}

static const struct use {
	const char *name;
	int (*run)(mqd_t q);
} uses[] = {
	{"send", queue_send},	{"receive", queue_receive}, {"exchange", queue_exchange},
	{"state", queue_state}, {"notify", queue_notify},   {"stat", queue_stat},
};

static int queue_use(mqd_t q, const char *name)
{
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (!strcmp(uses[i].name, name))
			return uses[i].run(q);
	return -ENOSYS;
}

/* mq-use NAME MODE USE */
static int do_mq_use(char **w)
{
	mqd_t q = mq_open(w[1], mode_of(w[2]) | O_NONBLOCK);
	int ret = q < 0 ? -errno : queue_use(q, w[3]);

	if (q >= 0)
		mq_close(q);
	return ret;
}

/* mq-fd FD USE */
static int do_mq_fd(char **w)
{
	return queue_use(atoi(w[1]), w[2]);
}

/* mq-received SOCKET USE */
static int do_mq_received(char **w)
{
	int fd = fd_from(w[1]), ret = fd < 0 ? fd : queue_use(fd, w[2]);

	if (fd >= 0)
		close(fd);
	return ret;
}

/* mq-hold NAME: open from now on; its number is the detail. */
static int do_mq_hold(char **w)
{
	mqd_t q = mq_open(w[1], O_RDWR | O_NONBLOCK);

	detail("%d", q);
	return done(q);
}

static int do_mq_create(char **w)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	mqd_t q = mq_open(w[1], O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
	int ret = done(q);

	if (q >= 0)
		mq_close(q);
	return ret;
}

static int do_mq_open(char **w)
{
	mqd_t q = mq_open(w[1], O_RDWR | O_NONBLOCK);
	int ret = done(q);

	if (q >= 0)
		mq_close(q);
	return ret;
}

static int do_mq_unlink(char **w)
{
	return done(mq_unlink(w[1]));
}

/* ---- shared memory ---- */

/* Maps it as it is open and, if it may, writes there. */
static int memory_use(int fd, int mode)
{
	int prot = mode == O_RDONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	volatile char *at = mmap(NULL, SIZE, prot, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	if (mode == O_RDWR)
		*at = 1;
	else
		(void)*at;
	return done(munmap((void *)at, SIZE));
}

/* shm-open NAME MODE */
static int do_shm_open(char **w)
{
	int mode = mode_of(w[2]), fd = shm_open(w[1], mode, 0), ret = fd < 0 ? -errno : memory_use(fd, mode);

	close(fd);
	return ret;
}

static int do_shm_create(char **w)
{
	int fd = shm_open(w[1], O_RDWR | O_CREAT | O_EXCL, 0600);
	int ret = fd < 0 ? -errno : done(ftruncate(fd, SIZE)) ?: memory_use(fd, O_RDWR);

	close(fd);
	return ret;
}

static int do_shm_unlink(char **w)
{
	return done(shm_unlink(w[1]));
}

/* shm-fd FD MODE */
static int do_shm_fd(char **w)
{
	return memory_use(atoi(w[1]), mode_of(w[2]));
}

/* shm-received SOCKET MODE */
static int do_shm_received(char **w)
{
	int fd = fd_from(w[1]), ret = fd < 0 ? fd : memory_use(fd, mode_of(w[2]));

	if (fd >= 0)
		close(fd);
	return ret;
}

const struct operation posix_operations[] = {
	{"mq-use", 3, do_mq_use},
	{"mq-fd", 2, do_mq_fd},
	{"mq-received", 2, do_mq_received},
	{"mq-hold", 1, do_mq_hold},
	{"mq-create", 1, do_mq_create},
	{"mq-open", 1, do_mq_open},
	{"mq-unlink", 1, do_mq_unlink},
	{"shm-open", 2, do_shm_open},
	{"shm-create", 1, do_shm_create},
	{"shm-unlink", 1, do_shm_unlink},
	{"shm-fd", 2, do_shm_fd},
	{"shm-received", 2, do_shm_received},
	{0},
};
