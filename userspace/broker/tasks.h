/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that asked for tokens which end with them. Each is held by a pidfd, so that no other process is
 * ever taken for it, and watched by the event loop.
 */
#ifndef DEPUTY_TASKS_H
#define DEPUTY_TASKS_H

#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "broker/grants.h"

#define TASKS_PER_GRANT 32u /* watched at one time, of a grant and all that it delegated */
#define TASKS_PER_OWNER 128u
#define TASKS_WATCHED	512u /* one descriptor each */

struct exchange;
struct issued;

struct task {
	struct broker *broker;
	pid_t pid;
	int pidfd;
	sd_event_source *exit;
	/* on whose account it is */
	char root[ID_BYTES]; /* the agent's: the grant that its owner gave; "": a user's own */
	uid_t uid;	     /* of the owner, or that user */
	LIST_HEAD(task_tokens, issued) tokens;
	LIST_ENTRY(task) next;
};

/*
 * The process that opened the exchange's connection, to be watched on the account of the agent under this
 * grant, or (NULL) of its user. -ESRCH: it is gone; -EAGAIN: too many are watched. To be let go of with
 * task_release() unless a token is made its own.
 */
int task_of(struct exchange *x, const struct grant *own, struct task **task);
/* Whether it runs still, asked of the kernel now. */
bool task_alive(const struct task *t);
/* No token is left that ends with it: nothing if there is one. */
void task_release(struct task *t);

#endif
