/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's file system: the host's tree, read-only, with scratch places over it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "init.h"

#define MODULES "/run/vm"

struct place {
	const char *path, *type, *source, *options;
	mode_t mode; /* made when not 0 */
};

static const struct place kernel_places[] = {
	{"/proc", "proc", "proc", NULL, 0},
	{"/sys", "sysfs", "sysfs", NULL, 0},
	{"/sys/kernel/security", "securityfs", "securityfs", NULL, 0},
	{"/sys/kernel/debug", "debugfs", "debugfs", NULL, 0},
	{"/sys/kernel/tracing", "tracefs", "tracefs", NULL, 0},
	{"/sys/fs/bpf", "bpf", "bpf", "mode=0700", 0},
	{"/sys/fs/cgroup", "cgroup2", "cgroup2", NULL, 0},
	{"/dev", "devtmpfs", "devtmpfs", "mode=0755", 0},
	{"/dev/pts", "devpts", "devpts", "mode=0620,gid=5,ptmxmode=0666", 0755},
	{"/dev/shm", "tmpfs", "tmpfs", "mode=1777", 0755},
	{"/dev/mqueue", "mqueue", "mqueue", NULL, 0755},
};

static const struct place scratch_places[] = {
	{"/tmp", "tmpfs", "tmpfs", "mode=1777", 0},
	{"/run", "tmpfs", "tmpfs", "mode=0755", 0},
	{"/var/tmp", "tmpfs", "tmpfs", "mode=1777", 0},
	{"/var/lib", "tmpfs", "tmpfs", "mode=0755", 0},
	{"/var/log", "tmpfs", "tmpfs", "mode=0755", 0},
	{"/home", "tmpfs", "tmpfs", "mode=0755", 0},
	{"/root", "tmpfs", "tmpfs", "mode=0700", 0},
	{"/mnt", "tmpfs", "tmpfs", "mode=0755", 0},
	/* Lazy initialisation would run beside the command and spoil instruction counts. */
	{"/mnt/ext4", "ext4", "/dev/vda", "noinit_itable", 0755},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void mount_place(const struct place *place)
{
	if (place->mode)
		mkdir(place->path, place->mode);
	if (mount(place->source, place->path, place->type, 0, place->options) < 0)
		warn_errno(place->path);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
		warn_errno(path);
	close(fd);
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The files' names begin with a number: the order in which they depend on each other. */
static void load_modules(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, visible, alphasort);

	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		load_module(path);
	}
}

static int clone_tree(const char *path)
{
	char shared[4096];

	snprintf(shared, sizeof(shared), "/new%s", path);
	/* A folder that the host mounts apart appears when it is opened, not before. */
	int fd = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return (int)syscall(SYS_open_tree, AT_FDCWD, shared,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static void make_folders(const char *path)
{
	char part[4096];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(part, 0755);
	}
	mkdir(part, 0755);
}

static void attach_tree(int tree, const char *path)
{
	make_folders(path);
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		warn_errno(path);
}

static void write_text(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		warn_errno(path);
	close(fd);
}

/*
 * /lib/modules may be missing on the host, and cannot be made here. So modprobe is told where to look: by its
 * variable when a person calls it, through a wrapper when the kernel does.
 */
static void offer_modules(int tree)
{
	attach_tree(tree, MODULES "/modules");
	write_text(MODULES "/modprobe", 0755,
		   "#!/bin/sh\nexec /sbin/modprobe -d " MODULES "/modules \"$@\"\n");
	write_text("/proc/sys/kernel/modprobe", 0, MODULES "/modprobe");
	setenv("MODPROBE_OPTIONS", "-d " MODULES "/modules", 1);
}

static void make_node(const char *name, char kind, unsigned int dev_major, unsigned int dev_minor)
{
	char path[256];

	snprintf(path, sizeof(path), "/dev/%s", name);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	make_folders(path);
	*slash = '/';
	mknod(path, (kind == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(dev_major, dev_minor));
}

/* Nodes whose first opening loads the module; there is no udev to make them. */
static void make_module_nodes(void)
{
	struct utsname kernel;
	char line[256], name[128], kind;
	unsigned int dev_major, dev_minor;

	uname(&kernel);
	snprintf(line, sizeof(line), MODULES "/modules/lib/modules/%s/modules.devname", kernel.release);
	FILE *file = fopen(line, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %127s %c%u:%u", name, &kind, &dev_major, &dev_minor) == 4)
			make_node(name, kind, dev_major, dev_minor);
	if (file)
		fclose(file);
}

static void link_devices(void)
{
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	mkdir("/run/lock", 01777);
}

/*
 * Read-only is the file system, not the mount: folders that the host mounts apart inherit the mount's flags,
 * and the build folder among them is to be written. The host enforces the rest.
 */
static void mount_shared(void)
{
	mkdir("/new", 0755);
	if (mount("root", "/new", "virtiofs", MS_RDONLY, NULL) < 0)
		die("the shared root");
	if (mount(NULL, "/new", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		die("the shared root's flags");
}

static void switch_root(void)
{
	if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		die("switch root");
}

static void mount_all(const struct place *places, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mount_place(&places[i]);
}

/* Scratch may have covered a folder that the command needs: it gets its place back. */
static void uncover(const struct conf *conf, const int *trees)
{
	for (size_t i = 0; i < conf->nkeep; i++) {
		if (trees[i] >= 0 && access(conf->keep[i], F_OK) < 0)
			attach_tree(trees[i], conf->keep[i]);
		close(trees[i]);
	}
}

void enter_root(const struct conf *conf)
{
	int *trees = calloc(conf->nkeep + 1, sizeof(*trees));

	if (!trees)
		die("memory");
	load_modules("/modules");
	mount_shared();
	for (size_t i = 0; i < conf->nkeep; i++)
		trees[i] = clone_tree(conf->keep[i]);
	int modules = clone_tree(conf->modules);
	switch_root();
	mount_all(kernel_places, COUNT(kernel_places));
	mount_all(scratch_places, COUNT(scratch_places));
	uncover(conf, trees);
	offer_modules(modules);
	make_module_nodes();
	link_devices();
	free(trees);
}
