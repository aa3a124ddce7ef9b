/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "token/vc.h"

static int vc_of_grant(const struct broker *b, const struct grant *g, json_t **credential)
{
	json_auto_t *assurance = json_pack("{s:s}", "method", g->assurance); /* how the owner was proven */
	struct vc_link link = {
		.id = g->id,
		.purpose = g->purpose,
		.policy = g->policy,
		.policy_digest = g->digest,
		.table = g->table,
		.token = g->token,
		.not_before = g->not_before,
		.expires = g->expires,
	};
	struct vc_chain chain = {.owner = g->owner, .assurance = assurance, .links = &link, .count = 1};

	return assurance ? vc_sign(b->key, &chain, time(NULL), credential) : -ENOMEM;
}

/* Of live grants only: a credential says nothing of revocation, so none is made when that is known. */
int handle_vc(struct exchange *x)
{
	json_t *credential = NULL;
	int err;

	if (x->grant->state != GRANT_LIVE)
		return answer_problem(&x->answer, PROBLEM_CONFLICT, "grant %s is %s", x->grant->id,
				      grant_state_name(x->grant->state));
	err = vc_of_grant(x->broker, x->grant, &credential);
	if (err)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "cannot issue a credential: %s",
				      strerror(-err));
	return answer_json(&x->answer, 200, credential);
}
