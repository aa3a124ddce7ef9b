/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/record_link.h"

#include <errno.h>
#include <string.h>

#include "broker/fold.h"
#include "common/cleanup.h"
#include "token/hash.h"
#include "token/jwt.h"

/* ---- out ---- */

/* Empty: it has none, or that is not known. */
static void link_under(const struct signed_link *l, char under[HASH_TEXT_BYTES])
{
	*under = '\0';
	if (l->has_under)
		hash_write(l->under, under);
}

static json_t *link_json(const struct signed_link *l)
{
	char under[HASH_TEXT_BYTES];

	link_under(l, under);
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "token", l->text, "under", under, "policy", l->policy,
			 "not_before", (json_int_t)l->not_before, "expires", (json_int_t)l->expires);
}

/* Those that nobody goes on from any more are not worth keeping. */
static json_t *earlier_json(const struct grant *g)
{
	json_t *list = json_array();
	const struct signed_link *l;

	SLIST_FOREACH(l, &g->earlier, next)
	if (l->refs > 1 && json_array_append_new(list, link_json(l))) {
		json_decref(list);
		return NULL;
	}
	return list;
}

int record_links_write(const struct grant *g, json_t *record)
{
	_cleanup_free_ char *token = NULL;
	char under[HASH_TEXT_BYTES];
	int err = fold_text(g, g->link, &token);

	if (err)
		return err;
	link_under(g->link, under);
	if (json_object_set_new(record, "token", json_string(token)) ||
	    json_object_set_new(record, "under", json_string(under)) ||
	    json_object_set_new(record, "earlier", earlier_json(g)))
		return -ENOMEM;
	return 0;
}

/* ---- in ---- */

static int under_read(const json_t *o, struct signed_link *l)
{
	const char *under = json_string_value(json_object_get(o, "under"));

	if (!under)
		return -EBADMSG;
	l->has_under = *under;
	return *under ? hash_read(under, l->under) : 0;
}

static int time_read(const json_t *o, const char *name, int64_t *time)
{
	const json_t *value = json_object_get(o, name);

	*time = json_integer_value(value);
	return json_is_integer(value) && *time >= 0 && *time <= JWT_TIME_MAX ? 0 : -EBADMSG;
}

static int link_new(const json_t *o, const char *policy, struct signed_link **link)
{
	const char *token = json_string_value(json_object_get(o, "token"));

	return token && policy ? signed_link_new(token, policy, NULL, link) : -EBADMSG;
}

static int earlier_read(const json_t *o, struct grant *g)
{
	struct signed_link *l;
	int err = link_new(o, json_string_value(json_object_get(o, "policy")), &l);

	if (err)
		return err;
	SLIST_INSERT_HEAD(&g->earlier, l, next);
	return under_read(o, l) ?: time_read(o, "not_before", &l->not_before)
		?: time_read(o, "expires", &l->expires);
}

/* Before 0.2.0 no grant was renewed, so the one above has the one link it ever had. */
int record_links_read(const json_t *record, struct grant *g)
{
	const json_t *earlier = json_object_get(record, "earlier"), *one;
	int err = link_new(record, g->digest, &g->link);
	size_t i;

	if (err)
		return err;
	g->link->not_before = g->not_before;
	g->link->expires = g->expires;
	if (json_object_get(record, "under"))
		err = under_read(record, g->link);
	if (err)
		return err;
	json_array_foreach (earlier, i, one)
		if ((err = earlier_read(one, g)))
			return err;
	return 0;
}

/* ---- joined ---- */

static struct signed_link *link_above(const struct grant *above, const struct signed_link *l)
{
	struct signed_link *up;

	if (!l->has_under || !memcmp(l->under, above->link->hash, HASH_BYTES))
		return above->link;
	SLIST_FOREACH(up, &above->earlier, next)
	if (!memcmp(l->under, up->hash, HASH_BYTES))
		return up;
	return NULL;
}

static void link_join(const struct grant *above, struct signed_link *l)
{
	struct signed_link *up = above && above->link ? link_above(above, l) : NULL;

	if (up && !l->above)
		signed_link_put_under(l, up);
}

void record_links_join(struct grant *g)
{
	struct signed_link *l;

	link_join(g->above, g->link);
	SLIST_FOREACH(l, &g->earlier, next)
	link_join(g->above, l);
}
