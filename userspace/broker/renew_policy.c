/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the policy, as it stands now, still gives what the grant has. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/delegate.h"
#include "broker/renew.h"
#include "common/clock.h"
#include "policy/within.h"
#include "token/hash.h"

/* ---- which text ---- */

static bool text_is(const struct text_file *t, const struct grant_request *r)
{
	return t->len == r->text_len && !memcmp(t->text, r->text, t->len);
}

/* Of a grant under one of the host's policies: that one, whatever became of its text. */
static int text_installed(struct mint *m, const struct grant *g)
{
	struct grant_request *r = &m->request;
	const struct text_file *t = texts_find(&m->b->policies, g->file);

	if (!t)
		return answer_problem(
			m->answer, PROBLEM_FORBIDDEN,
			"the policy %s of grant %s is no longer installed on this host: start anew", g->file,
			g->id);
	if (r->name && (strcmp(r->name, g->file) || (r->text && !text_is(t, r))))
		return answer_problem(
			m->answer, PROBLEM_FORBIDDEN,
			"grant %s is under the installed policy %s, and is renewed under no other", g->id,
			g->file);
	r->name = t->name;
	r->text = t->text;
	r->text_len = t->len;
	return 0;
}

/*
 * A user's own text is not kept here, so he brings it again, and may have changed it. An agent may not: in a
 * text of its own it could write itself a longer life.
 */
static int text_brought(struct mint *m, const struct grant *g)
{
	const struct grant_request *r = &m->request;
	char digest[HASH_TEXT_BYTES];

	if (!r->text)
		return answer_problem(
			m->answer, PROBLEM_BAD_REQUEST,
			"the policy of grant %s is not installed on this host: bring its text again", g->id);
	if (!*g->parent && !m->b->options.user_policies)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "this host takes installed policies only, and that of grant %s is none",
				      g->id);
	if (r->text_len > POLICY_TEXT_MAX)
		return answer_problem(m->answer, PROBLEM_TOO_LARGE,
				      "the policy has %zu bytes; the limit is %u", r->text_len,
				      POLICY_TEXT_MAX);
	if (hash_text(r->text, r->text_len, digest))
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot make a digest");
	if (m->x->caller.slot && strcmp(digest, g->digest))
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "that is not the policy under which grant %s was given, and an agent "
				      "brings no other",
				      g->id);
	return 0;
}

int renew_text(struct mint *m)
{
	const struct grant *g = m->x->grant;

	if (*g->file)
		return g->installed ? text_installed(m, g) : text_brought(m, g);
	if (!*g->parent)
		return answer_problem(
			m->answer, PROBLEM_CONFLICT,
			"grant %s is of an earlier daemon, which did not note its policy: start anew", g->id);
	if (!m->request.name)
		return 0;
	return answer_problem(m->answer, PROBLEM_BAD_REQUEST,
			      "grant %s has the policy of grant %s, and is renewed under no other", g->id,
			      g->parent);
}

/* ---- for how long ---- */

static int renew_ttl(struct mint *m)
{
	uint64_t now = clock_boottime(), *ttl = &m->request.ttl_ns;
	struct {
		uint64_t ns;
		const char *whose;
	} limits[] =
		{
			{m->terms.ttl_ns, "its purpose allows"},
			{m->b->options.max_ttl_ns, "this host allows"},
			{m->from.deadline > now ? m->from.deadline - now : 0,
			 "the grant above it or its whole life (max_life) leaves"},
		},
	  *least = &limits[0];
	char asked[TIME_BYTES], most[TIME_BYTES];

	for (size_t i = 1; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].ns < least->ns)
			least = &limits[i];
	if (!*ttl)
		*ttl = least->ns;
	if (*ttl <= least->ns)
		return 0;
	text_ttl(*ttl, asked);
	text_ttl(least->ns / 1000000000 * 1000000000, most);
	return answer_problem(m->answer, PROBLEM_REFUSED, "a ttl of %s is too long: %s %s", asked,
			      least->whose, most);
}

/* ---- whether it is the same authority ---- */

static int renew_changed(struct mint *m, const char *what)
{
	return answer_problem(m->answer, PROBLEM_REFUSED, "policy changed: %s; start anew", what);
}

/* What is no part of a table. More than the grant has is not given, less would have to be taken away. */
static int renew_terms(struct mint *m)
{
	const struct delegator *has = &m->from;
	const struct policy_grant *now = &m->terms;

	if (strcmp(policy_name(m->policy), has->policy))
		return renew_changed(m, "it has another name");
	if (now->kill && !has->kill)
		return renew_changed(m, "the end of the grant would kill now (on_revoke)");
	if (now->audit & ~has->audit)
		return renew_changed(m, "more is recorded now (audit)");
	if (now->depth < has->depth || now->children < has->children)
		return renew_changed(m, "less may be delegated now (delegate)");
	return 0;
}

/*
 * The kernel goes on by the table it has: another one would leave verdicts of the old in its caches and files
 * opened by it. So the new table must be the old one or allow the same.
 */
static int renew_table(struct mint *m)
{
	struct policy_wider *w;
	char what[1024];
	int err;

	if (!strcmp(m->table_digest, m->from.table_digest))
		return 0;
	err = mint_within(m, m->renewed);
	if (err)
		return err;
	w = calloc(1, sizeof(*w));
	err = w ? policy_within(m->from.table, m->table, w) : -ENOMEM;
	if (err == -EACCES) {
		snprintf(what, sizeof(what), "it no longer allows %s %s%.300s (there: %.200s)", w->op,
			 w->cut ? "..." : "", w->object, w->parent_rule ?: "no rule names it");
		err = renew_changed(m, what);
	} else if (err) {
		err = answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot compare the policies: %s",
				     strerror(-err));
	}
	free(w);
	return err;
}

/* ---- whose it is ---- */

/* What an owner signed for was over with the time he signed for: more of it takes another proof of his. */
static int renew_owner(struct mint *m)
{
	const struct grant *g = m->grant;
	bool proven = m->request.proof.statement;
	int err;

	if (*g->parent)
		return proven ? answer_problem(m->answer, PROBLEM_BAD_REQUEST,
					       "a delegated grant is renewed without its owner's proof")
			      : 0;
	if (!proven && strcmp(g->assurance, "peer"))
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "the proof of %s was for the time of grant %s only: renewing it takes "
				      "another (--owner-proof)",
				      g->owner, g->id);
	err = mint_owner(m);
	if (err || (!proven ||
		    (!strcmp(m->proof.owner, g->owner) && !strcmp(m->proof.assurance ?: "", g->assurance))))
		return err;
	return answer_problem(m->answer, PROBLEM_FORBIDDEN,
			      "grant %s is of %s (%s), and the proof of %s (%s)", g->id, g->owner,
			      g->assurance, m->proof.owner, m->proof.assurance);
}

/* Nothing is its own but its time: what it has the grant above has evaluated. */
static int renew_same(struct mint *m)
{
	m->terms = (struct policy_grant){.ttl_ns = UINT64_MAX, .open_roads = true};
	return 0;
}

int renew_evaluate(struct mint *m)
{
	static const mint_step own[] = {
		mint_parse,   renew_owner,  mint_purpose, renew_terms,		renew_ttl,
		mint_compile, mint_digests, renew_table,  mint_proof_statement, NULL};
	static const mint_step same[] = {renew_same, renew_owner, renew_ttl, NULL};

	return mint_steps(m, m->request.name ? own : same);
}
