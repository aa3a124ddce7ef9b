/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "broker/claims.h"
#include "broker/swap.h"
#include "token/jws.h"

/* RFC 8693 section 2.2.2. One text for all that is unknown, malformed, expired, revoked or another's. */
static int subject_unknown(struct swap *s, const char *name)
{
	return oauth_problem(s->answer, OAUTH_NOT_YOURS,
			     "the %s is none that is good, of its %s_type, and yours to exchange", name,
			     name);
}

/* ---- what a token says of itself ---- */

json_t *swap_read(const char *text, size_t len)
{
	struct jws jws;
	json_t *claims;

	if (jws_split(text, len, &jws))
		return NULL;
	claims = json_loadb(jws.payload, jws.payload_len, JSON_REJECT_DUPLICATES, NULL);
	jws_free(&jws);
	return claims;
}

static const char *old_text(const struct swap *s, const char *claim)
{
	return json_string_value(json_object_get(s->old, claim));
}

/* ---- the grant behind it ---- */

/* By the name "self", or an id, which is a name too: who may use it is the kernel's to say, not the name's.
 */
static struct grant *named_grant(struct swap *s, const char *text, size_t len)
{
	struct grant *g = NULL;

	(void)len;
	if (strcmp(text, "self") == 0)
		return s->own;
	return registry_find(&s->b->grants, text, access_sees, &s->x->caller, &g) ? NULL : g;
}

static struct grant *named_chain(struct swap *s, const char *text, size_t len)
{
	struct chain_report report;
	struct grant *g;

	if (claims_find(secret_ring_public(&s->b->keys), &s->b->grants, text, len, &report, &g))
		return NULL;
	chain_report_free(&report);
	return g;
}

/* A token for one use is used up by whoever it is for, and by nobody else. */
static struct grant *named_issued(struct swap *s, const char *text, size_t len, enum issued_kind kind)
{
	const struct issued *t = issued_find(s->b, text, len);

	if (!t || t->kind != kind || t->single_use || s->old)
		return NULL;
	s->old = swap_read(text, len);
	s->old_deadline = t->deadline;
	return s->old ? issued_grant(s->b, t) : NULL;
}

static struct grant *named_access(struct swap *s, const char *text, size_t len)
{
	return named_issued(s, text, len, ISSUED_ACCESS);
}

static struct grant *named_txn(struct swap *s, const char *text, size_t len)
{
	return named_issued(s, text, len, ISSUED_TXN);
}

static const struct {
	const char *name;
	struct grant *(*find)(struct swap *s, const char *text, size_t len);
	bool subject_only;
} types[] = {
	{TYPE_GRANT, named_grant, false},
	{TYPE_JWT, named_chain, false},
	{TYPE_ACCESS, named_access, true},
	{TYPE_TXN, named_txn, true},
};

/* ---- whose authority is left ---- */

/* Of two grants on one chain the lower, which is the narrower; NULL: neither stands beneath the other. */
static struct grant *narrower(struct grant *a, struct grant *b)
{
	if (grant_is_below(a, b->slot, b->gen))
		return a;
	return grant_is_below(b, a->slot, a->gen) ? b : NULL;
}

/*
 * A tagged caller is its grant and nothing else, so what it gets is never more than that, whatever it
 * presents; what was delegated further is its to use, as it is to revoke. An owner has his own grants.
 */
static struct grant *subject_for(struct swap *s, struct grant *g)
{
	struct grant *own = s->own;

	if (s->x->caller.slot)
		return own && grant_is_good(own) ? narrower(g, own) : NULL;
	return access_sees(g, &s->x->caller) ? g : NULL;
}

