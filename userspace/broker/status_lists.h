/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the outside reads which grants live (draft-ietf-oauth-status-list). Each link names an entry of its
 * own, given to no other grant ever: lists are named after this run of the broker, at random, and a number,
 * and entries are counted. So no slot's next holder is taken for the one before, however long a token
 * outlives its grant, and nothing has to be remembered: an entry is VALID while a grant that lives has it,
 * else INVALID.
 */
#ifndef DEPUTY_STATUS_LISTS_H
#define DEPUTY_STATUS_LISTS_H

#include <stdint.h>

struct broker;
struct grant;

#define STATUS_LIST_ENTRIES                                                                                  \
	65536u		     /* of each list: 8 KiB, of which a few dozen bytes remain when compressed */
#define STATUS_LIST_NAME 40u /* bytes, with its NUL */
#define STATUS_LIST_TTL	 15  /* seconds for which a list may be kept: how late an end is seen outside */
#define STATUS_LIST_LIFE 300 /* seconds after which it proves nothing any more */

struct status_lists {
	char run[17];  /* random, of base64url */
	uint64_t next; /* entries given so far */
};

void status_lists_init(struct status_lists *s);
/* Gives a new grant its entry: before its link is signed. -ENOMEM. */
int status_lists_give(struct broker *b, struct grant *g);
/* Reads a taken-over grant's entry out of its link; one that has none goes without. -ENOMEM. */
int status_lists_adopt(struct grant *g);

#endif
