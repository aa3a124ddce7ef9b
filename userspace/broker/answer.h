/* SPDX-License-Identifier: Apache-2.0 */
/* What a request is answered with, before it becomes HTTP. */
#ifndef DEPUTY_ANSWER_H
#define DEPUTY_ANSWER_H

#include <jansson.h>
#include <stdbool.h>

enum problem {
	PROBLEM_BAD_REQUEST,
	PROBLEM_BAD_POLICY,
	PROBLEM_FORBIDDEN,
	PROBLEM_NOT_FOUND,
	PROBLEM_CONFLICT,
	PROBLEM_TOO_LARGE,
	PROBLEM_REFUSED,
	PROBLEM_TOO_MANY,
	PROBLEM_UNAVAILABLE,
	PROBLEMS
};

struct answer {
	unsigned status; /* of HTTP; 0 = not answered yet */
	json_t *body;	 /* owned */
	bool refused;	 /* authority that was asked for, and not a mistake in how: for the log */
};

/* Takes over `body`; without one (no memory) the answer is PROBLEM_UNAVAILABLE. 0 or -ENOMEM. */
int answer_json(struct answer *a, unsigned status, json_t *body);

/* Answers with an error for people to read, in place of any earlier answer. Always returns the problem's
 * -errno, so that it can end a function. */
int answer_problem(struct answer *a, enum problem problem, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds one line of "details" to an error. */
void answer_detail(struct answer *a, const char *text);
/* What an error says to people, NULL when the answer is none. */
const char *answer_message(const struct answer *a);
void answer_clear(struct answer *a);

/* A JSON string of text that was cut somewhere: bytes that are not UTF-8 become '?'. */
json_t *answer_text(const char *text);

#endif
