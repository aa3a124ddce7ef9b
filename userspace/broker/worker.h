/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one other thread: it compiles policies, so that a policy made to take long holds up nobody but those
 * who wait for one too. It touches nothing but its job, and the issuers, which are its own.
 */
#ifndef DEPUTY_WORKER_H
#define DEPUTY_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

struct worker_job {
	void (*run)(struct worker_job *job);  /* in the worker's thread */
	void (*done)(struct worker_job *job); /* back in the event loop */
	STAILQ_ENTRY(worker_job) next;
};

STAILQ_HEAD(worker_queue, worker_job);

struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t more;
	struct worker_queue waiting, finished; /* under the mutex, as is `stop` */
	bool stop;
	int wake; /* eventfd: something is finished */
	sd_event_source *source;
};

/* The thread starts with the caller's signals blocked. 0 or -errno. */
int worker_start(struct worker *w, sd_event *event);
/* The job stays the caller's, and must live until it is done. */
void worker_submit(struct worker *w, struct worker_job *job);
/* Waits for the job under way; those still waiting are done without having run. */
void worker_stop(struct worker *w);

#endif
