/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

void line_raw(struct line *t, const char *bytes, size_t len)
{
	if (t->full || len > t->size - t->len) {
		t->full = true;
		return;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
}

void line_printf(struct line *t, const char *format, ...)
{
	char piece[128];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(piece))
		t->full = true;
	else
		line_raw(t, piece, (size_t)len);
}

static void line_char(struct line *t, const char *at, size_t step)
{
	unsigned char c = (unsigned char)*at;

	if (!step)
		line_printf(t, "\\\\x%02x", c);
	else if (c == '"' || c == '\\')
		line_printf(t, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		line_printf(t, "\\u%04x", c);
	else
		line_raw(t, at, step);
}

static void line_string(struct line *t, const char *bytes, size_t len, const char *also)
{
	for (size_t i = 0; i < len;) {
		size_t step = utf8_length(bytes + i, len - i);

		if (bytes[i] && strchr(also, bytes[i]))
			step = 0;
		line_char(t, bytes + i, step);
		i += step ? step : 1;
	}
}

void line_escaped(struct line *t, const char *bytes, size_t len)
{
	line_string(t, bytes, len, "");
}

void line_component(struct line *t, const char *bytes, size_t len)
{
	line_string(t, bytes, len, "\\/");
}

void line_member_bytes(struct line *t, const char *key, const char *value, size_t size)
{
	line_printf(t, ", \"%s\": \"", key);
	line_escaped(t, value, strnlen(value, size));
	line_raw(t, "\"", 1);
}

void line_member(struct line *t, const char *key, const char *value)
{
	if (value)
		line_member_bytes(t, key, value, strlen(value));
	else
		line_printf(t, ", \"%s\": null", key);
}

void line_number(struct line *t, const char *key, uint64_t value)
{
	const char *quote = value > INT64_MAX ? "\"" : "";

	line_printf(t, ", \"%s\": %s%llu%s", key, quote, (unsigned long long)value, quote);
}
