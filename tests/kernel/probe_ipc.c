/* SPDX-License-Identifier: Apache-2.0 */
/* System V objects and keys: each call by itself, on an object that is named by its key or number. */
#include <errno.h>
#include <linux/keyctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

struct text {
	long type;
	char bytes[4];
};

union argument {
	int value;
	struct semid_ds *buffer;
	struct seminfo *info;
};

static int done_id(int id)
{
	detail("%d", id);
	return done(id);
}

static key_t key_of(char **w)
{
	return (key_t)strtol(w[1], NULL, 0);
}

static int do_shm_make(char **w)
{
	return done_id(shmget(key_of(w), 4096, IPC_CREAT | IPC_EXCL | 0666));
}

static int do_shm_get(char **w)
{
	return done_id(shmget(key_of(w), 4096, 0666));
}

static int do_shm_attach(char **w)
{
	void *at = shmat(atoi(w[1]), NULL, 0);

	return at == (void *)-1 ? -errno : done(shmdt(at));
}

static int shm_control(char **w, int cmd)
{
	struct shmid_ds ds;

	return done(shmctl(atoi(w[1]), cmd, &ds));
}

static int do_shm_stat(char **w)
{
	return shm_control(w, IPC_STAT);
}

static int do_shm_stat_index(char **w)
{
	return shm_control(w, SHM_STAT);
}

static int do_shm_stat_any(char **w)
{
	return shm_control(w, SHM_STAT_ANY);
}

static int do_shm_lock(char **w)
{
	return shm_control(w, SHM_LOCK);
}

static int do_shm_remove(char **w)
{
	return shm_control(w, IPC_RMID);
}

/* The highest index in use, by which SHM_STAT goes. */
static int do_shm_info(char **w)
{
	struct shm_info info;

	(void)w;
	return done_id(shmctl(0, SHM_INFO, (void *)&info));
}

static int do_shm_change(char **w)
{
	struct shmid_ds ds = {0};

	ds.shm_perm.uid = geteuid();
	ds.shm_perm.gid = getegid();
	ds.shm_perm.mode = 0666;
	return done(shmctl(atoi(w[1]), IPC_SET, &ds));
}

static int do_sem_make(char **w)
{
	return done_id(semget(key_of(w), 1, IPC_CREAT | IPC_EXCL | 0666));
}

static int do_sem_get(char **w)
{
	return done_id(semget(key_of(w), 1, 0666));
}

static int do_sem_op(char **w)
{
	struct sembuf up = {0, 1, IPC_NOWAIT};

	return done(semop(atoi(w[1]), &up, 1));
}

static int do_sem_value(char **w)
{
	return done(semctl(atoi(w[1]), 0, GETVAL));
}

static int do_sem_set(char **w)
{
	union argument a = {.value = 1};

	return done(semctl(atoi(w[1]), 0, SETVAL, a));
}

static int do_sem_stat(char **w)
{
	struct semid_ds ds;
	union argument a = {.buffer = &ds};

	return done(semctl(atoi(w[1]), 0, IPC_STAT, a));
}

static int do_sem_remove(char **w)
{
	return done(semctl(atoi(w[1]), 0, IPC_RMID));
}

static int do_msg_make(char **w)
{
	return done_id(msgget(key_of(w), IPC_CREAT | IPC_EXCL | 0666));
}

static int do_msg_get(char **w)
{
	return done_id(msgget(key_of(w), 0666));
}

static int do_msg_send(char **w)
{
	struct text text = {1, "abc"};

	return done(msgsnd(atoi(w[1]), &text, sizeof(text.bytes), IPC_NOWAIT));
}

static int do_msg_receive(char **w)
{
	struct text text;
	ssize_t n = msgrcv(atoi(w[1]), &text, sizeof(text.bytes), 0, IPC_NOWAIT);

	return n < 0 && errno == ENOMSG ? 0 : done(n);
}

