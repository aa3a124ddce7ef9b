/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body of application/x-www-form-urlencoded, as OAuth's endpoints take it (RFC 6749 appendix B, of UTF-8).
 * What an encoder writes is read, and besides any visible ASCII character that needs no escape; the rest is
 * refused rather than guessed at, so that no two readers take one body for two different requests.
 */
#ifndef DEPUTY_FORM_H
#define DEPUTY_FORM_H

#include <stddef.h>

#define FORM_BODY_MAX  (1u << 20) /* bytes of a body: tokens of chains, escaped */
#define FORM_NAME_MAX  64u	  /* bytes of a name, decoded */
#define FORM_PAIRS_MAX 32u

#define FORM_MEDIA_TYPE "application/x-www-form-urlencoded"

struct form_pair {
	const char *name, *value; /* UTF-8 without NUL, ended by it */
	size_t value_len;
};

struct form {
	struct form_pair
		pair[FORM_PAIRS_MAX]; /* in the order of the body; those without a value are left out */
	size_t count;
	char *memory; /* of all of them */
};

struct form_error {
	size_t at; /* byte of the body, from 0 */
	const char *what;
};

/*
 * Takes a body apart; form_free() in the end. `repeatable`: the names that may come more than once, separated
 * by spaces (RFC 8693 section 2.1 has two; RFC 6749 section 3.2 allows no other to). "" : none. A name
 * without a value counts as twice, too, when it comes twice, but is else as if it was not there
 * (section 3.2). An empty body has no pairs. On error *form is untouched. -EBADMSG   not of the form; an
 * escaped NUL; not UTF-8 -EEXIST    a name twice -EMSGSIZE  past a limit above -ENOMEM
 */
int form_decode(const char *body, size_t size, const char *repeatable, struct form *form,
		struct form_error *error);
void form_free(struct form *form);

/* The first value of a name, NULL: there is none. */
const char *form_value(const struct form *form, const char *name);
/* The next pair of that name, from *at on, which is then set behind it; NULL: there are no more. */
const struct form_pair *form_next(const struct form *form, const char *name, size_t *at);

#endif
