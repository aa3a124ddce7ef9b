/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/form.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

/* What is left of the body, and where its decoded bytes go: into no more than it had. */
struct form_reader {
	const char *body, *at, *end;
	char *out;
	struct form_error *error;
};

static int form_fail(const struct form_reader *r, const char *at, int err, const char *what)
{
	*r->error = (struct form_error){(size_t)(at - r->body), what};
	return err;
}

static int form_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of the text, from one character of the body or three. */
static int form_byte(struct form_reader *r)
{
	const char *p = r->at;
	int high, low;

	if (*p != '%') {
		if (*p <= ' ' || *p > '~') /* signed or not: what is not ASCII is outside */
			return form_fail(r, p, -EBADMSG, "a byte that must be escaped");
		*r->out++ = *p == '+' ? ' ' : *p;
		r->at++;
		return 0;
	}
	high = r->end - p > 2 ? form_digit(p[1]) : -1;
	low = high < 0 ? -1 : form_digit(p[2]);
	if (low < 0)
		return form_fail(r, p, -EBADMSG, "'%' without two hexadecimal digits");
	if (!high && !low)
		return form_fail(r, p, -EBADMSG, "an escaped NUL");
	*r->out++ = (char)(high << 4 | low);
	r->at += 3;
	return 0;
}

/* Up to one of two characters, or the body's end. The text is ended by NUL, which is what that one becomes.
 */
static int form_text(struct form_reader *r, char stop, const char **text, size_t *len)
{
	const char *begin = r->at, *t = r->out;

	while (r->at < r->end && *r->at != '&' && *r->at != stop) {
		int err = form_byte(r);

		if (err)
			return err;
	}
	*len = (size_t)(r->out - t);
	if (!utf8_valid(t, *len))
		return form_fail(r, begin, -EBADMSG, "not UTF-8");
	*r->out++ = '\0';
	*text = t;
	return 0;
}

static int form_pair(struct form_reader *r, struct form_pair *pair)
{
	const char *begin = r->at;
	size_t name_len;
	int err = form_text(r, '=', &pair->name, &name_len);

	if (err)
		return err;
	if (!name_len)
		return form_fail(r, begin, -EBADMSG, "no name");
	if (name_len > FORM_NAME_MAX)
		return form_fail(r, begin, -EMSGSIZE, "a name that is too long");
	if (r->at == r->end || *r->at != '=')
		return form_fail(r, r->at, -EBADMSG, "a name without '='");
	r->at++;
	return form_text(r, '&', &pair->value, &pair->value_len);
}

static bool form_listed(const char *list, const char *name)
{
	size_t len = strlen(name), n;

	for (; *list; list += n + (list[n] == ' ')) {
		n = strcspn(list, " ");
		if (n == len && memcmp(list, name, n) == 0)
			return true;
	}
	return false;
}

static bool form_has(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->pair[i].name, name) == 0)
			return true;
	return false;
}

static int form_read(struct form_reader *r, const char *repeatable, struct form *f)
{
	while (r->at < r->end) {
		const char *begin = r->at;
		struct form_pair pair;
		int err = form_pair(r, &pair);

		if (err)
			return err;
		if (form_has(f, pair.name) && !form_listed(repeatable, pair.name))
			return form_fail(r, begin, -EEXIST, "a name that was there already");
		if (f->count == FORM_PAIRS_MAX)
			return form_fail(r, begin, -EMSGSIZE, "too many pairs");
		f->pair[f->count++] = pair;
		if (r->at == r->end)
			break;
		if (++r->at == r->end)
			return form_fail(r, r->at, -EBADMSG, "nothing behind '&'");
	}
	return 0;
}

/* RFC 6749 section 3.2: a parameter without a value is treated as if it was omitted. */
static void form_drop_empty(struct form *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		if (f->pair[i].value_len)
			f->pair[n++] = f->pair[i];
	f->count = n;
}

int form_decode(const char *body, size_t size, const char *repeatable, struct form *form,
		struct form_error *error)
{
	struct form_reader r = {.body = body, .at = body, .end = body + size, .error = error};
	struct form f = {0};
	int err;

	if (size > FORM_BODY_MAX)
		return form_fail(&r, body, -EMSGSIZE, "a body that is too long");
	f.memory = malloc(size + 1); /* each '=' and '&' becomes a NUL, and one comes behind the last value */
	if (!f.memory)
		return form_fail(&r, body, -ENOMEM, "out of memory");
	r.out = f.memory;
	err = form_read(&r, repeatable, &f);
	if (err) {
		form_free(&f);
		return err;
	}
	form_drop_empty(&f);
	*form = f;
	return 0;
}

void form_free(struct form *form)
{
	free(form->memory);
	*form = (struct form){0};
}

const struct form_pair *form_next(const struct form *form, const char *name, size_t *at)
{
	for (; *at < form->count; ++*at)
		if (strcmp(form->pair[*at].name, name) == 0)
			return &form->pair[(*at)++];
	return NULL;
}

const char *form_value(const struct form *form, const char *name)
{
	size_t at = 0;
	const struct form_pair *pair = form_next(form, name, &at);

	return pair ? pair->value : NULL;
}
