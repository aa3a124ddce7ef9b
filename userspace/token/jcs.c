/* SPDX-License-Identifier: Apache-2.0 */
#include "token/jcs.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/utf8.h"

struct jcs {
	char *text;
	size_t len, room;
	unsigned depth;
};

static int jcs_value(struct jcs *j, const json_t *value);

static int jcs_put(struct jcs *j, const char *bytes, size_t len)
{
	size_t need = j->len + len + 1; /* neither is over JCS_MAX, or a string in memory */

	if (need > JCS_MAX + 1)
		return -EMSGSIZE;
	if (need > j->room) {
		size_t room = need + need / 2 + 64;
		char *t = realloc(j->text, room);

		if (!t)
			return -ENOMEM;
		j->text = t;
		j->room = room;
	}
	memcpy(j->text + j->len, bytes, len);
	j->len += len;
	return 0;
}

static int jcs_puts(struct jcs *j, const char *text)
{
	return jcs_put(j, text, strlen(text));
}

/* ---- numbers ---- */

struct decimal {
	char digits[20]; /* NUL-ended, the first one no zero */
	int exponent;	 /* of the first digit */
};

/* Digits only, and no decimal point, whatever the locale calls one. */
static double decimal_value(const struct decimal *d)
{
	char text[48];

	snprintf(text, sizeof(text), "%se%d", d->digits, d->exponent - (int)strlen(d->digits) + 1);
	return strtod(text, NULL);
}

static void decimal_round(double number, int count, struct decimal *d)
{
	char text[64], *out = d->digits;
	const char *p = text;

	snprintf(text, sizeof(text), "%.*e", count - 1, number);
	for (; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			*out++ = *p;
	*out = '\0';
	d->exponent = (int)strtol(p + 1, NULL, 10);
}

/* One unit more in the last digit. */
static void decimal_next(struct decimal *d)
{
	size_t i = strlen(d->digits);

	while (i && d->digits[i - 1] == '9')
		d->digits[--i] = '0';
	if (i) {
		d->digits[i - 1]++;
	} else {
		d->digits[0] = '1'; /* 9.99 to 10.0: the zeros behind it are right already */
		d->exponent++;
	}
}

/*
 * ECMA-262, Number::toString, step 5: as few digits as give the number back, and of those the nearest. Of one
 * count the nearest is what printf() rounds to. It alone is not enough: above a power of two the doubles lie
 * twice as far apart as below, so that the nearest, below, may be another double's while the next above is
 * ours (2^-44 is 5.684341886080802e-14). Seventeen digits always do.
 */
static void decimal_shortest(double number, struct decimal *d)
{
	for (int count = 1; count <= 17; count++) {
		struct decimal next;

		decimal_round(number, count, d);
		if (decimal_value(d) == number)
			return;
		next = *d;
		decimal_next(&next);
		if (decimal_value(&next) == number) {
			*d = next;
			return;
		}
	}
}

static char *put_zeros(char *out, int count)
{
	for (; count > 0; count--)
		*out++ = '0';
	return out;
}

/* 1e21, 1.5e-7. */
static void decimal_scientific(const struct decimal *d, char *out)
{
	*out++ = d->digits[0];
	if (d->digits[1])
		out += sprintf(out, ".%s", d->digits + 1);
	sprintf(out, "e%+d", d->exponent);
}

/* ECMA-262, Number::toString, steps 6 to 12: from 1e-6 up to below 1e21 without an exponent. */
static void decimal_layout(const struct decimal *d, char *out)
{
	int count = (int)strlen(d->digits), point = d->exponent + 1;

	if (point > 21 || point <= -6) {
		decimal_scientific(d, out);
	} else if (point >= count) {
		out += sprintf(out, "%s", d->digits);
		*put_zeros(out, point - count) = '\0';
	} else if (point > 0) {
		sprintf(out, "%.*s.%s", point, d->digits, d->digits + point);
	} else {
		out += sprintf(out, "0.");
		strcpy(put_zeros(out, -point), d->digits);
	}
}

void jcs_number(double number, char text[JCS_NUMBER_MAX])
{
	struct decimal d;

	if (number == 0) {
		strcpy(text, "0"); /* and of -0 the same */
		return;
	}
	if (number < 0)
		*text++ = '-';
	decimal_shortest(fabs(number), &d);
	decimal_layout(&d, text);
}

static int jcs_real(struct jcs *j, const json_t *value)
{
	double number = json_real_value(value);
	char text[JCS_NUMBER_MAX];

	if (!isfinite(number))
		return -EINVAL;
	jcs_number(number, text);
	return jcs_puts(j, text);
}

static int jcs_integer(struct jcs *j, const json_t *value)
{
	json_int_t number = json_integer_value(value);
	char text[JCS_NUMBER_MAX];

	if (number > JCS_INTEGER_MAX || number < -JCS_INTEGER_MAX)
		return -ERANGE;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, number);
	return jcs_puts(j, text);
}

