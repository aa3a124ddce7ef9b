/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor tries. Each attempt returns 0 or the -errno that it met. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "common/cleanup.h"

const char *const doctor_sides[SIDES] = {[SIDE_ALLOWED] = "allowed", [SIDE_DENIED] = "denied"};
uint16_t doctor_ports[SIDES][PORTS];

static void path_of(char path[PATH_MAX], const struct doctor_scope *scope, const char *dir,
		    enum doctor_side side)
{
	snprintf(path, PATH_MAX, "%s/%s/%s", dir, doctor_sides[side], scope->name);
}

static int try_open(const struct doctor_scope *scope, const char *dir, enum doctor_side side, int flags)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	path_of(path, scope, dir, side);
	fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : 0;
}

static int try_read(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	return try_open(scope, dir, side, O_RDONLY);
}

static int try_write(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	return try_open(scope, dir, side, O_WRONLY);
}

static int try_create(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	return try_open(scope, dir, side, O_WRONLY | O_CREAT | O_EXCL);
}

static int try_list(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	char path[PATH_MAX];
	DIR *d;
	int err;

	path_of(path, scope, dir, side);
	d = opendir(path);
	if (!d)
		return -errno;
	errno = 0;
	err = readdir(d) ? 0 : -errno;
	closedir(d);
	return err;
}

static int try_delete(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	char path[PATH_MAX];

	path_of(path, scope, dir, side);
	return unlink(path) ? -errno : 0;
}

static int try_metadata(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	struct stat st;
	char path[PATH_MAX];

	path_of(path, scope, dir, side);
	return stat(path, &st) ? -errno : 0;
}

static int try_exec(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	char path[PATH_MAX], *argv[] = {path, NULL}, *envp[] = {NULL};
	int err, status;
	pid_t pid;

	path_of(path, scope, dir, side);
	err = posix_spawn(&pid, path, NULL, NULL, argv, envp);
	if (err)
		return -err;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* A child is bound as its parent is. */
static int try_fork(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-try_read(scope, dir, side));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static struct sockaddr_in address_of(const struct doctor_scope *scope, enum doctor_side side)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(doctor_ports[side][scope->port]),
	};
}

static int try_connect(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	struct sockaddr_in to = address_of(scope, side);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)dir;
	return fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static int try_send(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	struct sockaddr_in to = address_of(scope, side);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)dir;
	return fd < 0 || sendto(fd, "", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

static int try_bind(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	struct sockaddr_in to = address_of(scope, side);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	(void)dir;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	return bind(fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static int try_bpf(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));

	(void)scope;
	(void)dir;
	(void)side;
	if (fd < 0)
		return -errno;
	close((int)fd);
	return 0;
}

static int try_mount(const struct doctor_scope *scope, const char *dir, enum doctor_side side)
{
	char path[PATH_MAX];

	(void)scope;
	snprintf(path, sizeof(path), "%s/%s", dir, doctor_sides[side]);
	if (mount("none", path, "tmpfs", 0, ""))
		return -errno;
	umount2(path, MNT_DETACH);
	return 0;
}

const struct doctor_scope doctor_scopes[] = {
	{"read", try_read, "file", "read", PORTS, false},
	{"write", try_write, "file", "write", PORTS, false},
	{"create", try_create, "file", "create", PORTS, false},
	{"delete", try_delete, "file", "delete", PORTS, false},
	{"exec", try_exec, "file", "exec", PORTS, false},
	{"list", try_list, "file", "list", PORTS, false},
	{"metadata", try_metadata, "file", "metadata", PORTS, false},
	{"fork", try_fork, "file", "read", PORTS, false},
	{"connect", try_connect, "net", "connect", PORT_TCP, false},
	{"udp-send", try_send, "net", "send", PORT_UDP, false},
	{"bind", try_bind, "net", "bind", PORT_BIND, false},
	{"bpf", try_bpf, "guard", "bpf", PORTS, true},
	{"mount", try_mount, "guard", "mount", PORTS, true},
};
const size_t doctor_scope_count = sizeof(doctor_scopes) / sizeof(doctor_scopes[0]);
