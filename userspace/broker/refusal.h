/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEPUTY_REFUSAL_H
#define DEPUTY_REFUSAL_H

#include <stdint.h>

struct exchange;

/* What is noted in one second, so that a stranger does not fill the disk by asking: of an agent with all that
 * it delegated, of an owner with all agents of his, and of all, so that none of them hides what others ask.
 */
#define REFUSALS_PER_TREE   20u
#define REFUSALS_PER_OWNER  60u
#define REFUSALS_PER_SECOND 240u

struct refusal_account {
	uint64_t who;
	unsigned count;
};

struct refusals {
	uint64_t second; /* CLOCK_MONOTONIC */
	unsigned count, accounts;
	struct refusal_account
		of[2 * REFUSALS_PER_SECOND]; /* a note makes two at most, and else none is made */
};

/* Notes in the log that somebody was refused authority that he asked for, an agent by its grant: requests
 * that failed for another reason than their form. The last one that is noted in a second says so. */
void refusal_note(const struct exchange *x);

#endif
