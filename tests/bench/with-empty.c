/* SPDX-License-Identifier: Apache-2.0 */
/* usage: with-empty OBJECT COMMAND...: runs a command while the LSM program of an object is attached. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static struct bpf_link *attach(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object || bpf_object__load(object))
		return NULL;
	program = bpf_object__next_program(object, NULL);
	return program ? bpf_program__attach_lsm(program) : NULL;
}

/* As a child, so that the link lives as long as the command and no longer. */
static int command(char **argv)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return EX_OSERR;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return fputs("usage: with-empty OBJECT COMMAND...\n", stderr), EX_USAGE;
	if (!attach(argv[1])) {
		perror(argv[1]);
		return EX_UNAVAILABLE;
	}
	return command(argv + 2);
}
