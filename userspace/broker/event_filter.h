/* SPDX-License-Identifier: Apache-2.0 */
/* Which lines of the log a reader gets: those that it may see, and of these those that it asked for. */
#ifndef DEPUTY_EVENT_FILTER_H
#define DEPUTY_EVENT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/http.h"

struct event_filter {
	char owner[OWNER_BYTES]; /* may see: this owner's only; empty: everybody's */
	char user[40];		 /* with `owner`: also what runs as this user for another owner */
	char own[ID_BYTES];	 /* may see: this grant's only, for a tagged reader; empty: any */
	char prefix[ID_BYTES];	 /* asked for: of the grant's id; empty: any */
	char verdict[8];	 /* asked for; empty: any */
	long long pid;		 /* asked for; 0: any */
};

/* From who asks and from the query. The result is that of answer_problem(). */
int event_filter_init(struct exchange *x, struct event_filter *f);
/* One line, with or without its newline. A line that is no JSON object has no owner. */
bool event_filter_match(const struct event_filter *f, const char *line, size_t len);

#endif
