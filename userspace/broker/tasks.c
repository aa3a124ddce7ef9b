/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tasks.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/http.h"
#include "broker/issued.h"
#include "broker/warden_client.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static bool pidfd_alive(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

bool task_alive(const struct task *t)
{
	return pidfd_alive(t->pidfd);
}

/*
 * Before Linux 6.5 by its number. The warden finds the process by the socket: if it is there and has that
 * number after the pidfd was opened, then the number was nobody else's when it was.
 */
static int pidfd_by_number(const struct exchange *x, pid_t pid, int *pidfd)
{
	struct warden_peer peer;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), err;

	if (fd < 0)
		return -errno;
	err = warden_peer(FD_WARDEN, x->peer->fd, &peer);
	if (!err && peer.tgid != (uint32_t)pid)
		err = -ESRCH;
	if (err)
		close(fd);
	else
		*pidfd = fd;
	return err;
}

static int pidfd_of(const struct exchange *x, pid_t *pid, int *pidfd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), size = sizeof(*pidfd);

	if (getsockopt(x->peer->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*pid = cred.pid;
	if (getsockopt(x->peer->fd, SOL_SOCKET, SO_PEERPIDFD, pidfd, &size) == 0)
		return 0;
	return errno == ENOPROTOOPT ? pidfd_by_number(x, cred.pid, pidfd) : -errno;
}

/* ---- on whose account ---- */

struct task_payer {
	const char *root; /* as in struct task */
	uid_t uid;
};

static struct task_payer task_payer(const struct exchange *x, const struct grant *own)
{
	struct task_payer p = {"", own ? own->uid : x->caller.uid};

	for (; own; own = own->above)
		p.root = own->id;
	return p;
}

static bool task_is_of(const struct task *t, const struct task_payer *p)
{
	return t->uid == p->uid && strcmp(t->root, p->root) == 0;
}

/* Few enough to count them. Root himself, under no grant, has what there is. */
static bool tasks_full(const struct broker *b, const struct task_payer *p)
{
	unsigned all = 0, owner = 0, agent = 0;
	const struct task *t;

	LIST_FOREACH (t, &b->tasks, next) {
		all++;
		owner += t->uid == p->uid;
		agent += task_is_of(t, p);
	}
	return all >= TASKS_WATCHED || (*p->root && agent >= TASKS_PER_GRANT) ||
	       ((*p->root || p->uid) && owner >= TASKS_PER_OWNER);
}

/* ---- watched ---- */

static int task_ended(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct task *t = arg;

	(void)s;
	(void)fd;
	(void)events;
	issued_end_task(t->broker, t); /* frees it */
	return 0;
}

static void task_free(struct task *t)
{
	sd_event_source_disable_unref(t->exit);
	close(t->pidfd);
	free(t);
}

static int task_watch(struct exchange *x, const struct task_payer *p, pid_t pid, int pidfd,
		      struct task **task)
{
	struct broker *b = x->broker;
	struct task *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		close(pidfd);
		return -ENOMEM;
	}
	*t = (struct task){.broker = b, .pid = pid, .pidfd = pidfd, .uid = p->uid};
	text_copy(t->root, sizeof(t->root), p->root);
	LIST_INIT(&t->tokens);
	err = sd_event_add_io(b->event, &t->exit, pidfd, EPOLLIN, task_ended, t);
	if (err < 0) {
		task_free(t);
		return err;
	}
	LIST_INSERT_HEAD(&b->tasks, t, next);
	*task = t;
	return 0;
}

/* While its pidfd tells of no end, a process' number is nobody else's. */
static struct task *task_known(const struct broker *b, const struct task_payer *p, pid_t pid)
{
	struct task *t;

	LIST_FOREACH (t, &b->tasks, next)
		if (t->pid == pid && task_is_of(t, p) && task_alive(t))
			return t;
	return NULL;
}

int task_of(struct exchange *x, const struct grant *own, struct task **task)
{
	const struct task_payer payer = task_payer(x, own);
	struct task *known;
	int pidfd, err;
	pid_t pid;

	err = pidfd_of(x, &pid, &pidfd);
	if (err)
		return err;
	known = pid ? task_known(x->broker, &payer, pid) : NULL;
	if (!known && pidfd_alive(pidfd) && !tasks_full(x->broker, &payer))
		return task_watch(x, &payer, pid, pidfd, task);
	err = !pidfd_alive(pidfd) ? -ESRCH : known ? 0 : -EAGAIN;
	close(pidfd);
	if (!err)
		*task = known;
	return err;
}

void task_release(struct task *t)
{
	if (!t || !LIST_EMPTY(&t->tokens))
		return;
	LIST_REMOVE(t, next);
	task_free(t);
}
