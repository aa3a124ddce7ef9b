/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the outside reads which grants, and which tokens that they were exchanged for, are good
 * (draft-ietf-oauth-status-list). Each link and each access token names an entry of its own, given to nothing
 * else ever: lists are named after this run of the broker, at random, and a number, and entries are counted.
 * So no slot's next holder is taken for the one before, however long a token outlives its grant, and nothing
 * has to be remembered: an entry is VALID while what has it is good, else INVALID.
 */
#ifndef DEPUTY_STATUS_LISTS_H
#define DEPUTY_STATUS_LISTS_H

#include <stdint.h>

struct broker;
struct grant;

#define STATUS_LIST_ENTRIES 65536u /* of each list: 8 KiB, a few dozen bytes when compressed */
#define STATUS_LIST_NAME    40u	   /* bytes, with its NUL */
#define STATUS_LIST_TTL	    15	   /* seconds for which a list may be kept: how late an end is seen outside */
#define STATUS_LIST_LIFE    300	   /* seconds after which it proves nothing any more */

#define STATUS_NONE UINT64_MAX /* no entry */

struct status_lists {
	char run[17];  /* random, of base64url */
	uint64_t next; /* entries given so far */
};

void status_lists_init(struct status_lists *s);
/* A new entry, and in which list it is: index entry % STATUS_LIST_ENTRIES there. The caller frees *uri.
 * -ENOMEM. */
int status_lists_take(struct broker *b, uint64_t *entry, char **uri);
/* Gives a new grant its entry: before its link is signed. -ENOMEM. */
int status_lists_give(struct broker *b, struct grant *g);
/* Reads a taken-over grant's entry out of its link; one that has none goes without. -ENOMEM. */
int status_lists_adopt(struct grant *g);

#endif
