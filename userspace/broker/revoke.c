/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation of what is not named by its id: everything that has something in common, or a token's grant. */
#include "broker/revoke.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/claims.h"
#include "broker/handlers.h"
#include "broker/issued.h"
#include "broker/lifecycle.h"
#include "broker/oauth.h"
#include "broker/selection.h"
#include "broker/user.h"
#include "common/cleanup.h"
#include "token/jwt.h"

void revoke_who(const struct exchange *x, char who[REVOKE_WHO])
{
	struct user user;
	char name[32];

	user_find(x->caller.uid, &user);
	text_copy(name, sizeof(name), user.name);
	snprintf(who, REVOKE_WHO, "uid:%u (%s)", (unsigned)x->caller.uid, name);
}

/* ---- by what they have in common ---- */

static json_t *revoked_json(const struct cut *cut)
{
	const struct grant *g = cut->top;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "grant", g->id, "owner", g->owner,
			 "user", g->user, "policy", g->policy, "purpose", g->purpose, "state",
			 grant_state_name(g->state), "mode", cut->kill ? "kill" : "deny", "beneath",
			 (json_int_t)cut->beneath);
}

static json_t *revoked_list(const struct cut *cuts, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (!cuts[i].err && json_array_append_new(list, revoked_json(&cuts[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* What did not end is what the caller has to know first; what did end has ended all the same. */
static int revoke_partly(struct exchange *x, const struct cut *cuts, size_t count, size_t failed,
			 json_t *revoked)
{
	int err = answer_problem(&x->answer, PROBLEM_UNAVAILABLE,
				 "%zu of %zu grants could not be revoked and go on", failed, count);
	char line[ID_BYTES + 128];

	for (size_t i = 0; i < count; i++) {
		if (!cuts[i].err)
			continue;
		snprintf(line, sizeof(line), "%s: %s", cuts[i].top->id, strerror(-cuts[i].err));
		answer_detail(&x->answer, line);
	}
	json_object_set_new(x->answer.body, "revoked", revoked);
	return err;
}

static int revoke_found(struct exchange *x, const struct selection *s, struct cut *cuts, size_t count)
{
	char who[REVOKE_WHO], what[SELECTION_TEXT_MAX], text[TEXT_BYTES];
	json_t *list;
	size_t failed;

	selection_text(s, what);
	if (!count)
		return answer_problem(&x->answer, PROBLEM_NOT_FOUND, "no live grant%s has %s",
				      x->caller.uid ? " of yours" : "", what);
	revoke_who(x, who);
	snprintf(text, sizeof(text), "%s: all of %s", who, what);
	failed = lifecycle_revoke_all(x->broker, cuts, count, text);
	list = revoked_list(cuts, count);
	if (failed)
		return revoke_partly(x, cuts, count, failed, list);
	return answer_json(&x->answer, 200, list ? json_pack("{s:o}", "revoked", list) : NULL);
}

int handle_revoke_matching(struct exchange *x)
{
	_cleanup_free_ struct cut *cuts = NULL;
	struct selection s;
	size_t count;
	int err = selection_decode(x->body ? x->body : "", x->size, &s, &x->answer);

	if (err)
		return err;
	if (selection_find(&s, &x->broker->grants, &x->caller, &cuts, &count))
		err = answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory; nothing was revoked");
	else
		err = revoke_found(x, &s, cuts, count);
	selection_free(&s);
	return err;
}

/* ---- by token: RFC 7009 ---- */

/* What this host signs too, and what is over with the grant it tells of or not at all. */
static bool token_is_unsupported(const char *token)
{
	static const char *const types[] = {"secevent+jwt", "statuslist+jwt", "dpop+jwt"};
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1];

	if (jwt_names(token, kid, typ))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], typ) == 0)
			return true;
	return false;
}

/* A token that was exchanged for ends by itself: the grant that it speaks for goes on, so its agent may end
 * it. */
static void revoke_issued(struct exchange *x, const char *token)
{
	struct issued *t = issued_find(x->broker, token, strlen(token));
	const struct grant *g = t ? issued_grant(x->broker, t) : NULL;

	if (g && access_sees(g, &x->caller))
		issued_end(x->broker, t);
}

static int revoke_chain(struct exchange *x, const char *token)
{
	struct chain_report report;
	char who[REVOKE_WHO];
	struct grant *g;
	int err = access_owns(&x->broker->grants, &x->caller, &x->answer);

	if (err)
		return err;
	if (claims_find(secret_ring_public(&x->broker->keys), &x->broker->grants, token, strlen(token),
			&report, &g))
		return 0;
	chain_report_free(&report);
	if (!access_sees(g, &x->caller))
		return 0;
	revoke_who(x, who);
	err = lifecycle_revoke(x->broker, g, g->kill, who);
	return err ? oauth_problem(&x->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "could not revoke: %s",
				   strerror(-err))
		   : 0;
}

/*
 * Section 2.1 wants a token to be its client's, and here to be a grant's of the caller's. Section 2.2 has all
 * tokens that are good for nothing answered alike, and so are those of others: nobody learns here whether one
 * is good. The hint is not needed to find one, and section 2.1 lets it be ignored then.
 */
static int revoke_token(struct exchange *x, const char *token)
{
	if (*token == '~')
		return revoke_chain(x, token);
	revoke_issued(x, token);
	return 0;
}

int handle_revoke_token(struct exchange *x)
{
	struct form form;
	const char *token;
	int err = oauth_form(x, "", &form);

	if (err)
		return err;
	token = form_value(&form, "token");
	if (!token)
		err = oauth_problem(&x->answer, OAUTH_INVALID_REQUEST, "token is missing");
	else if (token_is_unsupported(token))
		err = oauth_problem(&x->answer, OAUTH_UNSUPPORTED_TOKEN_TYPE,
				    "this is no token that gives authority");
	else
		err = revoke_token(x, token);
	form_free(&form);
	/* section 2.2: the client looks at the status and at no body */
	return err ? err : answer_json(&x->answer, 200, json_object());
}
