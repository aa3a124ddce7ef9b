/* SPDX-License-Identifier: Apache-2.0 */
#include "token/scan.h"

#include <endian.h>
#include <string.h>

#include "common/utf8.h"

#define DIGITS_MAX 15 /* fewer than 2^53: the same number for every parser (RFC 7493 section 2.2) */

#define LOWS  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* How many of the next eight bytes, from the first on, are ASCII and no quote, backslash or control. A byte
 * of zero is seen by what it borrows, which may mark bytes above it too, so the lowest mark is right. */
static unsigned plain_run(const char *at)
{
	uint64_t v, quote, back, marks;

	memcpy(&v, at, sizeof(v));
	v = le64toh(v);
	quote = v ^ LOWS * '"';
	back = v ^ LOWS * '\\';
	marks = (v | (v - LOWS * 0x20) | (quote - LOWS) | (back - LOWS)) & HIGHS;
	return marks ? (unsigned)__builtin_ctzll(marks) / 8 : 8;
}

/* \" \\ \b \f \n \r \t and \u00XX of the other controls but NUL. */
static size_t escape_length(const char *at, size_t len)
{
	if (len >= 2 && memchr("\"\\bfnrt", at[1], 7))
		return 2;
	if (len < 6 || memcmp(at, "\\u00", 4) != 0 || (at[4] != '0' && at[4] != '1'))
		return 0;
	if (!memchr("0123456789abcdef", at[5], 16) || (at[4] == '0' && at[5] == '0'))
		return 0;
	return 6;
}

static bool scan_text(struct scan *s, struct span *text, bool *escaped)
{
	const char *at = s->at + 1, *end = s->end;

	if (s->at == end || *s->at != '"')
		return false;
	*escaped = false;
	text->at = at;
	while (at < end && *at != '"') {
		size_t step = end - at >= 8 ? plain_run(at) : 0;

		if (step) {
			at += step;
			continue;
		}
		step = 1;
		if (*at == '\\') {
			step = escape_length(at, (size_t)(end - at));
			*escaped = true;
		} else if (*at & 0x80) {
			step = utf8_length(at, (size_t)(end - at));
		} else if (*at < 0x20) {
			step = 0;
		}
		if (!step)
			return false;
		at += step;
	}
	if (at == end)
		return false;
	text->len = (size_t)(at - text->at);
	s->at = at + 1;
	return true;
}

bool scan_take(struct scan *s, const char *text, size_t len)
{
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

bool scan_string(struct scan *s, struct span *text)
{
	struct span t;
	bool escaped;

	if (!scan_text(s, &t, &escaped) || escaped)
		return false;
	*text = t;
	return true;
}

bool scan_integer(struct scan *s, int64_t *value)
{
	bool minus = scan_take(s, "-", 1);
	const char *first = s->at;
	int64_t v = 0;

	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		if (s->at - first == DIGITS_MAX)
			return false;
		v = v * 10 + (*s->at - '0');
	}
	/* Nothing, a leading zero, minus zero. What goes on as a fraction fails as whatever was to come next.
	 */
	if (s->at == first || (*first == '0' && (s->at - first > 1 || minus)))
		return false;
	*value = minus ? -v : v;
	return true;
}

int span_compare(struct span a, struct span b)
{
	int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

int scan_member(struct scan *s, struct scan_object *o)
{
	struct span name;

	if (!scan_take(s, o->begun ? "," : "{", 1))
		return o->begun && scan_take(s, "}", 1) ? 0 : -1;
	if (!o->begun && scan_take(s, "}", 1))
		return 0;
	if (!scan_string(s, &name) || !scan_take(s, ":", 1))
		return -1;
	if (o->begun && span_compare(o->name, name) >= 0)
		return -1;
	o->begun = true;
	o->name = name;
	return 1;
}

static bool scan_members(struct scan *s, unsigned depth)
{
	struct scan_object o = {0};
	int more;

	while ((more = scan_member(s, &o)) > 0)
		if (!scan_value(s, depth + 1))
			return false;
	return more == 0;
}

static bool scan_elements(struct scan *s, unsigned depth)
{
	if (!scan_take(s, "[", 1))
		return false;
	if (scan_take(s, "]", 1))
		return true;
	do {
		if (!scan_value(s, depth + 1))
			return false;
	} while (scan_take(s, ",", 1));
	return scan_take(s, "]", 1);
}

bool scan_value(struct scan *s, unsigned depth)
{
	struct span text;
	int64_t number;
	bool escaped;

	if (s->at == s->end || depth >= SCAN_DEPTH_MAX)
		return false;
	switch (*s->at) {
	case '"':
		return scan_text(s, &text, &escaped);
	case '{':
		return scan_members(s, depth);
	case '[':
		return scan_elements(s, depth);
	case 't':
		return scan_take(s, "true", 4);
	case 'f':
		return scan_take(s, "false", 5);
	case 'n':
		return scan_take(s, "null", 4);
	default:
		return scan_integer(s, &number);
	}
}
