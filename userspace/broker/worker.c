/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The next job, or NULL when there will be none. */
static struct worker_job *worker_take(struct worker *w)
{
	struct worker_job *job = NULL;

	pthread_mutex_lock(&w->mutex);
	while (!w->stop && STAILQ_EMPTY(&w->waiting))
		pthread_cond_wait(&w->more, &w->mutex);
	if (!w->stop) {
		job = STAILQ_FIRST(&w->waiting);
		STAILQ_REMOVE_HEAD(&w->waiting, next);
	}
	pthread_mutex_unlock(&w->mutex);
	return job;
}

static void worker_give(struct worker *w, struct worker_job *job)
{
	pthread_mutex_lock(&w->mutex);
	STAILQ_INSERT_TAIL(&w->finished, job, next);
	pthread_mutex_unlock(&w->mutex);
	eventfd_write(w->wake, 1);
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct worker_job *job;

	while ((job = worker_take(w))) {
		job->run(job);
		worker_give(w, job);
	}
	return NULL;
}

/* The lock is not held while a job's end runs: it may submit another. */
static void worker_finish(struct worker *w, struct worker_queue *queue)
{
	struct worker_queue done = STAILQ_HEAD_INITIALIZER(done);
	struct worker_job *job;

	pthread_mutex_lock(&w->mutex);
	STAILQ_CONCAT(&done, queue);
	pthread_mutex_unlock(&w->mutex);
	while ((job = STAILQ_FIRST(&done))) {
		STAILQ_REMOVE_HEAD(&done, next);
		job->done(job);
	}
}

static int worker_woken(sd_event_source *s, int fd, uint32_t events, void *arg)
{
	struct worker *w = arg;
	eventfd_t n;

	(void)s;
	(void)events;
	eventfd_read(fd, &n);
	worker_finish(w, &w->finished);
	return 0;
}

static int worker_thread(struct worker *w)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&w->thread, NULL, worker_run, w);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return -err;
}

int worker_start(struct worker *w, sd_event *event)
{
	int err;

	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->more, NULL);
	STAILQ_INIT(&w->waiting);
	STAILQ_INIT(&w->finished);
	w->stop = false;
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake < 0)
		return -errno;
	err = sd_event_add_io(event, &w->source, w->wake, EPOLLIN, worker_woken, w);
	if (err >= 0)
		err = worker_thread(w);
	if (err < 0) {
		w->source = sd_event_source_disable_unref(w->source);
		close(w->wake);
	}
	return err;
}

void worker_submit(struct worker *w, struct worker_job *job)
{
	pthread_mutex_lock(&w->mutex);
	STAILQ_INSERT_TAIL(&w->waiting, job, next);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->mutex);
}

void worker_stop(struct worker *w)
{
	if (!w->source)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	worker_finish(w, &w->finished);
	worker_finish(w, &w->waiting);
	w->source = sd_event_source_disable_unref(w->source);
	close(w->wake);
}
