/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/scope.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct name {
	const char *at;
	size_t len;
};

static bool part_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", s[i]))
			return false;
	return n && !(s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.')));
}

static bool name_ok(struct name s)
{
	const char *end = s.at + s.len;

	for (const char *p = s.at;; p++) {
		const char *slash = memchr(p, '/', (size_t)(end - p));

		if (!part_ok(p, (size_t)((slash ?: end) - p)))
			return false;
		if (!slash)
			return true;
		p = slash;
	}
}

/* RFC 6749 section 3.3: one space between two, and none anywhere else. */
static int scopes_split(const char *text, struct name list[SCOPES_MAX], size_t *count)
{
	size_t n = 0;

	if (strlen(text) > SCOPE_TEXT_MAX)
		return -EINVAL;
	for (const char *p = text;; p++) {
		struct name s = {p, strcspn(p, " ")};

		if (n == SCOPES_MAX || !name_ok(s))
			return -EINVAL;
		list[n++] = s;
		p += s.len;
		if (!*p)
			break;
	}
	*count = n;
	return 0;
}

static bool name_within(struct name s, struct name whole)
{
	return s.len >= whole.len && memcmp(s.at, whole.at, whole.len) == 0 &&
	       (s.len == whole.len || s.at[whole.len] == '/');
}

struct scopes {
	struct name list[SCOPES_MAX];
	size_t count;
};

static bool scopes_have(const struct scopes *s, struct name one)
{
	for (size_t i = 0; i < s->count; i++)
		if (name_within(one, s->list[i]))
			return true;
	return false;
}

/* Of two names of which one is within the other, the narrower. */
static void scopes_meet(const struct scopes *a, const struct scopes *b, struct scopes *both)
{
	both->count = 0;
	for (size_t i = 0; i < a->count && both->count < SCOPES_MAX; i++)
		if (scopes_have(b, a->list[i]))
			both->list[both->count++] = a->list[i];
	for (size_t i = 0; i < b->count && both->count < SCOPES_MAX; i++)
		if (scopes_have(a, b->list[i]) && !scopes_have(both, b->list[i]))
			both->list[both->count++] = b->list[i];
}

static int scopes_join(const struct scopes *s, char *text)
{
	char *p = text;

	*p = '\0';
	for (size_t i = 0; i < s->count; i++) {
		if ((size_t)(p - text) + s->list[i].len + (i > 0) > SCOPE_TEXT_MAX)
			return -EINVAL;
		p += sprintf(p, "%s%.*s", i ? " " : "", (int)s->list[i].len, s->list[i].at);
	}
	return 0;
}

int scope_narrow(const char *asked, const char *have, const char *purpose, char *scope)
{
	struct scopes mine, whole, both, want;

	if (scopes_split(have, mine.list, &mine.count) || scopes_split(purpose, whole.list, &whole.count))
		return -EINVAL;
	scopes_meet(&mine, &whole, &both);
	if (!both.count)
		return -EACCES;
	if (!asked)
		return scopes_join(&both, scope);
	if (scopes_split(asked, want.list, &want.count))
		return -EINVAL;
	for (size_t i = 0; i < want.count; i++)
		if (!scopes_have(&both, want.list[i]))
			return -EACCES;
	return scopes_join(&want, scope);
}
