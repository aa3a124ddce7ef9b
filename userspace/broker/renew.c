/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/renew.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/adopt.h"
#include "broker/claims.h"
#include "broker/delegate.h"
#include "broker/fold.h"
#include "broker/handlers.h"
#include "broker/keys.h"
#include "broker/lifecycle.h"
#include "broker/revoke.h"
#include "common/clock.h"

#define NS 1000000000ull

/* ---- who asks, and whether there is anything to renew ---- */

/* An agent its own grant, an owner what he gave. Who delegated one ends it, and delegates another. */
static int renew_caller(struct mint *m)
{
	const struct caller *c = &m->x->caller;
	const struct grant *g = m->x->grant;

	if (c->slot && (g->slot != c->slot || g->gen != c->gen || !g->held))
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "grant %s is not the caller's own: an agent renews no other", g->id);
	if (!c->slot && *g->parent)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "grant %s was delegated by %s: only the agent under it renews it",
				      g->id, g->parent);
	if (!c->slot && c->uid != g->uid)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "grant %s is another user's: only he and the agent under it renew it",
				      g->id);
	return 0;
}

/* As it was when the grant was given; a user who never had a name still has none. */
static int renew_user(struct mint *m)
{
	const struct grant *g = m->x->grant;
	char name[GRANT_NAME_BYTES];

	m->uid = g->uid;
	user_find(m->uid, &m->user);
	text_copy(name, sizeof(name), m->user.name);
	if (!strcmp(name, g->user))
		return 0;
	return answer_problem(m->answer, PROBLEM_FORBIDDEN,
			      "grant %s is of the user %s, and uid %u is his no longer", g->id, g->user,
			      (unsigned)g->uid);
}

uint64_t renew_life_end(const struct broker *b, const struct grant *g)
{
	uint64_t life = b->options.max_life_ns;

	return life && life < UINT64_MAX - g->began ? g->began + life : UINT64_MAX;
}

static int renew_lives(struct mint *m)
{
	for (const struct grant *g = m->x->grant; g; g = g->above)
		if (g->state != GRANT_LIVE)
			return answer_problem(m->answer, PROBLEM_CONFLICT,
					      "grant %s is %s: what has ended is not renewed", g->id,
					      grant_state_name(g->state));
	return 0;
}

static int renew_room(struct mint *m)
{
	const struct broker_options *o = &m->b->options;
	const struct grant *g = m->x->grant;
	char life[TIME_BYTES];

	if (g->renewals >= o->max_renewals)
		return answer_problem(m->answer, PROBLEM_REFUSED,
				      "grant %s was renewed %u times; this host allows %u (max_renewals)",
				      g->id, g->renewals, o->max_renewals);
	if (g->deadline < renew_life_end(m->b, g))
		return 0;
	text_ttl(o->max_life_ns, life);
	return answer_problem(m->answer, PROBLEM_REFUSED,
			      "grant %s ends with its whole life, for which this host allows %s (max_life)",
			      g->id, life);
}

/* The agent's share of the worker. An owner has his connections, as when he gives a grant: else an agent that
 * asks without end would have its grant renewed by nobody. */
static int renew_rate(struct mint *m)
{
	if (!m->x->caller.slot || !delegate_too_often(m->x->grant))
		return 0;
	return answer_problem(m->answer, PROBLEM_TOO_MANY, "grant %s asked more than %u times in a second",
			      m->x->grant->id, DELEGATE_RATE);
}

/* ---- what it has ---- */

static void renew_until(struct mint *m, const struct grant *g)
{
	const struct grant *above = g->above;
	uint64_t life = renew_life_end(m->b, g);

	m->from.deadline = above && above->deadline < life ? above->deadline : life;
	m->from.expires = above ? above->expires : INT64_MAX;
	m->from.not_before = above ? above->not_before : 0;
}

/* For the worker, as the grant itself may be gone before it is done. */
static int renew_from(struct mint *m)
{
	const struct grant *g = m->x->grant;
	struct delegator *from = &m->from;
	const char *part = strrchr(g->purpose, '/'); /* of a delegated one: its policy's own purpose */

	m->grant = grant_new();
	m->workdir = *g->workdir ? strdup(g->workdir) : NULL;
	if (!m->grant || (*g->workdir && !m->workdir) || grant_say(m->grant, GRANT_OWNER, g->owner) ||
	    grant_say(m->grant, GRANT_ASSURANCE, g->assurance))
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "out of memory");
	memcpy(m->grant->id, g->id, sizeof(g->id));
	memcpy(m->grant->parent, g->parent, sizeof(g->parent));
	memcpy(m->renewed, g->id, sizeof(g->id));
	text_copy(m->purpose, sizeof(m->purpose), part ? part + 1 : g->purpose);
	m->request.purpose = m->purpose;
	m->request.workdir = m->workdir;
	text_copy(from->id, sizeof(from->id), g->parent);
	text_copy(from->policy, sizeof(from->policy), g->policy);
	text_copy(from->table_digest, sizeof(from->table_digest), g->table);
	from->tag = grant_tag(g);
	from->depth = g->depth;
	from->children = g->children;
	from->audit = g->audit;
	from->kill = g->kill;
	renew_until(m, g);
	return m->request.name ? mint_table_of(m, g) : 0;
}

/* ---- the grant goes on ---- */

/* What the worker needed some time for may be so no more. */
static int renew_again(struct mint *m)
{
	const struct grant *g = m->x->grant;

	if (strcmp(g->id, m->renewed))
		return answer_problem(m->answer, PROBLEM_CONFLICT, "grant %s has ended", m->renewed);
	renew_until(m, g);
	return *g->parent ? delegate_wall(m) : mint_roads(m);
}

