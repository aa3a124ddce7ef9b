/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define BIT(op) (1u << (op))
#define CHANGES (BIT(OP_WRITE) | BIT(OP_CREATE) | BIT(OP_DELETE) | WARD_LINK)
#define ALL	(WARD_ALL | WARD_LINK)
#define CGROUPS "/sys/fs/cgroup"

/* What policies may still grant of the last three is what agents need: to ask, to be told why, to check
 * rules. */
static const struct ward_masks closed = {ALL, ALL}, program = {ALL | WARD_PROGRAM, 0}, tool = {CHANGES, 0},
			       shared = {CHANGES | BIT(OP_EXEC), CHANGES | BIT(OP_EXEC)},
			       listening = {ALL & ~(BIT(OP_UNIX_CONNECT) | BIT(OP_METADATA)), 0};

static int cannot(const char *what, int err)
{
	fprintf(stderr, "deputyd: %s: cannot be closed to agents: %s\n", what, strerror(-err));
	return err;
}

/* Devices are nobody's own: a unit or a configuration may be /dev/null. */
static bool is_wardable(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISSOCK(mode) || S_ISLNK(mode);
}

static int ward_fd(struct enforce *e, int fd, const char *name, struct ward_masks masks)
{
	struct stat st;
	int r = fstat(fd, &st) ? -errno : is_wardable(st.st_mode) ? enforce_ward(e, fd, masks) : 0;

	return r ? cannot(name, r) : 0;
}

/* A symbolic link in the last place is warded as well as what it leads to. */
static int ward_path(struct enforce *e, const char *path, struct ward_masks masks)
{
	_cleanup_close_ int link = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (link >= 0 && !fstat(link, &st) && S_ISLNK(st.st_mode))
		r = ward_fd(e, link, path, closed);
	if (r || fd < 0)
		return r ?: errno == ENOENT || errno == ENOTDIR ? 0 : cannot(path, -errno);
	return ward_fd(e, fd, path, masks);
}

/* The running program by its descriptor, for its file may have been replaced, and what is installed with it.
 */
static int ward_programs(struct enforce *e)
{
	static const char *const tools[] = {"deputy", "../bin/deputy"};
	_cleanup_close_ int exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	char path[PATH_MAX], other[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;
	int r = exe < 0 || n < 0 ? cannot("/proc/self/exe", -errno) : ward_fd(e, exe, "deputyd", program);

	if (r)
		return r;
	path[n] = '\0';
	slash = strrchr(path, '/');
	for (size_t i = 0; slash && i < sizeof(tools) / sizeof(tools[0]) && !r; i++) {
		snprintf(other, sizeof(other), "%.*s/%s", (int)(slash - path), path, tools[i]);
		r = ward_path(e, other, tool);
	}
	return r;
}

static int ward_units(struct enforce *e)
{
	static const char *const dirs[] = {"/etc/systemd/system", "/run/systemd/system",
					   "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"};
	static const char *const names[] = {"deputyd.service", "deputyd.socket", "deputyd.service.d",
					    "deputyd.socket.d"};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]) && !r; j++) {
			snprintf(path, sizeof(path), "%s/%s", dirs[i], names[j]);
			r = ward_path(e, path, closed);
		}
	}
	return r;
}

/* Whether nobody else is in it: before the other roles are started, when it is of a service of its own. */
static bool cgroup_is_ours(const char *dir)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid, count = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (count++ || pid != getpid())
			return false;
	return count == 1;
}

/* Who may write to its control group can freeze or kill the daemon. */
static int ward_cgroup(struct enforce *e)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX - 64], dir[PATH_MAX];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) || !line[4])
			continue;
		snprintf(dir, sizeof(dir), CGROUPS "%s", line + 3);
		return cgroup_is_ours(dir) ? ward_path(e, dir, closed) : 0;
	}
	return 0;
}

/* Others read it, whatever our umask is. Under systemd the first is there: ConfigurationDirectory=. */
static void dir_have(const char *dir)
{
	if (!mkdir(dir, 0755))
		chmod(dir, 0755);
}

/* Where it is the installed one: a configuration that is missing is the defaults, until somebody writes one.
 */
static int ward_config(struct enforce *e, const struct config *config, const char *file)
{
	int r = ward_path(e, file, closed);

	if (config->allowed_signers)
		r = r ?: ward_path(e, config->allowed_signers, closed);
	for (unsigned i = 0; config->issuers && i < config->issuers->count; i++)
		r = r ?: ward_path(e, config->issuers->list[i].jwks, closed);
	if (!strcmp(file, CONFIG_FILE)) {
		dir_have(CONFIG_DIR);
		dir_have(config->policy_dir);
		r = r ?: ward_path(e, CONFIG_DIR, closed);
	}
	return r ?: ward_path(e, config->policy_dir, closed) ?: ward_path(e, config->profile_dir, shared);
}

static int ward_site(struct enforce *e, const struct site *s)
{
	const struct {
		int fd;
		const char *name;
	} files[] = {{s->lock, "lock"}, {s->log, "events.jsonl"}};
	int r = ward_path(e, s->state_dir, closed) ?: ward_path(e, s->runtime_dir, closed);

	/* By themselves too: each may have a second name outside. */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !r; i++)
		r = ward_fd(e, files[i].fd, files[i].name, closed);
	return r ?: ward_path(e, s->socket, listening);
}

/* Where systemd finds what it hands us as the credential; encrypted or not, it is the sealing key's own. */
static int ward_credentials(struct enforce *e)
{
	static const char *const dirs[] = {"/etc/credstore",	 "/etc/credstore.encrypted",
					   "/run/credstore",	 "/run/credstore.encrypted",
					   "/usr/lib/credstore", "/usr/lib/credstore.encrypted"};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !r; i++) {
		snprintf(path, sizeof(path), "%s/" KEYSTORE_CREDENTIAL, dirs[i]);
		r = ward_path(e, path, closed);
	}
	return r;
}

/* By themselves, wherever they are: the signing keys may have a second name, and the other lies outside. */
static int ward_keys(struct enforce *e, const struct keystore *keys)
{
	return ward_path(e, keys->path, closed) ?: ward_path(e, keys->seal, closed) ?: ward_credentials(e);
}

/* Until now the directory's ward was all that closed it: no agent had it open, or cached. */
void own_ward_keys(struct enforce *e, const struct keystore *keys)
{
	ward_path(e, keys->path, closed);
}

int own_ward(struct enforce *e, const struct site *site, const struct keystore *keys,
	     const struct config *config, const char *config_file)
{
	int r = ward_site(e, site) ?: ward_keys(e, keys) ?: ward_config(e, config, config_file) ?: ward_programs(e) ?: ward_units(e)
		?: ward_cgroup(e) ?: ward_path(e, enforce_pin_dir(e), closed);

	if (r)
		return r;
	r = enforce_wards_settle(e);
	return r ? cannot("what is Deputy's own", r) : 0;
}
