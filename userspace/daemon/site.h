/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's files: state directory with lock and log; runtime directory with the socket. */
#ifndef DEPUTY_SITE_H
#define DEPUTY_SITE_H

#include <stdbool.h>

struct site {
	const char *state_dir;
	const char *runtime_dir;
	int lock; /* held for as long as the daemon lives */
	int listen;
	int log;	/* events.jsonl for the recorder: append and read */
	int log_reader; /* the same for the broker */
	int records;	/* the directory of the grants' records */
	bool activated; /* the socket came from the service manager */
	char socket[108];
	char pin_dir[256]; /* where nothing else was configured: one per state directory */
};

/* The state directory's lock, its records and the name of its pins: all that ending the grants needs. */
int site_claim(const char *state_dir, struct site *site);
/* Opens and makes everything; says on stderr what could not be. -EBUSY: another daemon has this state. */
int site_open(const char *state_dir, const char *runtime_dir, struct site *site);
/* Closes all, removes the socket that site_open() made. */
void site_close(struct site *site);

#endif
