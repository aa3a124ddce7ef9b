/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to run a program, and what one finds of oneself afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

extern char **environ;

static void output_drop(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	close(null);
}

/*
 * A child calls exec; its errno comes back as its status. The program, when it does start, is to answer by
 * itself, or to say nothing and end with 0.
 */
static int exec_in_child(int fd, const char *path, char *const *argv, int silent)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (silent)
			output_drop();
		syscall(SYS_execveat, fd, path, argv, environ, fd >= 0 && !*path ? AT_EMPTY_PATH : 0);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* run PROGRAM [ARGS...]: ended with 0, or why not. */
static int do_run(char **w)
{
	return exec_in_child(AT_FDCWD, w[1], w + 1, 1);
}

/* status PROGRAM [ARGS...]: what it ended with is the detail. */
static int do_status(char **w)
{
	detail("%d", -exec_in_child(AT_FDCWD, w[1], w + 1, 1));
	return 0;
}

/* run-fd FD: a program by its descriptor, without a name. */
static int do_run_fd(char **w)
{
	char *argv[] = {"probe", "quiet", NULL};

	return exec_in_child(atoi(w[1]), "", argv, 1);
}

/* run-answer PROBE OPERATION...: the program's answer is ours, unless it did not start. */
static int do_run_answer(char **w)
{
	return exec_in_child(AT_FDCWD, w[1], w + 1, 0) ?: 1;
}

static int do_quiet(char **w)
{
	(void)w;
	return 1;
}

static int file_copy(const char *from, int to)
{
	char block[65536];
	ssize_t n;
	int fd = open(from, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while ((n = read(fd, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)n) != n)
			n = -1;
	close(fd);
	return n < 0 ? -EIO : 0;
}

/* run-memfd PROGRAM: a copy that no directory holds. */
static int do_run_memfd(char **w)
{
	int fd = (int)syscall(SYS_memfd_create, "probe", 0), ret;
	char *argv[] = {"probe", "quiet", NULL};

	if (fd < 0)
		return -errno;
	ret = file_copy(w[1], fd);
	if (!ret)
		ret = exec_in_child(fd, "", argv, 1);
	close(fd);
	return ret;
}

/* run-deleted PROGRAM NEW: a copy under a name where writing is granted, unlinked before it is run. */
static int do_run_deleted(char **w)
{
	char *argv[] = {"probe", "quiet", NULL};
	int to = open(w[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755), from, ret;

	if (to < 0)
		return -errno;
	ret = file_copy(w[1], to);
	close(to);
	from = open(w[2], O_RDONLY | O_CLOEXEC);
	if (unlink(w[2]) || from < 0)
		return -errno;
	if (!ret)
		ret = exec_in_child(from, "", argv, 1);
	close(from);
	return ret;
}

/* map-exec FILE [late]: what ld.so does to run a program that it was given as an argument. */
static int do_map_exec(char **w)
{
	int fd = open(w[1], O_RDONLY | O_CLOEXEC), ret;
	int prot = w[2] ? PROT_READ : PROT_READ | PROT_EXEC;
	void *at;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, 4096, prot, MAP_PRIVATE, fd, 0);
	ret = at == MAP_FAILED ? -errno : w[2] ? done(mprotect(at, 4096, PROT_READ | PROT_EXEC)) : 0;
	if (at != MAP_FAILED)
		munmap(at, 4096);
	close(fd);
	return ret;
}

/* A shared anonymous mapping has a file too, on the kernel's own mount. */
static int do_map_anonymous(char **w)
{
	int flags = MAP_ANONYMOUS | (w[1][0] == 's' ? MAP_SHARED : MAP_PRIVATE);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, flags, -1, 0);

	return at == MAP_FAILED ? -errno : done(munmap(at, 4096));
}

static int do_no_new_privs(char **w)
{
	(void)w;
	detail("%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 0;
}

static int do_ids(char **w)
{
	(void)w;
	detail("%d %d", (int)getuid(), (int)geteuid());
	return 0;
}

static int do_getenv(char **w)
{
	const char *value = getenv(w[1]);

	detail("%s", value ? value : "");
	return 0;
}

const struct operation exec_operations[] = {
	{"run", 1, do_run},
	{"status", 1, do_status},
	{"run-fd", 1, do_run_fd},
	{"run-answer", 2, do_run_answer},
	{"quiet", 0, do_quiet},
	{"run-memfd", 1, do_run_memfd},
	{"run-deleted", 2, do_run_deleted},
	{"map-exec", 1, do_map_exec},
	{"map-anonymous", 1, do_map_anonymous},
	{"no-new-privs", 0, do_no_new_privs},
	{"ids", 0, do_ids},
	{"getenv", 1, do_getenv},
	{0},
};
