/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/allowed_signers.h"

#include <errno.h>
#include <string.h>

/* `*` and `?` over bytes, as ssh_config(5) has them. Only the last star is gone back to, so that no pattern
 * takes longer than its length times the text's. */
static bool pattern_matches(const char *p, const char *end, const char *text)
{
	const char *star = NULL, *mark = NULL;

	while (*text) {
		if (p < end && *p == '*') {
			star = ++p;
			mark = text;
		} else if (p < end && (*p == '?' || *p == *text)) {
			p++;
			text++;
		} else if (star) {
			p = star;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (p < end && *p == '*')
		p++;
	return p == end;
}

/* NULL stands for one whom we do not know: any pattern that is not negated may be his. */
static bool list_matches(const char *list, const char *text)
{
	bool found = false;

	for (const char *end, *p = list;; p = end + 1) {
		bool negated = *p == '!';

		end = strchrnul(p, ',');
		if (!text)
			found |= !negated && end > p;
		else if (pattern_matches(p + negated, end, text)) {
			if (negated)
				return false;
			found = true;
		}
		if (!*end)
			return found;
	}
}

static int signer_check(const struct allowed_signer *s, const char *name_space, int64_t time,
			const char *principal)
{
	if (!list_matches(s->principals, principal))
		return -ENOENT;
	if (s->namespaces && !list_matches(s->namespaces, name_space))
		return -EACCES;
	if (s->after && time < s->after)
		return -EAGAIN;
	return s->before && time > s->before ? -EKEYEXPIRED : 0;
}

int allowed_signers_find(const struct allowed_signers *signers, const struct sshkey *key,
			 const char *name_space, int64_t time, const char *principal,
			 const struct allowed_signer **signer)
{
	/* from the furthest to the closest */
	static const int misses[] = {-ENOKEY, -ENOENT, -EACCES, -EKEYEXPIRED, -EAGAIN};
	size_t best = 0;

	for (size_t i = 0; i < signers->count; i++) {
		const struct allowed_signer *s = &signers->list[i];
		int err;

		if (!sshkey_equal(s->key, key))
			continue;
		err = signer_check(s, name_space, time, principal);
		if (!err) {
			*signer = s;
			return 0;
		}
		for (size_t k = best; k < sizeof(misses) / sizeof(misses[0]); k++)
			if (misses[k] == err)
				best = k;
	}
	return misses[best];
}
