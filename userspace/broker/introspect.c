/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "broker/claims.h"
#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/issued.h"
#include "broker/oauth.h"
#include "broker/swap.h"

static json_t *inactive(void)
{
	return json_pack("{s:b}", "active", 0);
}

/*
 * RFC 7662 section 2.2: the claims of the last link, whose grant it is, with `scope` for those who look no
 * further. `act` (RFC 8693 section 4.1) tells who delegated to it; the decision is by the last link alone.
 */
static json_t *active(const struct chain_report *report)
{
	json_t *claims = chain_claims(report, report->count - 1);
	const char *purpose = report->link[report->count - 1].terms.purpose;
	json_t *more = json_pack("{s:b, s:s, s:o}", "active", 1, "scope", purpose, "act", chain_act(report));

	if (!claims || !more || json_object_update(claims, more)) {
		json_decref(claims);
		claims = NULL;
	}
	json_decref(more);
	return claims;
}

static json_t *introspect_grant(const struct broker *b, const char *text, size_t len)
{
	struct chain_report report;
	struct grant *g;
	json_t *answer;

	if (claims_find(secret_ring_public(&b->keys), &b->grants, text, len, &report, &g))
		return NULL;
	answer = active(&report);
	chain_report_free(&report);
	return answer;
}

/* What can be told of a token for a single use is told once: that is its use. */
static void introspect_redeem(struct broker *b, struct issued *t, const json_t *claims)
{
	const char *jti = json_string_value(json_object_get(claims, "jti"));
	char text[TEXT_BYTES];

	if (!t->single_use)
		return;
	snprintf(text, sizeof(text), "token %s", jti ? jti : "");
	recorder_note(&b->recorder, NOTE_REDEEMED, issued_grant(b, t), text);
	issued_end(b, t);
}

static json_t *introspect_issued(struct broker *b, const char *text, size_t len)
{
	struct issued *t = issued_find(b, text, len);
	json_auto_t *claims = t ? swap_read(text, len) : NULL;

	if (!claims || json_object_set_new(claims, "active", json_true()))
		return NULL;
	if (t->kind == ISSUED_ACCESS &&
	    json_object_set_new(claims, "token_type",
				json_string(json_object_get(claims, "cnf") ? "DPoP" : "Bearer")))
		return NULL;
	introspect_redeem(b, t, claims);
	return json_incref(claims);
}

/* Nothing is said about why a token is not active. */
static json_t *introspect(struct broker *b, const char *text, size_t len)
{
	json_t *answer = *text == '~' ? introspect_grant(b, text, len) : introspect_issued(b, text, len);

	return answer ? answer : inactive();
}

static int introspect_answer(struct exchange *x, const char *token)
{
	return answer_json(&x->answer, 200, introspect(x->broker, token, strlen(token)));
}

/* RFC 7662 section 2.1. The hint is not needed, and anything else may be there. */
static int introspect_form(struct exchange *x)
{
	struct form form;
	const char *token;
	int err = oauth_form(x, "", &form);

	if (err)
		return err;
	token = form_value(&form, "token");
	err = token ? introspect_answer(x, token)
		    : oauth_problem(&x->answer, OAUTH_INVALID_REQUEST, "token is missing");
	form_free(&form);
	return err;
}

static int introspect_json(struct exchange *x)
{
	json_auto_t *body = json_loadb(x->body, x->size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *token = json_object_get(body, "token");

	if (!json_is_string(token) || json_object_size(body) != 1)
		return answer_problem(&x->answer, PROBLEM_BAD_REQUEST,
				      "the body must be {\"token\": \"...\"}");
	return introspect_answer(x, json_string_value(token));
}

/* Told by its first character and not by the media type: no name of ours begins with one that JSON does, and
 * curl calls everything a form. */
int handle_introspect(struct exchange *x)
{
	size_t i = 0;

	while (i < x->size && memchr(" \t\r\n", x->body[i], 4))
		i++;
	return i < x->size && memchr("{[\"", x->body[i], 3) ? introspect_json(x) : introspect_form(x);
}
