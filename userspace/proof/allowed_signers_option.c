/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/cleanup.h"
#include "proof/allowed_signers_private.h"

#define TIME_HINT "YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, and Z behind it for UTC"

/* A value without its quotes, and where it stood. */
struct value {
	const char *text;
	const char *at;
};

/* Digits of one of the three lengths, as the fields of struct tm. */
static bool time_fields(const char *text, size_t digits, struct tm *tm)
{
	struct tm t = {.tm_isdst = -1};
	int n, used = 0;

	if (strspn(text, "0123456789") != digits || (digits != 8 && digits != 12 && digits != 14))
		return false;
	n = sscanf(text, "%4d%2d%2d%n%2d%2d%n%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &used, &t.tm_hour,
		   &t.tm_min, &used, &t.tm_sec, &used);
	if (n < 3 || (size_t)used != digits)
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	*tm = t;
	return true;
}

/* mktime() would take the 31st of February for one in March. */
static bool time_same(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
	       a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

static int time_parse(const char *text, int64_t *seconds)
{
	size_t digits = strspn(text, "0123456789");
	const char *zone = text + digits;
	bool utc = strcasecmp(zone, "Z") == 0 || strcasecmp(zone, "UTC") == 0;
	struct tm given, t;
	time_t at;

	if ((*zone && !utc) || !time_fields(text, digits, &given))
		return -EINVAL;
	t = given;
	at = utc ? timegm(&t) : mktime(&t);
	if (at <= 0 || !time_same(&given, &t)) /* 0 stands for no limit, -1 for no time */
		return -EINVAL;
	*seconds = at;
	return 0;
}

static int option_time(struct signers_line *l, const struct value *v, int64_t *field, const char *name)
{
	if (*field)
		return signers_mistake(l, v->at, NULL, "%s is there twice", name);
	if (time_parse(v->text, field))
		return signers_mistake(l, v->at, TIME_HINT, "%.20s: no time", v->text);
	return 0;
}

static int option_after(struct signers_line *l, const struct value *v)
{
	return option_time(l, v, &l->signer.after, "valid-after");
}

static int option_before(struct signers_line *l, const struct value *v)
{
	return option_time(l, v, &l->signer.before, "valid-before");
}

static int option_namespaces(struct signers_line *l, const struct value *v)
{
	if (l->signer.namespaces)
		return signers_mistake(l, v->at, NULL, "namespaces is there twice");
	return signers_patterns(l, v->at, v->text, strlen(v->text), &l->signer.namespaces);
}

static int option_authority(struct signers_line *l, const struct value *v)
{
	return signers_mistake(l, v->at, "name the keys themselves",
			       "cert-authority: certificates are not supported");
}

static const struct option {
	const char *name;
	bool valued;
	int (*take)(struct signers_line *l, const struct value *v);
} options[] = {
	{"cert-authority", false, option_authority},
	{"namespaces", true, option_namespaces},
	{"valid-after", true, option_after},
	{"valid-before", true, option_before},
};

static size_t name_length(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
}

static const struct option *option_find(const char *text)
{
	const size_t n = name_length(text);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == n && strncasecmp(options[i].name, text, n) == 0)
			return &options[i];
	return NULL;
}

/* No type of key is called what an option is, nor has any of these characters. */
bool signers_options_come(const struct signers_line *l)
{
	return option_find(l->at) || strcspn(l->at, "=\",") < strcspn(l->at, " \t");
}

/* Copies the text between the quotes; \" in it is a quote. */
static int quoted_take(struct signers_line *l, char *text)
{
	const char *start = l->at, *p = start;

	if (*p++ != '"')
		return signers_mistake(l, start, NULL, "the value is not quoted");
	for (; *p && *p != '"'; p++) {
		if (p[0] == '\\' && p[1] == '"')
			p++;
		*text++ = *p;
	}
	if (!*p)
		return signers_mistake(l, start, NULL, "the quoted value does not end");
	*text = '\0';
	l->at = p + 1;
	return 0;
}

static int option_take(struct signers_line *l)
{
	const struct option *o = option_find(l->at);
	const size_t n = name_length(l->at);
	char text[SIGNERS_LINE_MAX + 1] = "";
	struct value v = {text, l->at};
	int err = 0;

	if (!o)
		return signers_mistake(l, l->at, "namespaces, valid-after or valid-before",
				       "%.*s: unknown option", n ? (int)(n < 30 ? n : 30) : 1, l->at);
	l->at += n;
	if (o->valued) {
		if (*l->at != '=')
			return signers_mistake(l, l->at, NULL, "%s needs a value: %s=\"...\"", o->name,
					       o->name);
		v.at = ++l->at;
		err = quoted_take(l, text);
	}
	return err ? err : o->take(l, &v);
}

int signers_options(struct signers_line *l)
{
	const char *start = l->at;
	int err;

	for (;; l->at++) {
		err = option_take(l);
		if (err)
			return err;
		if (*l->at != ',')
			break;
	}
	if (*l->at && !strchr(" \t", *l->at))
		return signers_mistake(l, l->at, "a comma between options, and no space",
				       "text behind an option");
	if (l->signer.after && l->signer.before && l->signer.before <= l->signer.after)
		return signers_mistake(l, start, NULL, "valid-before is not after valid-after");
	return 0;
}
