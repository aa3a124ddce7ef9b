/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inclusion of patterns: is every path that a matches one that b matches?
 *
 * b is run as a nondeterministic automaton, as the set of its positions, over words of a. That one word
 * for each way to repeat a's DEEPs suffices is what makes this exact: from the names that a part of a
 * stands for take one that agrees with nothing it need not, prefix + fresh + suffix. A part of b matches
 * it only when it matches all of a's names, so the positions it leads to are among those that any other
 * name leads to: where it is accepted, all are. Such a name exists: the one byte between prefix and
 * suffix has 254 values, each part of b spoils at most one of them, and pattern_parse() makes a name of a
 * glob that leaves no room. So part_within() is the step.
 *
 * For a DEEP of a every number of fresh names is tried, each with the set it leads to. A set is left out
 * when a subset of it was tried at the same place: whatever the subset accepts, it accepts.
 *
 * Should a hostile pair need more than WITHIN_SETS sets, the answer is "no". Wrongly taking a rule for no
 * more specific than another only keeps a rule in play that was to be overridden: and of rules in play,
 * the strictest wins.
 */
#include <string.h>

#include "policy/pattern.h"

#define WITHIN_SETS  1024u
#define WITHIN_WORDS (PATTERN_PARTS / 64 + 1)

struct positions {
	uint64_t w[WITHIN_WORDS];
};

struct search {
	const struct pattern *a, *b;
	struct {
		size_t at; /* a DEEP of a */
		struct positions set;
	} seen[WITHIN_SETS];
	size_t count;
	uint64_t work;
};

static bool has(const struct positions *s, size_t i)
{
	return s->w[i / 64] >> (i % 64) & 1;
}

static void put(struct positions *s, size_t i)
{
	s->w[i / 64] |= 1ull << (i % 64);
}

/*
 * Adds what costs no name, and whatever lies before the last DEEP reached: all that is accepted from
 * there is accepted from the DEEP, as it must pass it. That makes sets comparable and few.
 */
static void saturate(const struct pattern *b, struct positions *s)
{
	size_t last = 0;

	for (size_t i = 0; i < b->count; i++) {
		if (!has(s, i) || b->parts[i].kind != PART_DEEP)
			continue;
		put(s, i + 1);
		last = i;
	}
	for (size_t i = 0; i < last; i++)
		put(s, i);
}

static struct positions step(struct search *search, const struct positions *from, const struct part *part)
{
	const struct pattern *b = search->b;
	struct positions to = {0};

	for (size_t i = 0; i < b->count; i++) {
		if (!has(from, i))
			continue;
		if (b->parts[i].kind == PART_DEEP)
			put(&to, i);
		else if (part_within(part, &b->parts[i]))
			put(&to, i + 1);
	}
	saturate(b, &to);
	search->work += b->count + 1;
	return to;
}

static bool subset(const struct positions *a, const struct positions *b)
{
	uint64_t beyond = 0;

	for (size_t i = 0; i < WITHIN_WORDS; i++)
		beyond |= a->w[i] & ~b->w[i];
	return !beyond;
}

/* False when there is no room for another set. */
static bool visit(struct search *s, size_t at, const struct positions *set)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->seen[i].at == at && subset(&s->seen[i].set, set))
			return true;
	}
	s->work += s->count;
	if (s->count == WITHIN_SETS)
		return false;
	s->seen[s->count].at = at;
	s->seen[s->count++].set = *set;
	return true;
}

/* On from part `at` of a to its next DEEP, to be continued there, or to its end, where b must accept. */
static bool follow(struct search *s, size_t at, struct positions set)
{
	for (; at < s->a->count && s->a->parts[at].kind != PART_DEEP; at++)
		set = step(s, &set, &s->a->parts[at]);
	return at < s->a->count ? visit(s, at, &set) : has(&set, s->b->count);
}

bool pattern_within_work(const struct pattern *a, const struct pattern *b, uint64_t *work)
{
	static const struct part any = {.kind = PART_ANY};
	struct positions start = {.w = {1}};
	struct search s;
	bool within;

	s.a = a;
	s.b = b;
	s.count = 0;
	s.work = a->count + 1;
	saturate(b, &start);
	within = follow(&s, 0, start);
	for (size_t i = 0; within && i < s.count; i++) {
		struct positions more = step(&s, &s.seen[i].set, &any);

		within = follow(&s, s.seen[i].at + 1, s.seen[i].set) && visit(&s, s.seen[i].at, &more);
	}
	*work += s.work;
	return within;
}

bool pattern_within(const struct pattern *a, const struct pattern *b)
{
	uint64_t work = 0;

	return pattern_within_work(a, b, &work);
}