/* ---- strings ---- */

/* RFC 8785 section 3.2.2.2: the seven short escapes, \u00xx for other controls, everything else as it is. */
static int jcs_escape(struct jcs *j, char c)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *at = c ? strchr(from, c) : NULL;
	char text[8];

	if (at)
		snprintf(text, sizeof(text), "\\%c", to[at - from]);
	else
		snprintf(text, sizeof(text), "\\u%04x", (unsigned)(unsigned char)c);
	return jcs_puts(j, text);
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static int jcs_string(struct jcs *j, const char *s, size_t len)
{
	const char *end = s + len;
	int err = utf8_valid(s, len) ? jcs_puts(j, "\"") : -EINVAL;

	while (!err && s < end) {
		const char *p = s;

		while (p < end && is_plain(*p))
			p++;
		err = jcs_put(j, s, (size_t)(p - s));
		if (!err && p < end)
			err = jcs_escape(j, *p++);
		s = p;
	}
	return err ? err : jcs_puts(j, "\"");
}

/* ---- arrays and objects ---- */

static int jcs_array(struct jcs *j, const json_t *value)
{
	int err = jcs_puts(j, "[");

	for (size_t i = 0; !err && i < json_array_size(value); i++) {
		if (i)
			err = jcs_puts(j, ",");
		if (!err)
			err = jcs_value(j, json_array_get(value, i));
	}
	return err ? err : jcs_puts(j, "]");
}

/*
 * UTF-8 sorts as code points do, and those as UTF-16 does but for one thing: surrogates, that is what is past
 * U+FFFF and begins with 0xf0 or more, come before U+E000 to U+FFFF, that begins with 0xee or 0xef.
 */
static int unit_rank(unsigned char byte)
{
	return byte == 0xee || byte == 0xef ? byte + 0x10 : byte;
}

int jcs_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t n = a_len < b_len ? a_len : b_len;

	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return unit_rank((unsigned char)a[i]) - unit_rank((unsigned char)b[i]);
	return (a_len > b_len) - (a_len < b_len);
}

struct member {
	const char *name;
	size_t len;
	const json_t *value;
};

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	return jcs_compare(x->name, x->len, y->name, y->len);
}

static int jcs_member(struct jcs *j, const struct member *m)
{
	int err = jcs_string(j, m->name, m->len);

	if (!err)
		err = jcs_puts(j, ":");
	return err ? err : jcs_value(j, m->value);
}

static int jcs_object(struct jcs *j, const json_t *value)
{
	json_t *object = (json_t *)value; /* the iterator's prototype asks for it; nothing is changed */
	_cleanup_free_ struct member *list = calloc(json_object_size(object) + 1, sizeof(*list));
	size_t count = 0;
	int err = list ? jcs_puts(j, "{") : -ENOMEM;

	if (err)
		return err;
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
		list[count++] = (struct member){json_object_iter_key(i), json_object_iter_key_len(i),
						json_object_iter_value(i)};
	qsort(list, count, sizeof(*list), member_compare);
	for (size_t i = 0; !err && i < count; i++) {
		if (i)
			err = jcs_puts(j, ",");
		if (!err)
			err = jcs_member(j, &list[i]);
	}
	return err ? err : jcs_puts(j, "}");
}

static int jcs_nested(struct jcs *j, const json_t *value)
{
	int err;

	if (j->depth >= JCS_DEPTH_MAX)
		return -EMSGSIZE;
	j->depth++;
	err = json_is_array(value) ? jcs_array(j, value) : jcs_object(j, value);
	j->depth--;
	return err;
}

static int jcs_value(struct jcs *j, const json_t *value)
{
	if (!value)
		return -EINVAL;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return jcs_nested(j, value);
	case JSON_STRING:
		return jcs_string(j, json_string_value(value), json_string_length(value));
	case JSON_INTEGER:
		return jcs_integer(j, value);
	case JSON_REAL:
		return jcs_real(j, value);
	case JSON_TRUE:
		return jcs_puts(j, "true");
	case JSON_FALSE:
		return jcs_puts(j, "false");
	case JSON_NULL:
		return jcs_puts(j, "null");
	}
	return -EINVAL;
}

int jcs_dump(const json_t *value, char **text, size_t *len)
{
	struct jcs j = {0};
	int err = jcs_value(&j, value);

	if (err) {
		free(j.text);
		return err;
	}
	j.text[j.len] = '\0'; /* jcs_put() leaves room for it */
	*text = j.text;
	if (len)
		*len = j.len;
	return 0;
}
