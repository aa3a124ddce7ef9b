/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

static void child_exec(int in, int out, const char *program, char **argv, const char *log)
{
	int err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
	execv(program, argv);
	_exit(127);
}

int doctor_child_start(struct doctor_child *c, const char *program, char **argv, const char *log)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};

	fflush(stdout); /* or the child would print what is buffered once more */
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || (c->pid = fork()) < 0) {
		int err = -errno;

		for (int i = 0; i < 2; i++) {
			cleanup_close(&in[i]);
			cleanup_close(&out[i]);
		}
		return err;
	}
	if (!c->pid)
		child_exec(in[0], out[1], program, argv, log);
	close(in[0]);
	close(out[1]);
	c->in = fdopen(in[1], "w");
	c->out = fdopen(out[0], "r");
	return c->in && c->out ? 0 : -ENOMEM;
}

/* Nobody else holds the other end of its stdout. */
void doctor_child_wait(const struct doctor_child *c, int ms)
{
	struct pollfd p = {.fd = fileno(c->out)};

	while (poll(&p, 1, ms) < 0 && errno == EINTR)
		;
}

int doctor_child_end(struct doctor_child *c)
{
	int status;

	cleanup_fclose(&c->in);
	while (c->out && fgetc(c->out) != EOF)
		; /* it may still be writing */
	cleanup_fclose(&c->out);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	*c = (struct doctor_child){0};
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
