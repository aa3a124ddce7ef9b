/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern's text to components. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"

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
		return pattern_refuse(
			s->error,
			"one '/' between names and none at the end; /name/** is all beneath a directory",
			"an empty component");
	if (stars > 1 && count > 2)
		return pattern_refuse(s->error, "one '*' within a name; '**' stands alone between slashes",
				      "more than one '*' in a component");
	if (count - stars > NAME_BYTES)
		return pattern_refuse(s->error, "no file can have this name", "a component of over %u bytes",
				      NAME_BYTES);
	if (g[0].c == '.' && (count == 1 || (count == 2 && g[1].c == '.')))
		return pattern_refuse(s->error, "write the path that it leads to", "a component '%.*s'",
				      (int)count, "..");
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
		return pattern_refuse(s->error, "grant a directory further up", "more than %u components",
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
	return pattern_refuse(s->error, "write an absolute path; **/name is a name anywhere, /** everything",
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
