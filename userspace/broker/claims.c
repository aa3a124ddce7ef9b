/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/claims.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/fold.h"
#include "common/cleanup.h"
#include "token/hash.h"
#include "token/jcs.h"

/* ---- the chain above ---- */

/* The texts of the chain, from *first on; those that were made are freed by the caller. */
static int claims_texts(const struct grant *g, char *texts[CHAIN_MAX], size_t *first)
{
	const struct signed_link *link = g->link;
	int err = 0;

	*first = CHAIN_MAX;
	for (const struct grant *up = g; up && !err; up = up->above, link = link->above) {
		if (!*first || !link || (*up->parent && !up->above))
			return -ENODATA;
		err = fold_text(up, link, &texts[*first - 1]);
		*first -= !err;
	}
	return err;
}

int claims_chain(const struct grant *g, char **text)
{
	char *texts[CHAIN_MAX];
	size_t first;
	int err = claims_texts(g, texts, &first);

	if (!err)
		err = chain_join((const char *const *)texts + first, CHAIN_MAX - first, text);
	for (size_t i = first; i < CHAIN_MAX; i++)
		free(texts[i]);
	return err;
}

static int claims_ring(const struct secret_key *host, struct key_ring *ring)
{
	*ring = (struct key_ring){0};
	return key_ring_add(ring, key_public(host), 0, KEY_RING_FOREVER);
}

/*
 * The links above as they will be compared with the new one. As of the time when the lowest began, in which
 * all of them were good: whether they still are is the kernel's to say, by a clock that nobody sets.
 */
static int claims_above(const struct secret_key *host, const struct grant *above, struct chain_report *report)
{
	_cleanup_free_ char *text = NULL;
	struct key_ring ring;
	int err = claims_chain(above, &text);

	if (!err)
		err = claims_ring(host, &ring);
	if (!err)
		err = chain_verify_text(&ring, text, strlen(text), above->not_before, report);
	return err ? -ESTALE : 0;
}

/* ---- what the link says ---- */

/* RFC 9396 section 2: one object for each rule, in the order of the table's rule numbers. */
static json_t *details_rules(const struct grant *g)
{
	json_auto_t *rules = grant_rules(g);
	json_t *details = json_array(), *rule;
	size_t i;

	json_array_foreach (rules, i, rule)
		json_array_append_new(details, json_pack("{s:s, s:O}", "type", "deputy_rule", "rule", rule));
	return details;
}

/* A table of more rules than a link has room for is named by its digest alone. */
static json_t *details_table(const struct grant *g)
{
	return json_pack("[{s:s, s:s}]", "type", "deputy_table", "digest", g->table);
}

/* In ascending order, as a link must have them. */
static void terms_assure(struct link_terms *t, const struct grant *g)
{
	static const char *const names[] = {"acr", "amr", "auth_time", "issuer", "method", "subject"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool method = !strcmp(names[i], "method");
		const char *value = json_string_value(json_object_get(g->proof, names[i]));

		if (method || value)
			t->assurance[t->assurance_count++] =
				(struct link_member){names[i], method ? g->assurance : value};
	}
}

struct link_terms claims_terms(const struct grant *g, const struct chain_link *parent)
{
	const char *above = parent ? parent->terms.policy_digest : g->digest;

	struct link_terms t = {
		.id = g->id,
		.owner = g->owner,
		.purpose = g->purpose,
		.policy = g->policy,
		.policy_digest = g->digest,
		.policy_within = strcmp(above, g->digest) ? above : NULL,
		.table = g->table,
		.depth_max = g->depth + (parent ? parent->depth + 1 : 0),
		.iat = g->not_before,
		.nbf = g->not_before,
		.exp = g->expires,
		.slot = g->slot,
		.gen = g->gen,
		.status_uri = *g->status_uri ? g->status_uri : NULL,
		.status_index = g->status_index,
	};

	terms_assure(&t, g);
	return t;
}

/* ---- signed ---- */

int claims_details(const struct grant *g, bool table, char **text, size_t *len)
{
	json_auto_t *details = table ? details_table(g) : details_rules(g);

	return jcs_dump(details, text, len); /* without details: -EINVAL */
}

struct signing {
	const struct secret_key *key; /* of whoever delegates */
	const struct chain_link *parent;
	struct link_terms terms;
	enum chain_why why;
};

static int claims_try(struct signing *s, const struct grant *g, bool table, char **token)
{
	_cleanup_free_ char *text = NULL;
	int err = claims_details(g, table, &text, &s->terms.details_len);

	s->terms.details = text;
	return err ?: link_sign(s->key, s->parent, &s->terms, &s->why, token);
}

static int claims_link(struct signing *s, const struct grant *g, char **token)
{
	int err = claims_try(s, g, false, token);

	return err == -EMSGSIZE ? claims_try(s, g, true, token) : err;
}

static int claims_put(struct grant *g, const char *token)
{
	int err = signed_link_new(token, g->digest, g->above ? g->above->link : NULL, &g->link);

	if (err)
		return err;
	g->link->not_before = g->not_before;
	g->link->expires = g->expires;
	return 0;
}

/* A holder's key comes from the host's and the grant's id, so that of the grant above signs this one. */
static int claims_keyed(const struct secret_key *host, struct grant *g, struct signing *s)
{
	struct secret_key *above = NULL, *own = NULL;
	_cleanup_free_ char *token = NULL;
	int err = key_derive(host, g->id, &own);

	if (!err && g->above)
		err = key_derive(host, g->above->id, &above);
	if (!err) {
		s->key = above ? above : host;
		s->terms.holder = *key_public(own);
		err = claims_link(s, g, &token);
	}
	if (!err)
		err = claims_put(g, token);
	key_free(above);
	key_free(own);
	return err;
}

static int claims_digest(struct grant *g)
{
	_cleanup_free_ char *text = NULL;
	int err = claims_chain(g, &text);

	return err ?: hash_text(text, strlen(text), g->chain);
}

int claims_sign(const struct secret_key *host, struct grant *g, const char **why)
{
	struct chain_report above = {0};
	struct signing s = {0};
	int err = g->above ? claims_above(host, g->above, &above) : 0;

	if (!err) {
		s.parent = g->above ? &above.link[above.count - 1] : NULL;
		s.terms = claims_terms(g, s.parent);
		err = claims_keyed(host, g, &s);
	}
	if (!err)
		err = claims_digest(g);
	*why = err == -ESTALE ? "the chain above does not verify" : s.why ? chain_why_text(s.why) : "";
	chain_report_free(&above);
	return err;
}

/* ---- presented ---- */

/* The slot is in the link, signed: what this broker knows under it has to be the same grant. */
static struct grant *claims_grant(const struct registry *grants, const struct link_terms *t)
{
	struct grant *g = registry_by_tag(grants, t->slot, t->gen);

	return g && grant_is_good(g) && !strcmp(g->id, t->id) ? g : NULL;
}

int claims_find(const struct key_ring *hosts, const struct registry *grants, const char *text, size_t len,
		struct chain_report *report, struct grant **grant)
{
	if (chain_verify_text(hosts, text, len, time(NULL), report))
		return -ENOENT;
	*grant = claims_grant(grants, &report->link[report->count - 1].terms);
	if (*grant)
		return 0;
	chain_report_free(report);
	return -ENOENT;
}
