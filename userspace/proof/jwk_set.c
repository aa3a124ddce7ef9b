/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/jwk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct jwk *set_by_kid(const struct jwk_set *set, const char *kid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->keys[i].kid && strcmp(set->keys[i].kid, kid) == 0)
			return &set->keys[i];
	return NULL;
}

static int set_add(struct jwk_set *set, const json_t *object, struct why *why)
{
	struct jwk jwk = {0};
	int err = jwk_parse(object, &jwk, why);

	if (err == -ENOTSUP) {
		set->skipped++;
		return 0;
	}
	if (!err && jwk.kid && set_by_kid(set, jwk.kid)) {
		jwk_free(&jwk);
		return why_set(why, -EBADMSG, "its `kid` is another key's too");
	}
	if (!err)
		set->keys[set->count++] = jwk;
	return err;
}

static int set_fill(const json_t *keys, struct jwk_set *set, struct why *why)
{
	const json_t *object;
	size_t i;

	set->keys = calloc(JWK_SET_KEYS_MAX, sizeof(*set->keys));
	if (!set->keys)
		return -ENOMEM;
	json_array_foreach (keys, i, object) {
		int err = set_add(set, object, why);

		if (err)
			return why_prefix(why, err, "keys[%zu]", i);
	}
	return 0;
}

int jwk_set_parse(const char *text, size_t len, struct jwk_set *set, struct why *why)
{
	json_auto_t *object = NULL;
	struct jwk_set s = {0};
	const json_t *keys;
	int err;

	if (len > JWK_SET_TEXT_MAX)
		return why_set(why, -EMSGSIZE, "longer than %u bytes", JWK_SET_TEXT_MAX);
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	keys = json_object_get(object, "keys");
	if (!json_is_array(keys))
		return why_set(why, -EBADMSG, "not a JWK Set: no JSON object with a list `keys`");
	if (json_array_size(keys) > JWK_SET_KEYS_MAX)
		return why_set(why, -EMSGSIZE, "more than %u keys", JWK_SET_KEYS_MAX);
	err = set_fill(keys, &s, why);
	if (err) {
		jwk_set_free(&s);
		return err;
	}
	*set = s;
	return 0;
}

void jwk_set_free(struct jwk_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		jwk_free(&set->keys[i]);
	free(set->keys);
	*set = (struct jwk_set){0};
}

const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid)
{
	if (kid)
		return set_by_kid(set, kid);
	return set->count == 1 ? &set->keys[0] : NULL;
}
