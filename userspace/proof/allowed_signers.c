/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"
#include "proof/allowed_signers_private.h"

#define KEY_HINT "PRINCIPALS [OPTIONS] KEY-TYPE BASE64, the last two as in a .pub file"

static void errors_add(struct signers_errors *errors, unsigned line, unsigned column, const char *hint,
		       const char *what, va_list args)
{
	struct signers_error *e;

	if (errors->count == SIGNERS_ERRORS_MAX) {
		errors->more++;
		return;
	}
	e = &errors->list[errors->count++];
	*e = (struct signers_error){.line = line, .column = column};
	vsnprintf(e->what, sizeof(e->what), what, args);
	snprintf(e->hint, sizeof(e->hint), "%s", hint ? hint : "");
}

int signers_mistake(struct signers_line *l, const char *at, const char *hint, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	errors_add(l->errors, l->signer.line, (unsigned)(at - l->start) + 1, hint, what, args);
	va_end(args);
	return -EINVAL;
}

int signers_error_format(const char *file, const struct signers_error *e, char *buf, size_t size)
{
	const char *sep = e->hint[0] ? "\n\thint: " : "";
	int n = snprintf(buf, size, "%s:%u:%u: %s%s%s", file, e->line, e->column, e->what, sep, e->hint);

	return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

/* ---- a line ---- */

static void spaces(struct signers_line *l)
{
	l->at += strspn(l->at, " \t");
}

int signers_patterns(struct signers_line *l, const char *at, const char *text, size_t len, char **list)
{
	if (!len)
		return signers_mistake(l, at, NULL, "the list is empty");
	if (len > SIGNERS_LIST_MAX)
		return signers_mistake(l, at, NULL, "the list has more than %u bytes", SIGNERS_LIST_MAX);
	*list = strndup(text, len);
	return *list ? 0 : -ENOMEM;
}

static int principals_take(struct signers_line *l)
{
	const char *start = l->at, *end = start + strcspn(start, " \t");

	if (*start == '"') { /* a pattern may have spaces in it */
		end = strchr(++start, '"');
		if (!end)
			return signers_mistake(l, l->at, NULL, "the quoted principals do not end");
		if (end[1] && !strchr(" \t", end[1]))
			return signers_mistake(l, end + 1, "a space", "text behind the quoted principals");
	}
	l->at = *end == '"' ? end + 1 : end;
	return signers_patterns(l, start, start, (size_t)(end - start), &l->signer.principals);
}

static int key_take(struct signers_line *l)
{
	int err;

	if (!*l->at)
		return signers_mistake(l, l->at, KEY_HINT, "the key is missing");
	err = sshkey_parse_line(l->at, strlen(l->at), &l->signer.key);
	if (!err || err == -ENOMEM)
		return err;
	return signers_mistake(l, l->at, KEY_HINT, "%.30s: %s", l->at, sshkey_problem(err));
}

static int line_take(struct signers_line *l)
{
	int err = principals_take(l);

	spaces(l);
	if (!err && signers_options_come(l))
		err = signers_options(l);
	spaces(l);
	return err ? err : key_take(l);
}

static void signer_clear(struct allowed_signer *s)
{
	free(s->principals);
	free(s->namespaces);
	sshkey_free(s->key);
	*s = (struct allowed_signer){0};
}

/* ---- the file ---- */

/* What would read differently from what it is, in an editor or in the log. */
static int line_check(struct signers_line *l, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)l->start[i] < ' ' && l->start[i] != '\t') || l->start[i] == 0x7f)
			return signers_mistake(l, l->start + i, "lines end in a newline alone",
					       "a control character");
	if (!utf8_valid(l->start, len))
		return signers_mistake(l, l->start, NULL, "the line is not UTF-8");
	return 0;
}

static int signers_add(struct signers_line *l, struct allowed_signers *signers)
{
	struct allowed_signer *list;

	if (signers->count == SIGNERS_MAX)
		return signers_mistake(l, l->start, NULL, "more than %u keys", SIGNERS_MAX);
	list = realloc(signers->list, (signers->count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	signers->list = list;
	list[signers->count++] = l->signer;
	l->signer = (struct allowed_signer){0};
	return 0;
}

static int line_read(struct signers_errors *errors, unsigned number, const char *text, size_t len,
		     struct allowed_signers *signers)
{
	_cleanup_free_ char *line = strndup(text, len);
	struct signers_line l = {errors, line, line, {.line = number}};
	int err;

	if (!line)
		return -ENOMEM;
	if (len > SIGNERS_LINE_MAX)
		return signers_mistake(&l, line, NULL, "the line has more than %u bytes", SIGNERS_LINE_MAX);
	if (strlen(line) != len)
		return signers_mistake(&l, line + strlen(line), NULL, "a NUL character");
	err = line_check(&l, len);
	if (err)
		return err;
	spaces(&l);
	if (!*l.at || *l.at == '#')
		return 0;
	err = line_take(&l);
	if (!err)
		err = signers_add(&l, signers);
	signer_clear(&l.signer);
	return err;
}

int allowed_signers_parse(const char *text, size_t len, struct signers_errors *errors,
			  struct allowed_signers *signers)
{
	const char *end = text + len;
	struct allowed_signers s = {0};
	int err = 0;

	*errors = (struct signers_errors){0};
	if (len > SIGNERS_TEXT_MAX)
		return -EMSGSIZE;
	for (unsigned number = 1; text < end && err != -ENOMEM; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text)) ?: end;

		err = line_read(errors, number, text, (size_t)(newline - text), &s);
		text = newline < end ? newline + 1 : end;
	}
	if (err != -ENOMEM)
		err = errors->count ? -EINVAL : 0;
	if (err)
		allowed_signers_free(&s);
	else
		*signers = s;
	return err;
}

void allowed_signers_free(struct allowed_signers *signers)
{
	for (size_t i = 0; i < signers->count; i++)
		signer_clear(&signers->list[i]);
	free(signers->list);
	*signers = (struct allowed_signers){0};
}
