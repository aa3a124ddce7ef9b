/* SPDX-License-Identifier: Apache-2.0 */
/* The side of doctor that runs under the grant: `deputy doctor-probe MODE DIR PORT...`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"

/* Says what was met as "SCOPE SIDE ERRNO" lines. */
static int probe_tries(const char *dir)
{
	for (size_t i = 0; i < doctor_scope_count; i++) {
		const struct doctor_scope *scope = &doctor_scopes[i];

		for (int side = scope->guard ? SIDE_DENIED : SIDE_ALLOWED; side < SIDES; side++)
			printf("%s %s %d\n", scope->name, doctor_sides[side],
			       -scope->attempt(scope, dir, (enum doctor_side)side));
	}
	return 0;
}

/* Says "ready", waits for its grant to be revoked, and then tries what was allowed before. Nothing can be
 * said after that, so the exit code is the errno. Any end of the waiting will do: the pipe may be refused. */
static int probe_revoked(const char *dir)
{
	char path[PATH_MAX], byte;
	int fd;

	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	snprintf(path, sizeof(path), "%s/allowed/read", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

int cmd_doctor_probe(struct cli *cli, int argc, char **argv)
{
	if (argc != 3 + SIDES * PORTS)
		return cli_usage(cli, "for our own use");
	for (int i = 0; i < SIDES * PORTS; i++)
		doctor_ports[i / PORTS][i % PORTS] = (uint16_t)atoi(argv[3 + i]);
	if (strcmp(argv[1], "tries") != 0)
		_exit(probe_revoked(argv[2]));
	printf("grant %s\n", getenv("DEPUTY_GRANT") ? getenv("DEPUTY_GRANT") : "-");
	return probe_tries(argv[2]);
}
