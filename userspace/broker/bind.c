/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/bind.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "broker/lifecycle.h"

int bind_present(struct exchange *x)
{
	struct pollfd p = {.fd = x->peer->fd};

	if (poll(&p, 1, 0) > 0) /* asked for nothing: it hung up, and would not learn that it is bound */
		return answer_problem(&x->answer, PROBLEM_CONFLICT, "the caller hung up");
	return 0;
}

int bind_single(struct exchange *x)
{
	int err = bind_present(x);

	if (!err && x->caller.threads > 1)
		return answer_problem(
			&x->answer, PROBLEM_CONFLICT,
			"the calling process has %u threads and a grant binds one: ask before starting "
			"threads, or let `deputy run` ask and start the program",
			x->caller.threads);
	return err;
}

static int bind_refuse(struct exchange *x, int err)
{
	struct answer *a = &x->answer;

	switch (err) {
	case -EEXIST:
		return answer_problem(a, PROBLEM_FORBIDDEN,
				      "already under a grant: a tagged process cannot take a new grant");
	case -EBUSY:
		return answer_problem(a, PROBLEM_CONFLICT,
				      "the calling process has started threads: a grant binds one");
	case -EMLINK:
		return answer_problem(a, PROBLEM_CONFLICT,
				      "the calling process shares its descriptors with another one "
				      "(CLONE_FILES): a grant binds one");
	case -EUSERS:
		return answer_problem(
			a, PROBLEM_CONFLICT,
			"the calling process shares its memory with another one (vfork, CLONE_VM): "
			"a grant binds one: ask after executing, as `deputy run` does");
	case -EBADFD:
		return answer_problem(
			a, PROBLEM_CONFLICT,
			"the calling process has an io_uring ring, whose work may be done outside "
			"the grant: close it (without --keep-fd `deputy run` does)");
	case -ESRCH:
		return answer_problem(a, PROBLEM_CONFLICT, "the calling process is gone");
	default:
		return answer_problem(a, PROBLEM_UNAVAILABLE, "cannot tag the caller: %s", strerror(-err));
	}
}

int bind_caller(struct exchange *x, const struct grant *g)
{
	int err = warden_tag(FD_WARDEN, x->peer->fd, grant_tag(g), 0);

	return err ? bind_refuse(x, err) : 0;
}

int bind_thread(struct exchange *x, const struct grant *g)
{
	int err = warden_tag(FD_WARDEN, x->peer->fd, grant_tag(g), WARDEN_TAG_THREAD);

	if (err == -EBADFD)
		return answer_problem(
			&x->answer, PROBLEM_CONFLICT,
			"the calling thread has used io_uring, or its process has a ring open, whose work "
			"may be done with more than the grant: narrow a thread before there is one");
	return err ? bind_refuse(x, err) : 0;
}
