/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/fold.h"
#include "broker/handlers.h"
#include "broker/http.h"
#include "token/vc.h"

/* Each with the link from which those below go on: a newer one of its grant says nothing of them. */
static struct vc_link vc_link_of(const struct grant *g, const struct signed_link *link, const char *token)
{
	return (struct vc_link){
		.id = g->id,
		.parent = *g->parent ? g->parent : NULL,
		.purpose = g->purpose,
		.policy = g->policy,
		.policy_digest = link->policy,
		.table = g->table,
		.token = token,
		.not_before = link->not_before,
		.expires = link->expires,
	};
}

/* A grant that lives holds a slot, and so do all above it. */
static int vc_of_grant(const struct broker *b, const struct grant *g, json_t **credential)
{
	json_auto_t *assurance = json_pack("{s:s}", "method", g->assurance); /* how the owner was proven */
	const struct signed_link *link = g->link;
	struct vc_link links[CHAIN_MAX];
	char *tokens[CHAIN_MAX];
	size_t first = CHAIN_MAX;
	struct vc_chain chain = {.owner = g->owner, .assurance = assurance};
	int err = !assurance || (g->proof && json_object_update(assurance, g->proof)) ? -ENOMEM : 0;

	for (const struct grant *up = g; !err && up && link && first; up = up->above, link = link->above) {
		err = fold_text(up, link, &tokens[first - 1]);
		if (err)
			break;
		first--;
		links[first] = vc_link_of(up, link, tokens[first]);
	}
	chain.links = links + first;
	chain.count = CHAIN_MAX - first;
	if (!err)
		err = vc_sign(secret_ring_current(&b->keys), &chain, time(NULL), credential);
	for (size_t i = first; i < CHAIN_MAX; i++)
		free(tokens[i]);
	return err;
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
