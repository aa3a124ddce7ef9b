/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "policy/parse.h"

#define WORD_MAX 24u /* longer words are no slip of any word of the language */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters added, dropped, changed, or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (unsigned i = 0; i <= la; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];

			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1);
			d[i][j] = least(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (swapped)
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[la][lb];
}

static const char *closest(const char *word, const char *const *words, size_t count)
{
	size_t third = strlen(word) / 3; /* more letters wrong than this, and it is another word */
	unsigned best = third ? (unsigned)third + 1 : 2;
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(word, words[i]);

		if (d < best && d < strlen(words[i])) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

void suggest(const char *word, const char *const *words, size_t count, char *buf, size_t size)
{
	const char *near = closest(word, words, count);
	size_t used = 0;

	if (near) {
		snprintf(buf, size, "did you mean '%s'?", near);
		return;
	}
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "one of: ", words[i]);
}