/* By both clocks: for the kernel, and for whoever reads the link. */
static int renew_times(struct mint *m, struct grant *g)
{
	uint64_t now = clock_boottime(), deadline = now + m->request.ttl_ns;
	char until[TIME_BYTES];

	if (deadline > m->from.deadline)
		deadline = m->from.deadline;
	if (deadline <= g->deadline) {
		text_time(g->expires, until);
		return answer_problem(m->answer, PROBLEM_REFUSED,
				      "grant %s lasts until %s: that is no renewal", g->id, until);
	}
	g->before = g->deadline;
	g->deadline = deadline;
	g->not_before = time(NULL);
	g->expires = g->not_before + (int64_t)((deadline - now) / NS);
	if (g->expires > m->from.expires)
		g->expires = m->from.expires;
	if (g->not_before < m->from.not_before) /* the wall clock was set back */
		g->not_before = m->from.not_before;
	return 0;
}

/* What its new link says of whence it has its authority. A key that no longer signs signs no more of it. */
static int renew_describe(struct mint *m, struct grant *g)
{
	const struct grant *above = g->above;
	int err;

	g->renewals++;
	err = grant_say(g, GRANT_KEY, above ? above->key : key_public(secret_ring_current(&m->b->keys))->kid)
		      ?: grant_say(g, GRANT_DIGEST, m->policy ? m->policy_digest : above->digest);
	if (!err && m->policy && !g->installed)
		err = grant_say(g, GRANT_FILE, m->request.name);
	if (err)
		return err;
	if (above || m->proof.more) {
		json_decref(g->proof);
		g->proof = json_incref(above ? above->proof : m->proof.more);
		g->proven = above ? above->proven : m->proof.issued;
	}
	return mint_lines(m, g);
}

static int renew_sign(struct mint *m, struct grant *g)
{
	const struct secret_key *host = NULL;
	const char *why = "";
	int err = renew_describe(m, g);

	if (!err && !(host = keys_of_grant(m->b, g)))
		err = -ENOKEY;
	if (!err)
		err = claims_sign(host, g, &why);
	if (!err)
		err = adopt_keep(m->b, g);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE,
				    "cannot sign and keep the renewal: %s%s%s", strerror(-err),
				    *why ? ": " : "", why)
		   : 0;
}

static int renew_kernel(struct mint *m, const struct grant *g)
{
	int err = warden_renew(FD_WARDEN, grant_tag(g), g->deadline);

	if (err == -ESTALE)
		return answer_problem(m->answer, PROBLEM_CONFLICT,
				      "grant %s has ended: what has ended is not renewed", g->id);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot renew: %s", strerror(-err)) : 0;
}

/* What the copy of a grant needs of its own, to be gone back to or let go of. */
static int renew_keep(const struct grant *g, struct grant *before)
{
	*before = *g;
	before->line = g->line ? strdup(g->line) : NULL;
	if (g->line && !before->line)
		return -ENOMEM;
	json_incref(before->proof);
	grant_texts_hold(before);
	return 0;
}

static void renew_drop(struct grant *g)
{
	json_decref(g->proof);
	grant_texts_drop(g);
	free(g->line);
}

/*
 * The record comes first: one that could not be kept renews nothing, and the next daemon finds by it whether
 * the kernel has the new deadline or the one before. After the kernel's write nothing is left that can fail.
 */
static int renew_commit(struct mint *m)
{
	struct grant *g = m->x->grant, before;
	int err;

	err = fold_open(g);
	if (!err)
		err = renew_keep(g, &before);
	if (err)
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot renew: %s", strerror(-err));
	err = renew_times(m, g);
	if (err) {
		renew_drop(&before);
		return err;
	}
	g->link = NULL;
	err = renew_sign(m, g);
	if (!err)
		err = renew_kernel(m, g);
	if (!err) {
		renew_drop(&before);
		signed_links_add(&g->earlier, before.link);
		return 0;
	}
	renew_drop(g);
	signed_link_drop(g->link);
	*g = before; /* one thread: nobody else has seen it, or changed it, meanwhile */
	adopt_keep(m->b, g);
	return err;
}

static void renew_announce(struct mint *m, int64_t before)
{
	const struct grant *g = m->x->grant;
	char text[TEXT_BYTES], from[TIME_BYTES], until[TIME_BYTES], who[REVOKE_WHO], counter[64] = "";

	text_time(before, from);
	text_time(g->expires, until);
	revoke_who(m->x, who);
	if (m->proof.counter)
		snprintf(counter, sizeof(counter), ", the security key's %u", m->proof.counter);
	snprintf(text, sizeof(text), "until %s, which was %s, by %s%s, for the %u. time%s", until, from,
		 m->x->caller.slot ? "its agent, " : "", who, g->renewals, counter);
	recorder_note(&m->b->recorder, NOTE_RENEWED, g, text);
}

static int renew_finish(struct mint *m)
{
	int64_t before = m->x->grant->expires;
	int err = renew_commit(m);

	if (err) {
		fold_link(m->x->grant);
		return err;
	}
	renew_announce(m, before);
	lifecycle_refresh(m->b, m->x->grant);
	err = answer_json(m->answer, 200, grant_json(m->x->grant, true));
	fold_link(m->x->grant);
	return err;
}

int handle_renew(struct exchange *x)
{
	static const mint_step ask[] = {renew_caller,	      renew_user, renew_lives, renew_room, renew_rate,
					mint_request_renewal, renew_text, renew_from,  NULL};
	static const mint_step work[] = {renew_evaluate, NULL};
	static const mint_step end[] = {renew_caller, renew_user,	renew_lives,  renew_room,
					renew_again,  mint_proof_nonce, renew_finish, NULL};
	static const struct mint_plan plan = {ask, work, end};

	return mint_handle(x, &plan);
}
