/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/fold.h"

#include <errno.h>
#include <string.h>

#include "broker/claims.h"
#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/jwt.h"

/* ---- out of a grant ---- */

/* What link_restore() and the terms want of the link above. NULL: of a root. */
static const struct chain_link *fold_above(const struct grant *g, const struct signed_link *link,
					   struct chain_link *above)
{
	if (!link->above)
		return NULL;
	*above = (struct chain_link){.terms = {.id = g->parent, .policy_digest = link->above->policy}};
	memcpy(above->hash, link->above->hash, sizeof(above->hash));
	for (const struct signed_link *up = link->above->above; up; up = up->above)
		above->depth++;
	return above;
}

static int fold_write(const struct grant *g, const struct signed_link *link, bool table, char **text)
{
	struct chain_link room;
	const struct chain_link *above = fold_above(g, link, &room);
	struct link_terms terms = claims_terms(g, above);
	_cleanup_free_ char *details = NULL;
	int err = claims_details(g, table, &details, &terms.details_len);

	terms.details = details;
	return err ?: link_restore(&link->seal, above, &terms, text);
}

/* By the same rule as it was signed: rule by rule where there is room. */
static int fold_restore(const struct grant *g, const struct signed_link *link, char **text)
{
	int err = fold_write(g, link, false, text);

	return err == -EMSGSIZE ? fold_write(g, link, true, text) : err;
}

static int fold_check(const struct signed_link *link, const char *text)
{
	unsigned char hash[HASH_BYTES];
	int err = hash_sha256(text, strlen(text), hash);

	return err ?: memcmp(hash, link->hash, sizeof(hash)) ? -EBADMSG : 0;
}

int fold_text(const struct grant *g, const struct signed_link *link, char **text)
{
	char *t = link->text ? strdup(link->text) : NULL;
	int err = t ? 0 : link->text ? -ENOMEM : fold_restore(g, link, &t);

	if (!err)
		err = fold_check(link, t);
	if (err)
		free(t);
	else
		*text = t;
	return err == -ENOMEM || !err ? err : -EBADMSG;
}

bool fold_is_signed_by(const struct signed_link *link, const char *key)
{
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1];

	if (link->text)
		return jwt_names(link->text, kid, typ) == 0 && strcmp(kid, key) == 0;
	base64url_encode(link->seal.kid, sizeof(link->seal.kid), kid);
	return strcmp(kid, key) == 0;
}

/* ---- in, and whole again ---- */

void fold_link(struct grant *g)
{
	struct signed_link *link = g->link;
	_cleanup_free_ char *text = NULL;

	if (!link || !link->text || (*g->parent && !link->above) || link_seal_read(link->text, &link->seal))
		return;
	if (fold_restore(g, link, &text) || strcmp(text, link->text) != 0)
		return;
	free(link->text);
	link->text = NULL;
}

int fold_open(struct grant *g)
{
	char *text;
	int err = g->link && !g->link->text ? fold_text(g, g->link, &text) : 0;

	if (!err && g->link && !g->link->text)
		g->link->text = text;
	return err;
}
