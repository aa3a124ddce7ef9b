/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "broker/issuer.h"
#include "broker/swap.h"
#include "common/clock.h"
#include "proof/dpop.h"

struct headers {
	const char *value;
	unsigned count;
};

static enum MHD_Result header_count(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct headers *h = cls;

	(void)kind;
	if (strcasecmp(key, "DPoP") == 0) {
		h->value = value ?: "";
		h->count++;
	}
	return MHD_YES;
}

/* Section 8: the error that comes with a nonce, which the client puts into another proof. */
static int proof_nonce(struct swap *s, const char *nonce)
{
	if (proofs_nonce_good(&s->b->proofs, clock_boottime(), nonce))
		return 0;
	return oauth_problem(s->answer, OAUTH_USE_DPOP_NONCE,
			     *nonce ? "the proof's nonce is too old or none of ours: take that of DPoP-Nonce"
				    : "the proof needs a nonce: take that of DPoP-Nonce");
}

static int proof_once(struct swap *s, const struct dpop_proof *proof)
{
	switch (proofs_see(&s->b->proofs, clock_boottime(), proof->id)) {
	case 0:
		return 0;
	case -EEXIST:
		return oauth_problem(s->answer, OAUTH_INVALID_DPOP_PROOF, "the proof was used before");
	default:
		return oauth_problem(s->answer, OAUTH_TOO_MANY, "too many proofs in the last %u seconds",
				     PROOF_NONCE_SECONDS * PROOF_NONCE_SPANS);
	}
}

static int proof_check(struct swap *s, const char *text)
{
	struct dpop_request request = {.method = "POST", .now = time(NULL)};
	char uri[ISSUER_MAX + 32];
	struct dpop_proof proof;
	struct why why = {""};
	int err;

	snprintf(uri, sizeof(uri), "%s/v1/token", s->b->options.issuer);
	request.uri = uri;
	err = dpop_verify(text, strlen(text), &request, &proof, &why);
	if (err)
		return oauth_problem(s->answer, OAUTH_INVALID_DPOP_PROOF,
				     "the proof: %s; it must be for POST %s",
				     *why.text ? why.text : strerror(-err), uri);
	err = proof_nonce(s, proof.nonce) ?: proof_once(s, &proof);
	if (!err)
		memcpy(s->jkt, proof.jkt, sizeof(s->jkt));
	return err;
}

/* A token that is bound is exchanged by who holds its key, and the new one is bound to the same. */
static int proof_fits(struct swap *s)
{
	const char *jkt = json_string_value(json_object_get(json_object_get(s->old, "cnf"), "jkt"));

	if (!jkt || strcmp(jkt, s->jkt) == 0)
		return 0;
	return oauth_problem(s->answer, OAUTH_INVALID_DPOP_PROOF,
			     "the subject_token is bound to a key: a DPoP proof by that key is needed");
}

/*
 * What travels outside is bound to a key. What is good once and for a minute need not be, nor what stays in
 * the trust domain, where everybody on the way passes it on.
 */
int swap_proof(struct swap *s)
{
	struct headers h = {0};
	int err = 0;

	proofs_nonce(&s->b->proofs, clock_boottime(), s->x->dpop_nonce);
	MHD_get_connection_values(s->x->connection, MHD_HEADER_KIND, header_count, &h);
	if (h.count > 1)
		return oauth_problem(s->answer, OAUTH_INVALID_DPOP_PROOF, "more than one DPoP header");
	if (h.count)
		err = proof_check(s, h.value);
	else if (s->kind == ISSUED_ACCESS && !s->single_use)
		err = oauth_problem(
			s->answer, OAUTH_INVALID_DPOP_PROOF,
			"an access token is bound to a key: send a DPoP proof, or ask for single_use=true");
	return err ?: proof_fits(s);
}
