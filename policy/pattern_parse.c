/* SPDX-License-Identifier: Apache-2.0 */
/* Text to pattern: escapes and variables first, so that nothing they hold is taken for a wildcard. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"

#define SPECIAL "*?[]{}\\$"

struct glyph {
	char c;
	bool wild; /* a '*' as written, neither escaped nor out of a variable */
};

struct source {
	struct glyph *glyphs;
	size_t count;
	struct pattern_error *error;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct pattern_error *e, const char *hint,
                                                        const char *what, ...)
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
		return refuse(s->error, "run with a value for it, or write the path", "${%s} has no value",
		              v->name);
	if (!v->path && strchr(v->value, '/'))
		return refuse(s->error, "it stands for one name", "the value of ${%s} holds a '/'", v->name);
	if (v->path && *v->value != '/')
		return refuse(s->error, "give it an absolute path", "the value of ${%s} is not absolute",
		              v->name);
	if (v->path && s->count)
		return refuse(s->error, "begin the pattern with it", "${%s} is a whole path but is not first",
		              v->name);
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
		return refuse(s->error, "the variables are ${workdir}, ${home} and ${user}; or write \\${",
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
			return refuse(s->error, "a backslash stands only before one of " SPECIAL,
			              "a backslash that escapes nothing");
		glyph_add(s, text[1], false);
		*used = 2;
		return 0;
	}
	if (text[0] == '$' && text[1] == '{') {
		size_t len = strcspn(text + 2, "}");

		if (!text[2 + len])
			return refuse(s->error, "close it with '}', or write \\${", "a '${' without its '}'");
		*used = len + 3;
		return variable_add(s, text + 2, len, list);
	}
	if (strchr("?[{", *text))
		return refuse(
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

static int glyphs_read(struct source *s, const char *text, const struct policy_vars *vars)
{
	struct variable list[VARIABLES];
	size_t used;
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

/* ---- components ---- */

static char *text_take(const struct glyph *g, size_t count)
{
	char *text = malloc(count + 1);

	for (size_t i = 0; text && i < count; i++)
		text[i] = g[i].c;
	if (text)
		text[count] = '\0';
	return text;
}

static int component_check(const struct source *s, const struct glyph *g, size_t count, size_t stars)
{
	if (!count)
		return refuse(
		        s->error,
		        "one '/' between names and none at the end; /name/** is all beneath a directory",
		        "an empty component");
	if (stars > 1 && count > 2)
		return refuse(s->error, "one '*' within a name; '**' stands alone between slashes",
		              "more than one '*' in a component");
	if (count - stars > NAME_BYTES)
		return refuse(s->error, "no file can have this name", "a component of over %u bytes",
		              NAME_BYTES);
	if (g[0].c == '.' && (count == 1 || (count == 2 && g[1].c == '.')))
		return refuse(s->error, "write the path that it leads to", "a component '%.*s'", (int)count,
		              "..");
	return 0;
}

static int part_read(const struct glyph *g, size_t count, size_t stars, struct part *part)
{
	size_t star = 0;

	while (star < count && !g[star].wild)
		star++;
	part->kind = stars == 2 ? PART_DEEP : !stars ? PART_NAME : count == 1 ? PART_ANY : PART_GLOB;
	if (part->kind == PART_DEEP || part->kind == PART_ANY)
		return 0;
	part->text = text_take(g, star);
	if (part->kind == PART_GLOB)
		part->suffix = text_take(g + star + 1, count - star - 1);
	return part->text && (part->suffix || part->kind == PART_NAME) ? 0 : -ENOMEM;
}

/* A glob with no room for its star is the name that is left. */
static int glob_close(struct part *part)
{
	char *name;

	if (part->kind != PART_GLOB || strlen(part->text) + strlen(part->suffix) < NAME_BYTES)
		return 0;
	name = realloc(part->text, NAME_BYTES + 1);
	if (!name)
		return -ENOMEM;
	strcat(name, part->suffix);
	free(part->suffix);
	*part = (struct part){PART_NAME, name, NULL};
	return 0;
}

/* Keeps to one form of equal ones: DEEP DEEP is DEEP, and DEEP ANY is ANY DEEP. */
static void part_append(struct pattern *p, struct part part)
{
	struct part *last = p->count ? &p->parts[p->count - 1] : NULL;
	bool deep = last && last->kind == PART_DEEP;

	if (deep && part.kind == PART_DEEP)
		return;
	if (deep && part.kind == PART_ANY) {
		*last = part;
		part.kind = PART_DEEP;
	}
	p->parts[p->count++] = part;
}

static int component_add(struct source *s, const struct glyph *g, size_t count, struct pattern *pattern)
{
	struct part part = {0};
	size_t stars = 0;
	int ret;

	for (size_t i = 0; i < count; i++)
		stars += g[i].wild;
	ret = component_check(s, g, count, stars);
	if (ret)
		return ret;
	if (pattern->count == PATTERN_PARTS)
		return refuse(s->error, "grant a directory further up", "more than %u components",
		              PATTERN_PARTS);
	ret = part_read(g, count, stars, &part);
	if (!ret)
		ret = glob_close(&part);
	if (ret) {
		free(part.text);
		free(part.suffix);
		return ret;
	}
	part_append(pattern, part);
	return 0;
}

/* "**" + "/name" is "/" + "**" + "/name". */
static int components_start(const struct source *s, size_t *start)
{
	const struct glyph *g = s->glyphs;

	*start = 1;
	if (s->count && g[0].c == '/')
		return 0;
	*start = 0;
	if (s->count > 2 && g[0].wild && g[1].wild && g[2].c == '/')
		return 0;
	return refuse(s->error, "write an absolute path; **/name is a name anywhere, /** everything",
	              "the pattern does not begin with '/'");
}

static int components_read(struct source *s, struct pattern *pattern)
{
	size_t from, to;
	int ret = components_start(s, &from);

	if (ret || (from == 1 && s->count == 1))
		return ret;
	pattern->parts = calloc(PATTERN_PARTS, sizeof(*pattern->parts));
	if (!pattern->parts)
		return -ENOMEM;
	for (; from <= s->count; from = to + 1) {
		for (to = from; to < s->count && s->glyphs[to].c != '/';)
			to++;
		ret = component_add(s, s->glyphs + from, to - from, pattern);
		if (ret)
			return ret;
	}
	return 0;
}

/* Thousands of patterns are held at once, and few are long. */
static void pattern_trim(struct pattern *pattern)
{
	struct part *parts = pattern->count ? realloc(pattern->parts, pattern->count * sizeof(*parts)) : NULL;

	if (parts)
		pattern->parts = parts;
}

int pattern_parse(const char *text, const struct policy_vars *vars, struct pattern_error *error,
                  struct pattern *pattern)
{
	struct source s = {.error = error};
	struct pattern result = {0};
	int ret;

	ret = glyphs_read(&s, text, vars);
	if (!ret)
		ret = components_read(&s, &result);
	free(s.glyphs);
	if (ret) {
		pattern_free(&result);
		return ret;
	}
	pattern_trim(&result);
	*pattern = result;
	return 0;
}
