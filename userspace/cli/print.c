/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/utf8.h"

/* UTF-8 of characters that a terminal acts on or that show text in another order than it has: C1 controls,
 * the directional marks, embeddings, overrides and isolates, line and paragraph separators. */
static const struct {
	const char *first, *last;
} unsafe[] = {
	{"\xc2\x80", "\xc2\x9f"},	  {"\xd8\x9c", "\xd8\x9c"},	    {"\xe2\x80\x8b", "\xe2\x80\x8f"},
	{"\xe2\x80\xa8", "\xe2\x80\xae"}, {"\xe2\x81\xa6", "\xe2\x81\xa9"}, {"\xef\xbb\xbf", "\xef\xbb\xbf"},
};

static bool char_safe(const char *at, size_t len)
{
	if (len == 1)
		return (unsigned char)*at >= 0x20 && *at != 0x7f;
	for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
		if (strlen(unsafe[i].first) == len && memcmp(at, unsafe[i].first, len) >= 0 &&
		    memcmp(at, unsafe[i].last, len) <= 0)
			return false;
	return true;
}

void print_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t step = utf8_length(text + i, len - i);

		if (step && char_safe(text + i, step)) {
			fwrite(text + i, 1, step, out);
			i += step;
			continue;
		}
		for (size_t end = i + (step ? step : 1); i < end; i++)
			fprintf(out, "\\x%02x", (unsigned char)text[i]);
	}
}

char *print_safe_copy(const char *text)
{
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	if (!out)
		return NULL;
	print_safe(out, text, strlen(text));
	if (fclose(out)) {
		free(copy);
		return NULL;
	}
	return copy;
}

void print_colour(FILE *out, bool on, enum colour colour)
{
	static const char *const codes[] = {
		[PLAIN] = "0", [RED] = "31", [GREEN] = "32", [YELLOW] = "33", [DIM] = "2", [BOLD] = "1",
	};

	if (on)
		fprintf(out, "\033[%sm", codes[colour]);
}

const char *member_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

long long member_number(const json_t *object, const char *member)
{
	return (long long)json_integer_value(json_object_get(object, member));
}

void print_duration(int64_t seconds, char buf[16])
{
	static const struct {
		int64_t unit, rest;
		const char *format;
	} forms[] = {
		{86400, 3600, "%lldd%02lldh"},
		{3600, 60, "%lldh%02lldm"},
		{60, 1, "%lldm%02llds"},
	};
	long long s = seconds < 0 ? 0 : seconds > 99999 * 86400ll ? 99999 * 86400ll : seconds;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s < forms[i].unit)
			continue;
		snprintf(buf, 16, forms[i].format, s / forms[i].unit, s % forms[i].unit / forms[i].rest);
		return;
	}
	snprintf(buf, 16, "%llds", s);
}

int64_t print_seconds_until(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	return end ? timegm(&tm) - time(NULL) : 0;
}

int print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	return 0;
}

struct table_text {
	size_t columns;
	size_t rows;
	size_t room;
	char **cells; /* rows * columns, the titles first */
};

static void table_text_free(struct table_text *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

struct table_text *table_text_new(size_t columns, const char *const *titles)
{
	struct table_text *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	if (!table_text_row(t, titles))
		return t;
	table_text_free(t);
	return NULL;
}

int table_text_row(struct table_text *t, const char *const *cells)
{
	if (t->rows == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		char **more = reallocarray(t->cells, room * t->columns, sizeof(*more));

		if (!more)
			return -ENOMEM;
		memset(more + t->rows * t->columns, 0, (room - t->rows) * t->columns * sizeof(*more));
		t->cells = more;
		t->room = room;
	}
	t->rows++;
	for (size_t i = 0; i < t->columns; i++) {
		char *cell = print_safe_copy(cells[i] ? cells[i] : "");

		if (!cell)
			return -ENOMEM;
		t->cells[(t->rows - 1) * t->columns + i] = cell;
	}
	return 0;
}

/* Characters, not bytes: bytes of a sequence after its first are not counted. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct table_text *t, size_t column)
{
	size_t width = 0;

	for (size_t i = 0; i < t->rows; i++) {
		size_t one = text_width(t->cells[i * t->columns + column]);

		width = one > width ? one : width;
	}
	return width;
}

static void row_print(const struct table_text *t, size_t row)
{
	for (size_t i = 0; i < t->columns; i++) {
		const char *cell = t->cells[row * t->columns + i];
		size_t pad = i + 1 < t->columns ? column_width(t, i) + 2 - text_width(cell) : 0;

		printf("%s%*s", cell, (int)pad, "");
	}
	putchar('\n');
}

void table_text_print(struct table_text *t, bool bold)
{
	for (size_t i = 0; i < t->rows; i++) {
		print_colour(stdout, bold && i == 0, BOLD);
		row_print(t, i);
		print_colour(stdout, bold && i == 0, PLAIN);
	}
	table_text_free(t);
}
