/* SPDX-License-Identifier: Apache-2.0 */
/* What OAuth's endpoints have in common: bodies that are forms, and errors in the form of RFC 6749. */
#ifndef DEPUTY_OAUTH_H
#define DEPUTY_OAUTH_H

#include <stdbool.h>

#include "broker/answer.h"
#include "broker/form.h"

struct exchange;

enum oauth_error {
	OAUTH_INVALID_REQUEST, /* RFC 6749 section 5.2 */
	OAUTH_NOT_YOURS,       /* the same code: RFC 8693 section 2.2.2 */
	OAUTH_INVALID_CLIENT,  /* likewise, and the next two */
	OAUTH_UNSUPPORTED_GRANT_TYPE,
	OAUTH_INVALID_SCOPE,
	OAUTH_INVALID_TARGET,	       /* RFC 8693 section 2.2.2 */
	OAUTH_INVALID_DETAILS,	       /* RFC 9396 section 5 */
	OAUTH_INVALID_DPOP_PROOF,      /* RFC 9449 section 5 */
	OAUTH_USE_DPOP_NONCE,	       /* RFC 9449 section 8 */
	OAUTH_UNSUPPORTED_TOKEN_TYPE,  /* RFC 7009 section 2.2.1 */
	OAUTH_TEMPORARILY_UNAVAILABLE, /* with 503: RFC 7009 section 2.2.1 */
	OAUTH_TOO_MANY,		       /* the same, with 429 (RFC 6585 section 4) */
	OAUTH_ERRORS
};

/* Answers {"error", "error_description"}, as answer_problem() does: always with an -errno. */
int oauth_problem(struct answer *a, enum oauth_error error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the request's body is of a media type, whatever parameters it has; in lower case. */
bool oauth_is(const struct exchange *x, const char *media_type);
/* The form in the request's body; see form_decode(). Else an invalid_request is answered, and -errno. */
int oauth_form(struct exchange *x, const char *repeatable, struct form *form);

#endif
