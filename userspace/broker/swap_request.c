/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/issuer.h"
#include "broker/swap.h"

/* ---- kinds ---- */

static int request_grant_type(struct swap *s)
{
	const char *type = form_value(&s->form, "grant_type");

	if (!type)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "no grant_type");
	if (strcmp(type, GRANT_TYPE_EXCHANGE))
		return oauth_problem(s->answer, OAUTH_UNSUPPORTED_GRANT_TYPE,
				     "the grant_type must be " GRANT_TYPE_EXCHANGE);
	return 0;
}

/* On this socket a caller has no name to choose: it may say its own, as clients do that cannot go without. */
static int request_client(struct swap *s)
{
	const struct caller *c = &s->x->caller;
	const char *id = form_value(&s->form, "client_id");
	char name[ID_BYTES + 8];

	if (c->slot)
		snprintf(name, sizeof(name), "agent:%s", s->own ? s->own->id : "?");
	else
		snprintf(name, sizeof(name), "uid:%u", (unsigned)c->uid);
	if (!id || strcmp(id, name) == 0)
		return 0;
	return oauth_problem(s->answer, OAUTH_INVALID_CLIENT, "the caller is %s, by its kernel tag or user",
			     name);
}

static int request_kind(struct swap *s)
{
	const char *type = form_value(&s->form, "requested_token_type");

	s->kind = type && strcmp(type, TYPE_TXN) == 0 ? ISSUED_TXN : ISSUED_ACCESS;
	if (!type || s->kind == ISSUED_TXN || strcmp(type, TYPE_ACCESS) == 0 || strcmp(type, TYPE_JWT) == 0)
		return 0;
	return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
			     "the requested_token_type must be one of %s, %s, %s", TYPE_ACCESS, TYPE_JWT,
			     TYPE_TXN);
}

/* "true" or "false", as JSON and HTML forms of today have it. */
static int request_flag(struct swap *s, const char *name, const char *no, const char *yes, bool *flag)
{
	const char *value = form_value(&s->form, name);

	*flag = value && strcmp(value, yes) == 0;
	if (!value || *flag || strcmp(value, no) == 0)
		return 0;
	return oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "%s must be %s or %s", name, no, yes);
}

static int request_flags(struct swap *s)
{
	return request_flag(s, "single_use", "false", "true", &s->single_use)
		       ?: request_flag(s, "bound_to", "task", "grant", &s->with_grant);
}

/* ---- whom it is for ---- */

/* RFC 8707 section 2: an absolute URI without a fragment. RFC 3986 section 3.1: what a scheme is. */
static bool is_resource(const char *uri)
{
	size_t n = strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

	return n && uri[n] == ':' && uri[n + 1] && (uri[0] | 0x20) >= 'a' && (uri[0] | 0x20) <= 'z' &&
	       !strpbrk(uri, "# \"<>\\^`{|}");
}

static bool is_audience(const struct form_pair *p)
{
	if (p->value_len > AUDIENCE_MAX)
		return false;
	for (const char *c = p->value; *c; c++)
		if (*c < ' ' || *c > '~') /* whoever compares it sees what is there */
			return false;
	return true;
}

/* However often and under either name: a token is for one (RFC 8693 section 2.2.2: invalid_target). */
static int request_targets(struct swap *s)
{
	static const char *const names[] = {"audience", "resource"};
	const struct form_pair *p;

	for (size_t i = 0; i < 2; i++)
		for (size_t at = 0; (p = form_next(&s->form, names[i], &at));) {
			if (!is_audience(p) || (i && !is_resource(p->value)))
				return oauth_problem(s->answer, OAUTH_INVALID_TARGET,
						     "%s must be %s of 1 to %u characters", names[i],
						     i ? "an absolute URI without a fragment, in ASCII"
						       : "visible ASCII",
						     AUDIENCE_MAX);
			if (s->audience && strcmp(s->audience, p->value))
				return oauth_problem(s->answer, OAUTH_INVALID_TARGET,
						     "a token is for one audience: ask once for each");
			s->audience = p->value;
		}
	return 0;
}

/* A transaction token is for the trust domain, an access token for anybody but it. */
static int request_audience(struct swap *s)
{
	const char *domain = issuer_domain(s->b->options.issuer);
	int err = request_targets(s);

	if (err)
		return err;
	if (!s->audience && s->kind == ISSUED_TXN)
		s->audience = domain;
	if (!s->audience)
		return oauth_problem(s->answer, OAUTH_INVALID_TARGET, "no audience or resource");
	if ((strcmp(s->audience, domain) == 0) == (s->kind == ISSUED_TXN))
		return 0;
	return oauth_problem(s->answer, OAUTH_INVALID_TARGET,
			     s->kind == ISSUED_TXN ? "a transaction token is for the trust domain %s"
						   : "%s is the trust domain, for transaction tokens",
			     domain);
}

/* ---- JSON in the form ---- */

static int request_json(struct swap *s, const char *name, size_t max, json_t **value)
{
	const char *text = form_value(&s->form, name);

	if (!text)
		return 0;
	if (strlen(text) > max)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "%s has more than %zu bytes", name,
				     max);
	*value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	return *value ? 0 : oauth_problem(s->answer, OAUTH_INVALID_REQUEST, "%s is not JSON", name);
}

/* Of the transaction-tokens draft, which has no other use for them. */
static int request_contexts(struct swap *s)
{
	int err = request_json(s, "request_context", CONTEXT_MAX, &s->context)
			  ?: request_json(s, "request_details", CONTEXT_MAX, &s->about);

	if (err)
		return err;
	if ((s->context && !json_is_object(s->context)) || (s->about && !json_is_object(s->about)))
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "request_context and request_details are JSON objects");
	if ((s->context || s->about) && s->kind != ISSUED_TXN)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "request_context and request_details are for transaction tokens");
	return 0;
}

static int request_details(struct swap *s)
{
	return request_json(s, "authorization_details", DETAILS_MAX, &s->details);
}

int swap_request(struct swap *s)
{
	static const swap_step steps[] = {request_grant_type, request_client,	request_kind,	request_flags,
					  request_audience,   request_contexts, request_details};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(steps) / sizeof(steps[0]); i++)
		err = steps[i](s);
	return err;
}
