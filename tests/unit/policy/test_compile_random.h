/* SPDX-License-Identifier: Apache-2.0 */
/* Random rules and what they decide on. Few names, addresses and ports, so that much collides. */
#ifndef DEPUTY_TEST_COMPILE_RANDOM_H
#define DEPUTY_TEST_COMPILE_RANDOM_H

#include "test_compile_sample.h"

#define MAX_RULE 9

/* Takes more than one cell. */
#define LONG "abababababababababababab"

static const char *const names[] = {"a", "b", "ab", "ba", "aba", "abba", LONG};
static const char *const parts[] = {"a",
				    "b",
				    "ab",
				    "aba",
				    "a",
				    "b",
				    "**",
				    "**",
				    "*",
				    "a*",
				    "*a",
				    "*b",
				    "a*a",
				    "ab*ba",
				    LONG,
				    "abababababababababab*",
				    "*babababababababababab"};

#define ONE_OF(list) (list[roll(sizeof(list) / sizeof(list[0]))])

static uint64_t seed = 0x1234567;

static inline unsigned roll(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static inline void random_pattern(char *text, size_t size)
{
	unsigned count = roll(5);
	size_t used = 0;

	snprintf(text, size, "/");
	for (unsigned i = 0; i < count; i++)
		used += snprintf(text + used, size - used, "/%s", ONE_OF(parts));
	if (roll(3) == 0)
		snprintf(text + used, size - used, "/**");
}

static inline void random_path(char *text, size_t size)
{
	unsigned count = roll(6);
	size_t used = 0;

	snprintf(text, size, "/");
	for (unsigned i = 0; i < count; i++)
		used += snprintf(text + used, size - used, "/%s", ONE_OF(names));
}

static inline void random_rules(struct sample *s, unsigned ops_mask)
{
	unsigned count = 1 + roll(MAX_RULE);

	for (unsigned i = 0; i < count; i++) {
		unsigned ops = roll(3) ? ops_mask : (1 + roll(255)) & ops_mask;
		char text[256];

		random_pattern(text, sizeof(text));
		if (ops)
			sample_path_ops(s, roll(2) ? RULE_ALLOW : RULE_DENY, ops, text);
	}
}

/* ---- addresses ---- */

/* Addresses at both ends and around the middle, where the high half carries. */
static inline struct cell_addr random_addr(void)
{
	static const struct cell_addr some[] = {
		{0, 0},	    {0, 1},	{0, 2},	    {0, ~0ull},		{1, 0},	       {1, 1}, {1, 2},
		{~0ull, 0}, {~0ull, 1}, {~0ull, 2}, {~0ull, ~0ull - 1}, {~0ull, ~0ull}};

	return some[roll(sizeof(some) / sizeof(some[0]))];
}

static inline uint16_t random_port(void)
{
	return roll(5) ? roll(6) : 65535 - roll(3);
}

static inline bool below(struct cell_addr a, struct cell_addr b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

static inline void random_addr_rule(struct sample *s)
{
	struct cell_addr a = random_addr(), b = random_addr();
	struct port_range ports[3];
	unsigned count = 1 + roll(3);

	for (unsigned i = 0; i < count; i++) {
		uint16_t x = random_port(), y = roll(2) ? x : random_port();

		ports[i] = x < y ? (struct port_range){x, y} : (struct port_range){y, x};
	}
	if (roll(4) == 0)
		ports[0] = (struct port_range){0, 65535};
	sample_addr(s, roll(2) ? RULE_ALLOW : RULE_DENY, roll(2) ? 15 : 1 + roll(15), below(a, b) ? a : b,
		    below(a, b) ? b : a, ports, count);
}

#endif
