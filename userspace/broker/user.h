/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_USER_H
#define DEPUTY_USER_H

#include <limits.h>
#include <sys/types.h>

struct user {
	char name[256];	     /* the user id in decimal when it has no name */
	char home[PATH_MAX]; /* empty: none, or none that a policy could name */
};

void user_find(uid_t uid, struct user *user);

#endif
