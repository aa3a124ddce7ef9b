/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jail DIR CMD ARGS...: runs CMD where every mount is read-only except DIR. /run is scratch, and /run/view is
 * the tree for the guest, without the host's /proc, /sys and /dev. All of it, every process included, goes
 * when this process ends, however it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "vm: jail: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int clone_tree(const char *path, unsigned int flags)
{
	int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

	if (tree < 0)
		die(path);
	return tree;
}

static void attach_tree(int tree, const char *path)
{
	if (move_mount(tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(path);
	close(tree);
}

static void forbid_writing(int tree, const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount_setattr(tree, path, AT_RECURSIVE | (*path ? 0 : AT_EMPTY_PATH), &attr, sizeof(attr)) < 0)
		die("cannot make all mounts read-only");
}

static void make_view(int view, const char *writable)
{
	static const char *const hidden[] = {"/run/view/proc", "/run/view/sys", "/run/view/dev"};
	char path[4096];

	if (mkdir("/run/view", 0755) < 0)
		die("/run/view");
	attach_tree(view, "/run/view");
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		umount2(hidden[i], MNT_DETACH);
	snprintf(path, sizeof(path), "/run/view%s", writable);
	attach_tree(clone_tree(writable, 0), path);
}

static void build_walls(const char *writable)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("private mounts");
	int view = clone_tree("/", AT_RECURSIVE);
	int hole = clone_tree(writable, 0);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		die("/proc");
	forbid_writing(view, "");
	forbid_writing(AT_FDCWD, "/");
	attach_tree(hole, writable);
	if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
		die("/run");
	make_view(view, writable);
}

/* From a process namespace the parent cannot be named; the pipe tells when it was gone already. */
static void die_with_parent(int pipe_end)
{
	struct pollfd parent = {.fd = pipe_end};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || poll(&parent, 1, 0) < 0 || parent.revents)
		die("parent");
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int life[2];

	if (argc < 3) {
		fputs("usage: jail DIR CMD [ARGS...]\n", stderr);
		return 64;
	}
	if (pipe2(life, O_CLOEXEC) < 0 || unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		die("namespaces");
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return wait_for(pid);
	close(life[1]);
	die_with_parent(life[0]);
	/* Ctrl-C is for the process outside, whose end takes all of this along without noise. */
	setsid();
	build_walls(argv[1]);
	execvp(argv[2], argv + 2);
	die(argv[2]);
}
