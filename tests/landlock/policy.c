/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ruleset as a policy. Landlock leaves free what a ruleset does not handle, Deputy denies what no rule
 * allows: what is not handled is allowed everywhere. An operation of Deputy's that stands for several rights
 * of Landlock's is allowed only where each of them that is handled is: the policy is never wider than the
 * ruleset.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ruleset.h"

#define MAKES                                                                                                \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |          \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |       \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define REMOVES (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* `within`: Landlock asks the directory that the name is in, Deputy the name. */
static const struct translation {
	const char *op;
	__u64 rights;
	bool within;
} translations[] = {
	{"read", LANDLOCK_ACCESS_FS_READ_FILE, false},
	{"list", LANDLOCK_ACCESS_FS_READ_DIR, false},
	{"exec", LANDLOCK_ACCESS_FS_EXECUTE, false},
	{"write", LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE, false},
	{"create", MAKES, true},
	{"delete", REMOVES, true},
};

struct mount_line {
	__u64 id;
	unsigned int major, minor;
	char root[1024], point[1024];
};

/* ---- places ---- */

/* What follows `folder` in `path`, with its slash: "" when they are the same; NULL when it is not beneath. */
static const char *path_rest(const char *path, const char *folder)
{
	size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	if (strncmp(path, folder, len) || (path[len] && path[len] != '/'))
		return NULL;
	return strcmp(path + len, "/") ? path + len : "";
}

static void pattern_print(FILE *out, const char *path, const char *tail)
{
	const char *sep = strcmp(path, "/") || !*tail ? path : "";

	for (; *sep; sep++) {
		if (strchr("*?[]{}\\$", *sep))
			fputc('\\', out);
		if (*sep == '\'')
			fputc('\'', out);
		fputc(*sep, out);
	}
	fputs(tail, out);
}

static void place_print(FILE *out, const struct translation *t, const struct rule *rule, const char *path)
{
	fprintf(out, "      - {allow: [%s], path: '", t->op);
	pattern_print(out, path, !rule->is_dir ? "" : t->within ? "/*/**" : "/**");
	fputs("'}\n", out);
}

static FILE *mounts_open(void)
{
	/* What is held from another mount namespace is out of a grant's reach; a root of one's own may have
	 * no /proc. */
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = openat(proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

static bool mount_read(FILE *mounts, struct mount_line *m)
{
	char *line = NULL;
	size_t size = 0;
	int fields = 0;

	if (getline(&line, &size, mounts) > 0)
		fields = sscanf(line, "%llu %*u %u:%u %1023s %1023s", &m->id, &m->major, &m->minor, m->root,
				m->point);
	free(line);
	return fields == 5;
}

static bool is_same(const struct rule *rule, const char *path)
{
	struct stat st;

	return !stat(path, &st) && st.st_dev == rule->dev && st.st_ino == rule->ino;
}

static bool rule_mount(const struct rule *rule, struct mount_line *of)
{
	FILE *mounts = mounts_open();
	bool found = false;

	while (mounts && !found && mount_read(mounts, of))
		found = of->id == rule->mount;
	if (mounts)
		fclose(mounts);
	return found;
}

/* A rule of Landlock's is on an inode: it holds at each place where that is mounted. */
static void aliases_print(FILE *out, const struct translation *t, const struct rule *rule)
{
	struct mount_line of, m;
	char inner[2048], place[4096];
	const char *rest;
	FILE *mounts;

	if (!rule_mount(rule, &of))
		return;
	rest = path_rest(rule->path, of.point);
	if (!rest)
		return;
	snprintf(inner, sizeof(inner), "%s%s", strcmp(of.root, "/") ? of.root : "", rest);
	mounts = mounts_open();
	while (mounts && mount_read(mounts, &m)) {
		if (m.major != of.major || m.minor != of.minor || m.id == of.id)
			continue;
		rest = path_rest(*inner ? inner : "/", m.root);
		if (!rest)
			continue;
		snprintf(place, sizeof(place), "%s%s", strcmp(m.point, "/") || !*rest ? m.point : "", rest);
		if (strcmp(place, rule->path) && is_same(rule, place))
			place_print(out, t, rule, place);
	}
	if (mounts)
		fclose(mounts);
}

/* ---- sections ---- */

/* What all rules together allow at the place of one. */
static __u64 access_at(const struct ruleset *r, const struct rule *at)
{
	__u64 access = 0;

	for (unsigned int i = 0; i < r->count; i++) {
		const struct rule *rule = &r->rules[i];

		if (rule->type == LANDLOCK_RULE_PATH_BENEATH && path_rest(at->path, rule->path))
			access |= rule->access;
	}
	return access;
}

static void files_print(FILE *out, const struct ruleset *r, const struct translation *t)
{
	__u64 handled = t->rights & r->fs;

	if (!handled)
		fprintf(out, "      - {allow: [%s], path: '/**'}\n", t->op);
	for (unsigned int i = 0; handled && i < r->count; i++) {
		const struct rule *rule = &r->rules[i];

		if (rule->type != LANDLOCK_RULE_PATH_BENEATH || (access_at(r, rule) & handled) != handled)
			continue;
		place_print(out, t, rule, rule->path);
		aliases_print(out, t, rule);
	}
}

static void ports_print(FILE *out, const struct ruleset *r, const char *op, __u64 right)
{
	if (!(r->net & right))
		fprintf(out, "      - {allow: %s, cidr: '::/0', proto: tcp}\n", op);
	for (unsigned int i = 0; r->net & right && i < r->count; i++) {
		const struct rule *rule = &r->rules[i];

		if (rule->type == LANDLOCK_RULE_NET_PORT && rule->access & right)
			fprintf(out, "      - {allow: %s, cidr: '::/0', proto: tcp, port: %llu}\n", op,
				rule->port);
	}
}

char *ruleset_policy(const struct ruleset *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("apiVersion: deputy/v1\nname: ruleset\nowner: {any_of: ['uid:*']}\n"
	      "purposes:\n  selftest:\n    ttl: 30m\n    open_roads: accept\n    delegate: {depth: 7, children: 64}\n    files:\n      - {allow: [metadata], path: '/**'}\n",
	      out);
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++)
		files_print(out, r, &translations[i]);
	fputs("    ipc:\n      - {allow: connect, unix: '/**'}\n"
	      "    network:\n      - {allow: [send, bind], cidr: '::/0', proto: udp}\n",
	      out);
	ports_print(out, r, "connect", LANDLOCK_ACCESS_NET_CONNECT_TCP);
	ports_print(out, r, "bind", LANDLOCK_ACCESS_NET_BIND_TCP);
	fclose(out);
	return text;
}
