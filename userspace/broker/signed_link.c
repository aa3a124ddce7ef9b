/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/signed_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/shared.h"

static void signed_link_free(struct signed_link *l)
{
	shared_drop(l->policy);
	free(l->text);
	free(l);
}

void signed_link_put_under(struct signed_link *link, struct signed_link *above)
{
	link->above = signed_link_hold(above);
	memcpy(link->under, above->hash, sizeof(link->under));
	link->has_under = true;
}

int signed_link_new(const char *text, const char *policy, struct signed_link *above,
		    struct signed_link **link)
{
	struct signed_link *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->text = strdup(text);
	l->policy = shared_text(policy);
	err = l->text && l->policy ? hash_sha256(text, strlen(text), l->hash) : -ENOMEM;
	if (err) {
		signed_link_free(l);
		return err;
	}
	l->refs = 1;
	if (above)
		signed_link_put_under(l, above);
	*link = l;
	return 0;
}

struct signed_link *signed_link_hold(struct signed_link *link)
{
	link->refs++;
	return link;
}

void signed_link_drop(struct signed_link *link)
{
	while (link && !--link->refs) {
		struct signed_link *above = link->above;

		signed_link_free(link);
		link = above;
	}
}

void signed_links_add(struct signed_links *earlier, struct signed_link *link)
{
	SLIST_INSERT_HEAD(earlier, link, next);
	signed_links_prune(earlier);
}

static void signed_links_keep(struct signed_links *earlier, unsigned refs)
{
	struct signed_links all = *earlier;
	struct signed_link *l;

	SLIST_INIT(earlier);
	while ((l = SLIST_FIRST(&all))) {
		SLIST_REMOVE_HEAD(&all, next);
		if (l->refs >= refs)
			SLIST_INSERT_HEAD(earlier, l, next);
		else
			signed_link_drop(l);
	}
}

void signed_links_prune(struct signed_links *earlier)
{
	signed_links_keep(earlier, 2);
}

void signed_links_clear(struct signed_links *earlier)
{
	signed_links_keep(earlier, UINT32_MAX);
}
