/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/handlers.h"
#include "broker/swap.h"
#include "token/jwt.h"

static const struct {
	const char *type, *jwt;
} kinds[] = {
	[ISSUED_ACCESS] = {TYPE_ACCESS, "at+jwt"}, /* RFC 9068 section 2.1 */
	[ISSUED_TXN] = {TYPE_TXN, "txntoken+jwt"},
};

/* Before any signature is looked at: that costs more than all the rest. */
static int token_rate(struct swap *s)
{
	const struct caller *c = &s->x->caller;
	int err;

	s->own = registry_by_tag(&s->b->grants, c->slot, c->gen);
	if (c->slot && !s->own) /* on nobody's account */
		return oauth_problem(
			s->answer, OAUTH_INVALID_REQUEST,
			"under a grant of an earlier run of the daemon, which has nothing to exchange");
	err = issued_watch(s->b);
	if (!err)
		err = payers_bill(&s->b->issued.payers, s->own, s->own ? s->own->uid : c->uid, &s->bill);
	if (!err)
		err = payers_ask(&s->bill);
	if (err == -EAGAIN)
		return oauth_problem(s->answer, OAUTH_TOO_MANY,
				     "more than %u requests in a second by one agent, or %u by one owner",
				     RATE_PER_GRANT, RATE_PER_OWNER);
	return err ? oauth_problem(s->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "%s", strerror(-err)) : 0;
}

static int token_sign(struct swap *s)
{
	int err = jwt_sign(secret_ring_current(&s->b->keys), kinds[s->kind].jwt, s->claims, &s->text);

	if (err == -EMSGSIZE)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "the token would be too long: ask for less");
	return err ? oauth_problem(s->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "%s", strerror(-err)) : 0;
}

static int token_refuse(struct swap *s, int err)
{
	static const struct {
		int err;
		const char *text;
	} reasons[] = {
		{-EDQUOT, "this agent has as many tokens as it may"},
		{-EUSERS, "this owner's agents have as many tokens as they may"},
		{-ENOSPC, "there are as many tokens as there may be"},
		{-EAGAIN, "too many processes have tokens: ask in one that has, or with bound_to=grant"},
	};

	if (err == -ESRCH) /* or, before Linux 6.5, it was not clear which it is */
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "the process that asks is gone");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == err)
			return oauth_problem(s->answer, OAUTH_TOO_MANY, "%s", reasons[i].text);
	return oauth_problem(s->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "%s", strerror(-err));
}

static int token_remember(struct swap *s)
{
	struct issued_terms terms = {.text = s->text,
				     .kind = s->kind,
				     .single_use = s->single_use,
				     .grant = s->grant,
				     .bill = s->bill,
				     .deadline = s->deadline,
				     .status = s->status};
	int err = s->with_grant ? 0 : task_of(s->x, s->own, &terms.task);

	if (err)
		return token_refuse(s, err);
	err = issued_add(s->b, &terms);
	task_release(terms.task); /* unless it has a token now */
	return err ? token_refuse(s, err) : 0;
}

/* The audience is the caller's to choose, and comes last: it can neither push out of the line what the token
 * is good for, nor be taken for that. */
static void token_note(struct swap *s)
{
	char text[TEXT_BYTES];

	snprintf(text, sizeof(text), "%s %s%s%s, scope %.96s, for %s",
		 s->kind == ISSUED_TXN ? "transaction token" : "access token",
		 json_string_value(json_object_get(s->claims, "jti")), s->single_use ? ", single use" : "",
		 json_object_get(s->claims, "cnf") ? ", bound to a key" : "", s->scope, s->audience);
	recorder_note(&s->b->recorder, NOTE_ISSUED, s->grant, text);
}

/* RFC 8693 section 2.2.1; N_A: what is no access token has no type of use as one. */
static int token_answer(struct swap *s)
{
	const char *use = s->kind == ISSUED_TXN ? "N_A" : *s->jkt ? "DPoP" : "Bearer";

	token_note(s);
	return answer_json(s->answer, 200,
			   json_pack("{s:s, s:s, s:s, s:I, s:s, s:O*}", "access_token", s->text,
				     "issued_token_type", kinds[s->kind].type, "token_type", use,
				     "expires_in", (json_int_t)(s->expires - s->now), "scope", s->scope,
				     "authorization_details", s->details));
}

static int token_form(struct swap *s)
{
	return oauth_form(s->x, "audience resource", &s->form);
}

static void swap_free(struct swap *s)
{
	form_free(&s->form);
	json_decref(s->details);
	json_decref(s->context);
	json_decref(s->about);
	json_decref(s->old);
	json_decref(s->claims);
	free(s->text);
}

int handle_token(struct exchange *x)
{
	static const swap_step steps[] = {token_rate,  token_form, swap_request,   swap_subject,
					  swap_proof,  swap_scope, swap_details,   swap_times,
					  swap_claims, token_sign, token_remember, token_answer};
	struct swap s = {.x = x, .b = x->broker, .answer = &x->answer};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++)
		err = steps[i](&s);
	swap_free(&s);
	return err;
}
