/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/files.h"
#include "common/cleanup.h"

static const char *const plain_files[] = {"read", "write", "delete", "metadata", "fork", "list/entry"};

static int make_file(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 || write(fd, "deputy\n", 7) != 7 ? -errno : 0;
}

/* Something to execute that needs nothing: a copy of true(1). */
static int make_program(int dir)
{
	_cleanup_close_ int in = -1, out = -1;
	_cleanup_free_ char *program = NULL;
	ssize_t n = 1;
	int err = program_find("true", &program);

	if (err)
		return err;
	in = open(program, O_RDONLY | O_CLOEXEC);
	out = openat(dir, "exec", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	while (in >= 0 && out >= 0 && n > 0)
		n = sendfile(out, in, NULL, 1u << 20);
	return in < 0 || out < 0 || n < 0 ? -errno : 0;
}

/* The new directory's descriptor or -errno. */
static int make_dir(int parent, const char *name)
{
	int fd = mkdirat(parent, name, 0700) ? -1 : openat(parent, name, O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int make_side(int parent, const char *side)
{
	_cleanup_close_ int dir = make_dir(parent, side);
	int err = dir < 0 ? dir : mkdirat(dir, "list", 0700) ? -errno : 0;

	for (size_t i = 0; i < sizeof(plain_files) / sizeof(plain_files[0]) && !err; i++)
		err = make_file(dir, plain_files[i]);
	return err ? err : make_program(dir);
}

static int make_files(const struct doctor_site *site, const char *name)
{
	_cleanup_close_ int root = open(site->dir, O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int dir = root < 0 ? -errno : make_dir(root, name);
	int err = dir < 0 ? dir : 0;

	for (int side = 0; side < SIDES && !err; side++)
		err = make_side(dir, doctor_sides[side]);
	return err;
}

static int make_listener(enum doctor_port kind, int *listener, uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd =
		socket(AF_INET, (kind == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || getsockname(fd, (struct sockaddr *)&at, &len))
		return -errno;
	if (kind == PORT_TCP && listen(fd, 8))
		return -errno;
	*port = ntohs(at.sin_port);
	if (kind == PORT_BIND)
		return 0; /* only its number was wanted: the probe is to bind to it */
	*listener = fd;
	fd = -1;
	return 0;
}

static int make_listeners(struct doctor_site *site)
{
	int err = 0;

	for (int side = 0; side < SIDES; side++)
		for (int kind = 0; kind < PORTS && !err; kind++)
			err = make_listener((enum doctor_port)kind, &site->listeners[side][kind],
					    &doctor_ports[side][kind]);
	return err;
}

static void put_policy(FILE *out, const char *program)
{
	const uint16_t *ports = doctor_ports[SIDE_ALLOWED];

	fprintf(out,
		"apiVersion: deputy/v1\n"
		"name: doctor\n"
		"owner: {any_of: [\"uid:%u\"]}\n"
		"purposes:\n"
		"  probe:\n"
		"    ttl: 5m\n"
		"    on_revoke: deny\n"
		"    open_roads: accept\n" /* reported by themselves: what is tried here is tried all the same
					    */
		"    files:\n"
		"      - {allow: [read, exec], path: [\"/usr/**\", \"/lib/**\", \"/lib64/**\", /etc/ld.so.cache]}\n"
		"      - {allow: [read, exec], path: %s}\n"
		"      - {allow: [read, write, create, delete, list, metadata], path: \"${workdir}/allowed/**\"}\n"
		"      - {allow: [exec], path: \"${workdir}/allowed/exec\"}\n",
		(unsigned)getuid(), program);
	fprintf(out,
		"    network:\n"
		"      - {allow: connect, cidr: 127.0.0.1/32, port: %u}\n"
		"      - {allow: send, cidr: 127.0.0.1/32, port: %u}\n"
		"      - {allow: bind, cidr: 127.0.0.1/32, port: %u}\n",
		ports[PORT_TCP], ports[PORT_UDP], ports[PORT_BIND]);
}

static int make_policy(const struct doctor_site *site, const char *program)
{
	json_auto_t *name = json_string(program);
	/* A JSON string is a YAML string. */
	_cleanup_free_ char *quoted = name ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
	char path[sizeof(site->dir) + 16];
	FILE *out;

	snprintf(path, sizeof(path), "%s/policy.yaml", site->dir);
	out = quoted ? fopen(path, "we") : NULL;
	if (!out)
		return quoted ? -errno : -EILSEQ;
	put_policy(out, quoted);
	return fclose(out) ? -errno : 0;
}

int doctor_site_make(struct doctor_site *site, const char *program)
{
	int err;

	*site = (struct doctor_site){.dir = "/tmp/deputy-doctor.XXXXXX"};
	memset(site->listeners, -1, sizeof(site->listeners));
	if (!mkdtemp(site->dir)) {
		*site->dir = '\0';
		return -errno;
	}
	err = make_files(site, "work");
	if (!err)
		err = make_files(site, "control");
	if (!err)
		err = make_listeners(site);
	return err ? err : make_policy(site, program);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	remove(path);
	return 0;
}

void doctor_site_clear(struct doctor_site *site)
{
	for (int i = 0; i < SIDES * PORTS; i++)
		cleanup_close(&site->listeners[i / PORTS][i % PORTS]);
	if (*site->dir)
		nftw(site->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
