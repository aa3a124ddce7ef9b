/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/claims.h"

#include <errno.h>
#include <string.h>

#include "token/token.h"

/* RFC 9396 section 2: one object for each rule, in the order of the table's rule numbers. */
static json_t *claims_rules(const struct grant *g)
{
	json_auto_t *rules = grant_rules(g);
	json_t *details = json_array(), *rule;
	size_t i;

	json_array_foreach (rules, i, rule)
		json_array_append_new(details, json_pack("{s:s, s:O}", "type", "deputy_rule", "rule", rule));
	return details;
}

/* A table of more rules than a token has room for is named by its digest alone. */
static json_t *claims_table(const struct grant *g)
{
	return json_pack("[{s:s, s:s}]", "type", "deputy_table", "digest", g->table);
}

/* RFC 7519 section 4.1 and, for authorization_details, RFC 9396 section 9.1. */
static json_t *claims_of(const struct grant *g, json_t *details)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:s?, s:I, s:I, s:I, s:o}", "iss",
			 "deputy", "jti", g->id, "sub", json_sprintf("agent:%s", g->id), "owner", g->owner,
			 "assurance", g->assurance, "purpose", g->purpose, "policy", "name", g->policy,
			 "digest", g->digest, "table", g->table, "parent", *g->parent ? g->parent : NULL,
			 "iat", (json_int_t)g->not_before, "nbf", (json_int_t)g->not_before, "exp",
			 (json_int_t)g->expires, "authorization_details", details);
}

static int claims_try(const struct secret_key *key, const struct grant *g, json_t *details, char **token)
{
	json_auto_t *claims = claims_of(g, details);

	return claims ? token_sign(key, claims, token) : -ENOMEM;
}

int claims_sign(const struct secret_key *key, struct grant *g)
{
	int err = claims_try(key, g, claims_rules(g), &g->token);

	if (err == -EMSGSIZE)
		err = claims_try(key, g, claims_table(g), &g->token);
	return err ? err : text_digest(g->token, strlen(g->token), g->chain);
}
