/* SPDX-License-Identifier: Apache-2.0 */
/* An owner who has logged in at an issuer for what the caller asks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/issuer_keys.h"
#include "broker/mint.h"
#include "proof/oidc.h"

/* OpenID Connect Core section 2: a list of words, which have no spaces (oidc.c). */
static json_t *amr_join(const json_t *amr)
{
	char text[OIDC_ACR_MAX + 1] = "";
	const json_t *word;
	size_t i, n = 0;

	json_array_foreach (amr, i, word)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "",
				      json_string_value(word));
	return n ? json_string(text) : NULL;
}

/* All strings, for claims.c to put into the chain. An address may change hands, a subject does not. */
static int oidc_more(const struct oidc_identity *id, json_t **more)
{
	json_t *o = json_pack("{s:s, s:s, s:s*, s:o*}", "issuer", id->issuer, "subject", id->subject, "acr",
			      id->acr, "amr", amr_join(id->amr));

	if (o && id->auth_time &&
	    json_object_set_new(o, "auth_time", json_sprintf("%lld", (long long)id->auth_time))) {
		json_decref(o);
		o = NULL;
	}
	if (!o)
		return -ENOMEM;
	*more = o;
	return 0;
}

static int oidc_take(struct mint *m, const struct oidc_identity *id)
{
	if (strlen(id->owner) >= sizeof(m->proof.owner))
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "the owner's name has %zu characters; the limit is %zu",
				      strlen(id->owner), sizeof(m->proof.owner) - 1);
	if (oidc_more(id, &m->proof.more))
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "out of memory");
	strcpy(m->proof.owner, id->owner);
	m->proof.assurance = "oidc";
	m->proof.issued = id->issued;
	return 0;
}

static int oidc_refuse(struct mint *m, int err, const struct why *why)
{
	switch (err) {
	case -ENOMEM:
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "out of memory");
	case -EBADMSG:
	case -EMSGSIZE:
		return answer_problem(m->answer, PROBLEM_BAD_REQUEST, "the owner's ID token: %s", why->text);
	default:
		return answer_problem(m->answer, PROBLEM_FORBIDDEN, "the owner's ID token: %s", why->text);
	}
}

/*
 * The token answers a nonce that is the digest of the statement, which mint_proof_statement() then compares
 * with the request, and whose own nonce mint_proof_nonce() takes: so it is for this content, on this host,
 * once.
 */
int mint_oidc_owner(struct mint *m)
{
	const struct grant_proof *p = &m->request.proof;
	struct oidc_issuers *issuers = m->b->options.issuers;
	char nonce[STATEMENT_BOUND_BYTES];
	struct why why = {""};
	struct oidc_identity id;
	int err;

	if (!issuers || !issuers->count)
		return answer_problem(m->answer, PROBLEM_REFUSED,
				      "this host takes no ID tokens: deputyd.yaml names no issuers");
	statement_nonce(p->statement, p->statement_len, nonce);
	issuer_keys_refresh(issuers);
	err = oidc_verify(issuers, p->id_token, p->id_token_len, nonce, time(NULL), &id, &why);
	if (err)
		return oidc_refuse(m, err, &why);
	err = oidc_take(m, &id);
	oidc_identity_free(&id);
	return err;
}
