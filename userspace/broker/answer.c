/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

static const struct {
	unsigned status;
	int err;
	const char *code;
} problems[PROBLEMS] = {
	[PROBLEM_BAD_REQUEST] = {400, -EINVAL, "bad_request"},
	[PROBLEM_BAD_POLICY] = {400, -EINVAL, "bad_policy"},
	[PROBLEM_FORBIDDEN] = {403, -EPERM, "forbidden"},
	[PROBLEM_NOT_FOUND] = {404, -ENOENT, "not_found"},
	[PROBLEM_CONFLICT] = {409, -EBUSY, "conflict"},
	[PROBLEM_TOO_LARGE] = {413, -EMSGSIZE, "too_large"},
	[PROBLEM_REFUSED] = {422, -EACCES, "refused"},
	[PROBLEM_TOO_MANY] = {429, -EAGAIN, "too_many"},
	[PROBLEM_UNAVAILABLE] = {503, -EIO, "unavailable"},
};

json_t *answer_text(const char *text)
{
	_cleanup_free_ char *ascii = NULL;
	json_t *s = json_string(text);

	if (s)
		return s;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *p = ascii; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(ascii);
}

int answer_json(struct answer *a, unsigned status, json_t *body)
{
	if (!body) {
		answer_problem(a, PROBLEM_UNAVAILABLE, "out of memory");
		return -ENOMEM;
	}
	answer_clear(a);
	a->status = status;
	a->body = body;
	return 0;
}

int answer_problem(struct answer *a, enum problem problem, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL; /* vasprintf() leaves it undefined */
	answer_clear(a);
	a->status = problems[problem].status;
	a->body = json_pack("{s:s, s:o}", "error", problems[problem].code, "message",
			    answer_text(text ? text : "out of memory"));
	return problems[problem].err;
}

void answer_detail(struct answer *a, const char *text)
{
	json_t *details = json_object_get(a->body, "details");

	if (!details) {
		details = json_array();
		if (json_object_set_new(a->body, "details", details))
			return;
	}
	json_array_append_new(details, answer_text(text));
}

const char *answer_message(const struct answer *a)
{
	const json_t *text = json_object_get(a->body, "message");

	return json_string_value(text ?: json_object_get(a->body, "error_description")); /* oauth_problem() */
}

void answer_clear(struct answer *a)
{
	json_decref(a->body);
	a->body = NULL;
	a->status = 0;
	a->refused = false;
}
