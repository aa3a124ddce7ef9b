/* SPDX-License-Identifier: Apache-2.0 */
/* Parts, and the reference evaluator. */
#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"

void pattern_free(struct pattern *pattern)
{
	for (size_t i = 0; i < pattern->count; i++) {
		free(pattern->parts[i].text);
		free(pattern->parts[i].suffix);
	}
	free(pattern->parts);
	*pattern = (struct pattern){0};
}

static bool begins(const char *name, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return n <= len && !memcmp(name, prefix, n);
}

static bool ends(const char *name, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return n <= len && !memcmp(name + len - n, suffix, n);
}

bool part_matches(const struct part *part, const char *name, size_t len)
{
	const char *text = part_text(part->text), *suffix = part_text(part->suffix);

	switch (part->kind) {
	case PART_NAME:
		return strlen(text) == len && !memcmp(text, name, len);
	case PART_GLOB:
		return strlen(text) + strlen(suffix) <= len && begins(name, len, text) &&
		       ends(name, len, suffix);
	case PART_ANY:
		return true;
	case PART_DEEP:
		break;
	}
	return false;
}

/* b's prefix must already hold in a's prefix: what a leaves open may be anything. Likewise the suffix. */
static bool glob_within(const struct part *a, const struct part *b)
{
	const char *prefix = part_text(a->text), *suffix = part_text(a->suffix);

	return begins(prefix, strlen(prefix), part_text(b->text)) &&
	       ends(suffix, strlen(suffix), part_text(b->suffix));
}

bool part_within(const struct part *a, const struct part *b)
{
	if (a->kind == PART_NAME)
		return part_matches(b, part_text(a->text), strlen(part_text(a->text)));
	if (a->kind == PART_DEEP || b->kind == PART_DEEP)
		return false;
	if (b->kind == PART_ANY)
		return true;
	return a->kind == PART_GLOB && b->kind == PART_GLOB && glob_within(a, b);
}

bool part_equal(const struct part *a, const struct part *b)
{
	return a->kind == b->kind && !strcmp(part_text(a->text), part_text(b->text)) &&
	       !strcmp(part_text(a->suffix), part_text(b->suffix));
}

/* One component: at[i] says that parts before i match the path so far. From the back, as at[i + 1] is old. */
static void match_step(const struct pattern *p, bool *at, const char *name, size_t len)
{
	for (size_t i = p->count + 1; i-- > 0;) {
		bool stays = i < p->count && p->parts[i].kind == PART_DEEP;
		bool comes = i > 0 && at[i - 1] && part_matches(&p->parts[i - 1], name, len);

		at[i] = (at[i] && stays) || comes;
	}
}

/* PART_DEEP also stands for no name at all. */
static void match_skip(const struct pattern *p, bool *at)
{
	for (size_t i = 0; i < p->count; i++)
		at[i + 1] |= at[i] && p->parts[i].kind == PART_DEEP;
}

bool pattern_matches(const struct pattern *pattern, const char *path)
{
	bool at[PATTERN_PARTS + 1] = {true};

	if (*path != '/')
		return false;
	match_skip(pattern, at);
	for (path += strspn(path, "/"); *path; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");

		match_step(pattern, at, path, len);
		match_skip(pattern, at);
		path += len;
	}
	return at[pattern->count];
}
