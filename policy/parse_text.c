/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Characters. A policy is read by people before it is trusted, so it holds nothing that shows otherwise than
 * it acts: no controls, no marks that reorder text, no line breaks that only some programs see.
 */
#include <errno.h>
#include <string.h>

#include "policy/parse.h"

#define NOT_UTF8 UINT32_MAX

static const struct {
	uint32_t lo, hi;
	const char *what;
} refused[] = {
	{0x0000, 0x0000, "a NUL byte"},
	{0x0001, 0x0008, "a control character"},
	{0x000b, 0x000c, "a control character"},
	{0x000e, 0x001f, "a control character"},
	{0x007f, 0x009f, "a control character"},
	{0x200b, 0x200f, "an invisible character"},
	{0x2028, 0x2029, "a line break that few editors show"},
	{0x202a, 0x202e, "a character that reorders text"},
	{0x2060, 0x206f, "an invisible character"},
	{0xfeff, 0xfeff, "a byte-order mark"},
	{0xfffe, 0xffff, "a character that Unicode has not"},
	{NOT_UTF8, NOT_UTF8, "a byte that is not UTF-8"},
};

/* The lead byte tells the length and the smallest code point that may be written in it. */
static const struct {
	unsigned char mask, lead;
	unsigned more;
	uint32_t least;
} lengths[] = {
	{0x80, 0x00, 0, 0},
	{0xe0, 0xc0, 1, 0x80},
	{0xf0, 0xe0, 2, 0x800},
	{0xf8, 0xf0, 3, 0x10000},
};

/* Takes one character off [*p, end), which is not empty; one byte where it is not UTF-8. */
static uint32_t take(const char **p, const char *end)
{
	unsigned char lead = (unsigned char)*(*p)++;
	const char *s = *p;

	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint32_t c = lead & (unsigned char)~lengths[i].mask;
		unsigned left = lengths[i].more;

		if ((lead & lengths[i].mask) != lengths[i].lead)
			continue;
		for (; left && s < end && ((unsigned char)*s & 0xc0) == 0x80; left--)
			c = c << 6 | ((unsigned char)*s++ & 0x3f);
		if (left || c < lengths[i].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return NOT_UTF8;
		*p = s;
		return c;
	}
	return NOT_UTF8;
}

static const char *fault(uint32_t c)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (c >= refused[i].lo && c <= refused[i].hi)
			return refused[i].what;
	return NULL;
}

int text_check(struct reader *r, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct node at = {.line = 1, .column = 1};

	while (p < end) {
		uint32_t c = take(&p, end);
		const char *what = fault(c);

		if (c == '\r' && (p == end || *p != '\n'))
			what = "a carriage return inside a line";
		if (what) {
			mistake(r, &at, "save the file as plain UTF-8 text", "the file holds %s", what);
			return -EINVAL;
		}
		at.column++;
		if (c == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return 0;
}

/* Escapes can put into a value what the file itself does not hold. */
const char *text_fault(const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	const char *what = NULL;

	while (p < end && !what) {
		uint32_t c = take(&p, end);

		what = c < ' ' && c ? "a line break or control character" : fault(c);
	}
	return what;
}

void text_clean(char *text)
{
	const char *p = text, *end = text + strlen(text);
	char *out = text;

	while (p < end) {
		const char *from = p;

		if (take(&p, end) == NOT_UTF8)
			continue;
		memmove(out, from, (size_t)(p - from));
		out += p - from;
	}
	*out = '\0';
}
