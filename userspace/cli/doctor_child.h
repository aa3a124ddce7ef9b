/* SPDX-License-Identifier: Apache-2.0 */
/* A process of doctor's: this program again, with a pipe each way. */
#ifndef DEPUTY_CLI_DOCTOR_CHILD_H
#define DEPUTY_CLI_DOCTOR_CHILD_H

#include <stdio.h>
#include <sys/types.h>

struct doctor_child {
	pid_t pid;
	FILE *in;  /* to its stdin */
	FILE *out; /* from its stdout */
};

/* Runs the program with `argv`; its stderr goes to the file `log`. 0 or -errno. */
int doctor_child_start(struct doctor_child *c, const char *program, char **argv, const char *log);
/* Waits up to `ms` for it to end of itself, its pipes still open. */
void doctor_child_wait(const struct doctor_child *c, int ms);
/* Closes the pipes and waits. Exit code, or 128 and the signal. */
int doctor_child_end(struct doctor_child *c);

#endif
