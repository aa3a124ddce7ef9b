/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the file while it is read. */
#ifndef DEPUTY_ALLOWED_SIGNERS_PRIVATE_H
#define DEPUTY_ALLOWED_SIGNERS_PRIVATE_H

#include "proof/allowed_signers.h"

struct signers_line {
	struct signers_errors *errors;
	const char *start; /* ended by NUL */
	const char *at;	   /* how far it was read */
	struct allowed_signer signer;
};

/* Notes a mistake at a place of the line. Always -EINVAL. */
int signers_mistake(struct signers_line *l, const char *at, const char *hint, const char *what, ...)
	__attribute__((format(printf, 4, 5)));
/* Copies a list of patterns, which stands at a place of the line. 0, -EINVAL with a mistake noted, -ENOMEM.
 */
int signers_patterns(struct signers_line *l, const char *at, const char *text, size_t len, char **list);
/* Whether what comes are options, and no key. */
bool signers_options_come(const struct signers_line *l);
/* Takes them. 0, -EINVAL, -ENOMEM. */
int signers_options(struct signers_line *l);

#endif