/* subject_token or actor_token: adds what the one names to what is known so far. */
static int subject_named(struct swap *s, const char *name, const char *type_name, bool actor)
{
	const struct form_pair *p;
	const char *type = form_value(&s->form, type_name);
	struct grant *g = NULL;
	size_t at = 0;

	p = form_next(&s->form, name, &at);
	if (!p || !type)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "no %s", p ? type_name : name);
	for (size_t i = 0; !g && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, type) == 0 && !(actor && types[i].subject_only))
			g = types[i].find(s, p->value, p->value_len);
	if (g)
		g = grant_is_good(g) ? subject_for(s, g) : NULL;
	if (g && s->grant)
		g = narrower(g, s->grant);
	if (!g)
		return subject_unknown(s, name);
	s->grant = g;
	return 0;
}

/* Section 2.1: actor_token_type comes with actor_token and never alone. Without one the actor is the caller.
 */
static int subject_actor(struct swap *s)
{
	if (!form_value(&s->form, "actor_token") && !form_value(&s->form, "actor_token_type"))
		return 0;
	return subject_named(s, "actor_token", "actor_token_type", true);
}

/* The draft: a transaction token is replaced by another of the same transaction; it is no access token. */
static int subject_replaces(struct swap *s)
{
	if (!s->old)
		return 0;
	if (old_text(s, "txn") && s->kind != ISSUED_TXN)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "a transaction token is exchanged for one of the same transaction only");
	if (json_array_size(json_object_get(s->old, "call_chain")) >= TXN_REPLACED_MAX)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "the transaction token was replaced %u times, and may be no more",
				     TXN_REPLACED_MAX);
	return 0;
}

int swap_subject(struct swap *s)
{
	return subject_named(s, "subject_token", "subject_token_type", false) ?: subject_actor(s)
		       ?: subject_replaces(s);
}

/* ---- what of it ---- */

int swap_scope(struct swap *s)
{
	const char *have = old_text(s, "scope") ?: s->grant->purpose;
	int err = scope_narrow(form_value(&s->form, "scope"), have, s->grant->purpose, s->scope);

	if (err)
		return oauth_problem(s->answer, OAUTH_INVALID_SCOPE,
				     err == -EINVAL
					     ? "a scope is names joined by '/', up to %u of them within %s"
					     : "up to %u scopes, each within %s",
				     SCOPES_MAX, s->grant->purpose);
	return 0;
}

static bool details_have(const json_t *list, const json_t *one)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (json_equal(v, one))
			return true;
	return false;
}

/* Exactly {"type", "rule"}, of a rule that the grant has. */
static bool detail_ok(const json_t *one, const json_t *rules)
{
	const char *type = json_string_value(json_object_get(one, "type"));

	return type && strcmp(type, DETAIL_RULE) == 0 && json_object_size(one) == 2 &&
	       details_have(rules, json_object_get(one, "rule"));
}

/* What is left out of an exchange is as it was (RFC 9396 section 6.1): nothing unless something was asked. */
static int details_inherit(struct swap *s, const json_t *old)
{
	if (!old)
		return 0;
	s->details = json_deep_copy(old);
	return s->details ? 0 : oauth_problem(s->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "out of memory");
}

static int details_check(struct swap *s, const json_t *old)
{
	json_auto_t *rules = grant_rules(s->grant);
	const json_t *one;
	size_t i;

	json_array_foreach (s->details, i, one)
		if (!detail_ok(one, rules) || (old && !details_have(old, one)))
			return oauth_problem(s->answer, OAUTH_INVALID_DETAILS,
					     "authorization_details %zu: must be {\"type\": \"" DETAIL_RULE
					     "\", \"rule\": R}, with R a rule of grant %s%s",
					     i, s->grant->id, old ? " that the subject_token names" : "");
	return 0;
}

int swap_details(struct swap *s)
{
	const json_t *old = json_object_get(s->old, "authorization_details");
	size_t count;

	if (!s->details && details_inherit(s, old))
		return -ENOMEM;
	if (!s->details)
		return 0;
	count = json_array_size(s->details);
	if (!count || count > DETAILS_COUNT)
		return oauth_problem(s->answer, OAUTH_INVALID_DETAILS,
				     "authorization_details is an array of 1 to %u", DETAILS_COUNT);
	return details_check(s, old);
}
