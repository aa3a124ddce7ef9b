/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/id_token.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/print.h"
#include "common/cleanup.h"
#include "proof/jws_verify.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
#define SPACE	" \t\r\n"
#define ROOM	(JWS_TEXT_MAX + 16u) /* for a newline or two */

/* A compact JWS and space behind it. Whether it proves anything is the daemon's to say. */
static int token_trim(const char *from, char *text)
{
	size_t len = strspn(text, LETTERS);

	if (len && len <= JWS_TEXT_MAX && text[len + strspn(text + len, SPACE)] == '\0') {
		text[len] = '\0';
		return 0;
	}
	cli_error("%s: no ID token, which is one word of letters, digits, '-', '_' and '.'", from);
	return EX_DATAERR;
}

static int token_problem(const char *from, int err)
{
	cli_error("%s: %s", from, err == -EFBIG ? "longer than an ID token may be" : strerror(-err));
	return err == -EFBIG ? EX_DATAERR : EX_NOINPUT;
}

int id_token_read(const char *path, const char *nonce, char **token)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int code, err;

	fprintf(stderr, "deputy: log in with the nonce %s; the ID token is read from %s\n", nonce,
		strcmp(path, "-") ? path : "standard input");
	err = file_read(path, ROOM, &text, &len);
	code = err ? token_problem(path, err) : token_trim(path, text);
	if (code)
		return code;
	*token = text;
	text = NULL;
	return 0;
}

/* ---- a program ---- */

/* What is on standard input is for the command that will run under the grant. */
static void program_exec(const char *path, const char *nonce, int out)
{
	char *const argv[] = {(char *)path, NULL};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    setenv("DEPUTY_NONCE", nonce, 1))
		_exit(EX_OSERR);
	execv(path, argv);
	fprintf(stderr, "deputy: %s: %s\n", path, strerror(errno));
	_exit(EX_UNAVAILABLE);
}

static int program_start(const char *path, const char *nonce, pid_t *pid, int *from)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	child = fork();
	if (child == 0)
		program_exec(path, nonce, ends[1]);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	*pid = child;
	*from = ends[0];
	return 0;
}

static int program_end(const char *path, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return token_problem(path, -errno);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		cli_error("%s: it got no ID token: status %d", path, WEXITSTATUS(status));
	else
		cli_error("%s: killed by signal %d", path, WTERMSIG(status));
	return EX_NOPERM;
}

static int program_read(const char *path, pid_t pid, int from, char **token)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int code, err = fd_read(from, ROOM, &text, &len);

	close(from);
	if (err)
		kill(pid, SIGTERM);
	code = program_end(path, pid);
	if (err)
		return token_problem(path, err);
	if (!code)
		code = token_trim(path, text);
	if (code)
		return code;
	*token = text;
	text = NULL;
	return 0;
}

int id_token_run(const char *program, const char *nonce, char **token)
{
	_cleanup_free_ char *path = NULL;
	int from, err = program_find(program, &path);
	pid_t pid;

	if (err) {
		cli_error("%s: %s", program, err == -ENOENT ? "command not found" : strerror(-err));
		return EX_NOINPUT;
	}
	err = program_start(path, nonce, &pid, &from);
	if (err) {
		cli_error("%s: %s", program, strerror(-err));
		return EX_OSERR;
	}
	return program_read(path, pid, from, token);
}
