/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "broker/issuer.h"
#include "broker/status_lists.h"
#include "broker/swap.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "token/base64url.h"

#define NS	     1000000000ull
#define RANDOM_BYTES 16 /* random, of `jti` and `txn` */

/* ---- times ---- */

static int64_t swap_seconds(const struct swap *s)
{
	if (s->kind == ISSUED_TXN)
		return TXN_SECONDS;
	return s->single_use ? SINGLE_USE_SECONDS : ACCESS_SECONDS;
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t boot_seconds(uint64_t deadline, uint64_t boot)
{
	return deadline > boot ? (int64_t)((deadline - boot) / NS) : 0;
}

/*
 * Not after the grant, nor after what is exchanged; each by the wall and by the clock that no one sets, as
 * one set back would have a token that is exchanged over and over last for as long as that. In whole seconds,
 * rounded down, and the same by both.
 */
int swap_times(struct swap *s)
{
	const json_t *old = json_object_get(s->old, "exp");
	uint64_t boot = clock_boottime();
	int64_t left = lesser(swap_seconds(s), boot_seconds(s->grant->deadline, boot));

	s->now = time(NULL);
	left = lesser(left, s->grant->expires - s->now);
	if (s->old)
		left = lesser(left,
			      lesser(boot_seconds(s->old_deadline, boot), json_integer_value(old) - s->now));
	if (left <= 0)
		return oauth_problem(s->answer, OAUTH_INVALID_REQUEST,
				     "the grant or the subject_token is at its end");
	s->expires = s->now + left;
	s->deadline = boot + (uint64_t)left * NS;
	return 0;
}

/* ---- parts ---- */

static json_t *random_name(void)
{
	unsigned char bytes[RANDOM_BYTES];
	char text[BASE64URL_LEN(RANDOM_BYTES) + 1];

	randombytes_buf(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), text);
	return json_string(text);
}

/* As chain_act() of the grant's chain has it: history, by which nobody may decide (RFC 8693 section 4.1). The
 * grants are the broker's own, so that nothing is there to be verified. */
static json_t *swap_act(const struct grant *g)
{
	if (!g)
		return NULL;
	return json_pack("{s:o, s:o*}", "sub", json_sprintf("agent:%s", g->id), "act", swap_act(g->above));
}

/* What every outside token says: whose it is, for what, and who acts. */
static json_t *swap_common(const struct swap *s)
{
	const struct grant *g = s->grant;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:s, s:o, s:o, s:I, s:I, s:I}", "iss",
			 s->b->options.issuer, "sub", g->owner, "aud", s->audience, "scope", s->scope,
			 "owner", g->owner, "assurance", "method", g->assurance, "purpose", g->purpose, "act",
			 swap_act(g), "jti", random_name(), "iat", (json_int_t)s->now, "nbf",
			 (json_int_t)s->now, "exp", (json_int_t)s->expires);
}

/* draft-ietf-oauth-status-list section 6.2: for who is not on this host. */
static json_t *claims_status(struct swap *s)
{
	_cleanup_free_ char *uri = NULL;

	if (status_lists_take(s->b, &s->status, &uri))
		return NULL;
	return json_pack("{s:{s:I, s:s}}", "status_list", "idx",
			 (json_int_t)(s->status % STATUS_LIST_ENTRIES), "uri", uri);
}

/* RFC 9068 section 2.2, RFC 9449 section 6.1, RFC 9396 section 9.1. */
static json_t *claims_access(struct swap *s)
{
	json_t *more = json_pack("{s:o, s:o, s:O*}", "client_id", json_sprintf("agent:%s", s->grant->id),
				 "status", claims_status(s), "authorization_details", s->details);

	if (*s->jkt)
		json_object_set_new(more, "cnf", json_pack("{s:s}", "jkt", s->jkt));
	if (s->single_use)
		json_object_set_new(more, "single_use", json_true());
	return more;
}

/* ---- transactions ---- */

/* What the caller says of its surroundings, and over it what is known. */
static json_t *txn_surroundings(const struct swap *s)
{
	json_t *rctx = s->context ? json_copy(s->context) : json_object();

	json_object_set_new(rctx, "uid", json_integer(s->x->caller.uid));
	return rctx;
}

/* Of a replaced token everything stays as it is; more may be added beside it. */
static json_t *txn_kept(const struct swap *s, const char *name, json_t *now)
{
	const json_t *old = json_object_get(s->old, name);
	json_t *kept = json_is_object(old) ? json_copy((json_t *)old) : json_object();

	if (now)
		json_object_update_missing(kept, now);
	json_decref(now);
	return kept;
}

/* Those that asked for the tokens that this one follows, the first one first. */
static json_t *txn_call_chain(const struct swap *s)
{
	const json_t *chain = json_object_get(s->old, "call_chain"),
		     *last = json_object_get(s->old, "req_wl");
	json_t *list;

	if (!last)
		return NULL;
	list = chain ? json_copy((json_t *)chain) : json_array();
	json_array_append(list, (json_t *)last);
	return list;
}

static json_t *claims_txn(const struct swap *s)
{
	json_t *txn = s->old ? json_incref(json_object_get(s->old, "txn")) : NULL;

	return json_pack("{s:o, s:o, s:o, s:o, s:o*, s:O*}", "txn", txn ?: random_name(), "req_wl",
			 json_sprintf("agent:%s", s->grant->id), "rctx",
			 txn_kept(s, "rctx", txn_surroundings(s)), "tctx",
			 txn_kept(s, "tctx", json_incref(s->about)), "call_chain", txn_call_chain(s),
			 "authorization_details", s->details);
}

int swap_claims(struct swap *s)
{
	json_auto_t *more = NULL;

	s->status = STATUS_NONE;
	more = s->kind == ISSUED_TXN ? claims_txn(s) : claims_access(s);
	s->claims = swap_common(s);
	if (s->claims && more && json_object_update(s->claims, more) == 0)
		return 0;
	return oauth_problem(s->answer, OAUTH_TEMPORARILY_UNAVAILABLE, "out of memory");
}
