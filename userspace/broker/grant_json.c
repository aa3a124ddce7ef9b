/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "broker/answer.h"
#include "broker/claims.h"
#include "broker/grants.h"
#include "common/cleanup.h"
#include "common/shared.h"

json_t *grant_rules(const struct grant *g)
{
	json_t *rules = json_array();
	const char *end = g->labels + g->labels_size;

	for (const char *p = g->labels; p < end; p += strlen(p) + 1)
		json_array_append_new(rules, answer_text(p));
	return rules;
}

json_t *grant_lines(const struct grant *g)
{
	const char *end = g->lines + (g->lines ? shared_size(g->lines) : 0);
	json_t *lines = json_array();
	int err = lines ? 0 : -1;

	for (const char *p = g->lines; !err && p < end; p += strlen(p) + 1)
		err = json_array_append_new(lines, json_string(p));
	if (!err && g->line)
		err = json_array_append_new(lines, json_string(g->line));
	if (!err)
		return lines;
	json_decref(lines);
	return NULL;
}

json_t *grant_argv(const struct grant *g)
{
	return *g->argv ? json_loads(g->argv, 0, NULL) : json_array();
}

/* From the accountable human down to the agent, one line each. */
static json_t *grant_chain(const struct grant *g)
{
	json_t *chain = grant_lines(g);

	if (chain && json_array_insert_new(chain, 0, json_sprintf("%s (%s)", g->owner, g->user))) {
		json_decref(chain);
		return NULL;
	}
	return chain;
}

static json_t *grant_summary(const struct grant *g)
{
	char from[TIME_BYTES], until[TIME_BYTES];

	text_time(g->not_before, from);
	text_time(g->expires, until);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:I, s:o, s:o, s:s?, s:s?, s:O*, s:i}",
		"grant", g->id, "owner", g->owner, "assurance", g->assurance, "user", g->user, "policy",
		g->policy, "policy_digest", g->digest, "purpose", g->purpose, "not_before", from, "expires",
		until, "state", grant_state_name(g->state), "parent", *g->parent ? g->parent : NULL,
		"on_revoke", g->kill ? "kill" : "deny", "tasks", (json_int_t)g->tasks, "denials",
		(json_int_t)g->denials, "chain", grant_chain(g), "argv", grant_argv(g), "workdir",
		*g->workdir ? g->workdir : NULL, "ticket", grant_ticket_name(g->ticket), "proof", g->proof,
		"renewals", (int)g->renewals);
}

/* Without the links above it a link proves nothing, so none is shown when these are gone. */
static void grant_show_token(const struct grant *g, json_t *o)
{
	_cleanup_free_ char *text = NULL;

	if (g->link && !claims_chain(g, &text))
		json_object_set_new(o, "token", json_string(text));
}

json_t *grant_json(const struct grant *g, bool full)
{
	json_t *o = grant_summary(g);

	if (!o || !full)
		return o;
	grant_show_token(g, o);
	json_object_set_new(o, "chain_digest", json_string(g->chain));
	json_object_set_new(o, "rules", grant_rules(g));
	return o;
}