static int do_msg_stat(char **w)
{
	struct msqid_ds ds;

	return done(msgctl(atoi(w[1]), IPC_STAT, &ds));
}

static int do_msg_remove(char **w)
{
	return done(msgctl(atoi(w[1]), IPC_RMID, NULL));
}

/* `sysv-churn N`: as many objects made and removed in a row. */
static int do_churn(char **w)
{
	for (int i = atoi(w[1]); i > 0; i--) {
		int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);

		if (id < 0 || semctl(id, 0, IPC_RMID))
			return -errno;
	}
	return 0;
}

/* ---- keys ---- */

static long keyctl(int op, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static int do_key_join(char **w)
{
	(void)w;
	return done(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
}

/* `key-add NAME RING` */
static int do_key_add(char **w)
{
	return done_id((int)syscall(SYS_add_key, "user", w[1], "secret", 6L, atoi(w[2])));
}

static int do_key_read(char **w)
{
	char text[64];

	return done(keyctl(KEYCTL_READ, atoi(w[1]), (long)text, sizeof(text), 0));
}

static int do_key_describe(char **w)
{
	char text[256];

	return done(keyctl(KEYCTL_DESCRIBE, atoi(w[1]), (long)text, sizeof(text), 0));
}

static int do_key_update(char **w)
{
	return done(keyctl(KEYCTL_UPDATE, atoi(w[1]), (long)"changed", 7, 0));
}

/* `key-link KEY RING` */
static int do_key_link(char **w)
{
	return done(keyctl(KEYCTL_LINK, atoi(w[1]), atoi(w[2]), 0, 0));
}

static int do_key_search(char **w)
{
	return done(keyctl(KEYCTL_SEARCH, atoi(w[2]), (long)"user", (long)w[1], 0));
}

static int do_key_request(char **w)
{
	return done(syscall(SYS_request_key, "user", w[1], NULL, 0L));
}

static int do_key_call_out(char **w)
{
	return done(syscall(SYS_request_key, "user", w[1], "information", 0L));
}

static int do_key_persistent(char **w)
{
	return done(keyctl(KEYCTL_GET_PERSISTENT, -1, atoi(w[1]), 0, 0));
}

const struct operation ipc_operations[] = {
	{"shm-make", 1, do_shm_make},
	{"shm-get", 1, do_shm_get},
	{"shm-attach", 1, do_shm_attach},
	{"shm-stat", 1, do_shm_stat},
	{"shm-stat-index", 1, do_shm_stat_index},
	{"shm-stat-any", 1, do_shm_stat_any},
	{"shm-lock", 1, do_shm_lock},
	{"shm-info", 0, do_shm_info},
	{"shm-change", 1, do_shm_change},
	{"shm-remove", 1, do_shm_remove},
	{"sem-make", 1, do_sem_make},
	{"sem-get", 1, do_sem_get},
	{"sem-op", 1, do_sem_op},
	{"sem-value", 1, do_sem_value},
	{"sem-set", 1, do_sem_set},
	{"sem-stat", 1, do_sem_stat},
	{"sem-remove", 1, do_sem_remove},
	{"msg-make", 1, do_msg_make},
	{"msg-get", 1, do_msg_get},
	{"msg-send", 1, do_msg_send},
	{"msg-receive", 1, do_msg_receive},
	{"msg-stat", 1, do_msg_stat},
	{"msg-remove", 1, do_msg_remove},
	{"sysv-churn", 1, do_churn},
	{"key-join", 0, do_key_join},
	{"key-add", 2, do_key_add},
	{"key-read", 1, do_key_read},
	{"key-describe", 1, do_key_describe},
	{"key-update", 1, do_key_update},
	{"key-link", 2, do_key_link},
	{"key-search", 2, do_key_search},
	{"key-request", 1, do_key_request},
	{"key-call-out", 1, do_key_call_out},
	{"key-persistent", 1, do_key_persistent},
	{0},
};
