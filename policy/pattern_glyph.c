/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes and variables of a pattern's text, taken out first: nothing they hold is a wildcard. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"

#define SPECIAL "*?[]{}\\$"

int pattern_refuse(struct pattern_error *e, const char *hint, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	vsnprintf(e->what, sizeof(e->what), what, args);
	va_end(args);
	snprintf(e->hint, sizeof(e->hint), "%s", hint);
	return -EINVAL;
}

static void glyph_add(struct source *s, char c, bool wild)
{
	s->glyphs[s->count++] = (struct glyph){c, wild};
}

/* ---- variables ---- */

struct variable {
	const char *name, *value;
	bool path; /* an absolute path, else one name */
};

#define VARIABLES 3

static void variables_set(const struct policy_vars *vars, struct variable list[VARIABLES])
{
	static const struct policy_vars unknown = {"/workdir", "/home", "user"};

	vars = vars ? vars : &unknown;
	list[0] = (struct variable){"workdir", vars->workdir, true};
	list[1] = (struct variable){"home", vars->home, true};
	list[2] = (struct variable){"user", vars->user, false};
}

static int variable_check(const struct source *s, const struct variable *v)
{
	if (!v->value || !*v->value)
		return pattern_refuse(s->error, "run with a value for it, or write the path",
				      "${%s} has no value", v->name);
	if (!v->path && strchr(v->value, '/'))
		return pattern_refuse(s->error, "it stands for one name", "the value of ${%s} holds a '/'",
				      v->name);
	if (v->path && *v->value != '/')
		return pattern_refuse(s->error, "give it an absolute path",
				      "the value of ${%s} is not absolute", v->name);
	if (v->path && s->count)
		return pattern_refuse(s->error, "begin the pattern with it",
				      "${%s} is a whole path but is not first", v->name);
	return 0;
}

/* `text` is behind "${". A root directory adds nothing, so that "${workdir}/x" is "/x" there. */
static int variable_add(struct source *s, const char *text, size_t len, const struct variable *list)
{
	const struct variable *v = list;
	size_t end;
	int ret;

	while (v < list + VARIABLES && (strlen(v->name) != len || memcmp(v->name, text, len)))
		v++;
	if (v == list + VARIABLES)
		return pattern_refuse(s->error,
				      "the variables are ${workdir}, ${home} and ${user}; or write \\${",
				      "unknown variable ${%.*s}", (int)(len < 64 ? len : 64), text);
	ret = variable_check(s, v);
	if (ret)
		return ret;
	for (end = strlen(v->value); v->path && end && v->value[end - 1] == '/';)
		end--;
	for (size_t i = 0; i < end; i++)
		glyph_add(s, v->value[i], false);
	return 0;
}

/* ---- characters ---- */

/* One escape, variable or character at `text`; *used is how much of it that took. */
static int glyph_read(struct source *s, const char *text, const struct variable *list, size_t *used)
{
	if (*text == '\\') {
		if (!text[1] || !strchr(SPECIAL, text[1]))
			return pattern_refuse(s->error, "a backslash stands only before one of " SPECIAL,
					      "a backslash that escapes nothing");
		glyph_add(s, text[1], false);
		*used = 2;
		return 0;
	}
	if (text[0] == '$' && text[1] == '{') {
		size_t len = strcspn(text + 2, "}");

		if (!text[2 + len])
			return pattern_refuse(s->error, "close it with '}', or write \\${",
					      "a '${' without its '}'");
		*used = len + 3;
		return variable_add(s, text + 2, len, list);
	}
	if (strchr("?[{", *text))
		return pattern_refuse(
			s->error,
			"the only wildcard is '*'; write a rule for each name, or a backslash before it",
			"'%c' is no wildcard here", *text);
	glyph_add(s, *text, *text == '*');
	*used = 1;
	return 0;
}

/* Room for the text with every '$' in it grown into the longest value. */
static size_t glyphs_room(const char *text, const struct variable *list)
{
	size_t longest = 0, room = strlen(text) + 1;

	for (size_t i = 0; i < VARIABLES; i++) {
		size_t len = list[i].value ? strlen(list[i].value) : 0;

		longest = len > longest ? len : longest;
	}
	for (; *text; text++)
		room += *text == '$' ? longest : 0;
	return room;
}

int glyphs_read(struct source *s, const char *text, const struct policy_vars *vars)
{
	struct variable list[VARIABLES];
	size_t used = 0;
	int ret;

	variables_set(vars, list);
	s->glyphs = calloc(glyphs_room(text, list), sizeof(*s->glyphs));
	if (!s->glyphs)
		return -ENOMEM;
	for (const char *c = text; *c; c += used) {
		ret = glyph_read(s, c, list, &used);
		if (ret)
			return ret;
	}
	if (*text && !s->count) /* a variable for "/" and nothing else */
		glyph_add(s, '/', false);
	return 0;
}
