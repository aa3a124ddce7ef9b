/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask for what on the socket: all of it is the one table in access.c. */
#ifndef DEPUTY_ACCESS_H
#define DEPUTY_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/answer.h"
#include "broker/grants.h"

struct exchange;

enum who {
	WHO_ANY,      /* every local process */
	WHO_UNTAGGED, /* one that acts under no grant */
	WHO_TAGGED,   /* one that acts under a grant that lives */
	WHO_SEES,     /* the path names a grant: its owner, root, or a process under that very grant or one
			 that delegated it */
	WHO_OWNS,     /* likewise, but no tagged process: it is its grant, and no grant administers */
	WHO_ROOT,     /* root, under no grant */
};

struct caller {
	uid_t uid;
	uint32_t slot, gen; /* slot 0: untagged */
	uint32_t threads;
	uint32_t tgid; /* as the initial pid namespace counts */
};

/* Fills in the exchange's answer or response. 0 or the -errno of a problem that it answered. */
typedef int (*route_handler)(struct exchange *x);

struct route {
	const char *method;
	const char *path; /* ending in '/': a grant's id follows; with '*': it stands there */
	enum who who;
	size_t body_max;       /* bytes */
	const char *arguments; /* allowed in the query, separated by spaces */
	route_handler handler;
};

/* *id is set to the part of the path that names a grant, "" where none does. NULL: no such request. */
const struct route *access_route(const char *method, const char *path, const char **id, size_t *id_len);

/* The grants that a caller may know of. A grant_filter over a struct caller. */
bool access_sees(const struct grant *g, const void *caller);

/* Whether the caller may administer grants, which no tagged process may. The result is that of
 * answer_problem(). */
int access_owns(const struct registry *grants, const struct caller *caller, struct answer *answer);

/*
 * Whether the caller may ask this. Finds the grant that the path names: one that the caller may not see is
 * answered exactly as one that does not exist. Otherwise the result is that of answer_problem().
 */
int access_check(const struct registry *grants, const struct route *route, const struct caller *caller,
		 const char *id, struct answer *answer, struct grant **grant);

#endif
