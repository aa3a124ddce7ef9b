/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/refusal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/user.h"

/* 403 is to ask for what is somebody else's, whatever it is. Of a ticket that is none of the caller's, it is
 * told that there is none. */
static bool refusal_counts(const struct exchange *x)
{
	unsigned s = x->answer.status;
	route_handler h = x->route ? x->route->handler : NULL;

	if (x->answer.refused || s == 403)
		return true;
	if (h != handle_mint && h != handle_delegate && h != handle_redeem && h != handle_renew)
		return false;
	return s == 409 || s == 422 || s == 429 || s == 503 || (s == 404 && h == handle_redeem);
}

/* ---- how many ---- */

static struct refusal_account *account_of(struct refusals *r, uint64_t who)
{
	for (unsigned i = 0; i < r->accounts; i++)
		if (r->of[i].who == who)
			return &r->of[i];
	r->of[r->accounts] = (struct refusal_account){.who = who};
	return &r->of[r->accounts++];
}

/* Slots are few: no user has a number like this. */
static uint64_t tree_of(const struct grant *g)
{
	while (g->above)
		g = g->above;
	return 1ull << 63 | (uint64_t)g->slot << 32 | g->gen;
}

static void refusals_begin(struct refusals *r)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (r->second == (uint64_t)t.tv_sec)
		return;
	r->second = (uint64_t)t.tv_sec;
	r->count = r->accounts = 0;
}

/* How many more there may be of this one's, with this one. An owner's account is asked first, so that his
 * trees make no accounts when it is empty. */
static unsigned refusals_left(struct refusals *r, const struct grant *g, uid_t uid)
{
	struct refusal_account *owner, *tree;
	unsigned left = REFUSALS_PER_SECOND - r->count, of_owner, of_tree;

	if (!left || r->accounts + 2 > sizeof(r->of) / sizeof(r->of[0]))
		return 0;
	owner = account_of(r, g ? g->uid : uid);
	of_owner = REFUSALS_PER_OWNER - owner->count;
	if (!of_owner)
		return 0;
	tree = g ? account_of(r, tree_of(g)) : NULL;
	of_tree = tree ? REFUSALS_PER_TREE - tree->count : of_owner;
	if (!of_tree)
		return 0;
	r->count++;
	owner->count++;
	if (tree)
		tree->count++;
	left = left < of_owner ? left : of_owner;
	return left < of_tree ? left : of_tree;
}

/* ---- what ---- */

static void refusal_of_user(const struct exchange *x, const char *why)
{
	struct user user;
	char owner[OWNER_BYTES];

	user_find(x->peer->uid, &user);
	snprintf(owner, sizeof(owner), "uid:%u", (unsigned)x->peer->uid);
	recorder_note_plain(&x->broker->recorder, NOTE_REFUSED, owner, user.name, why);
}

#define LAST "; any more in this second are not told of"

void refusal_note(const struct exchange *x)
{
	const struct grant *g = registry_by_tag(&x->broker->grants, x->caller.slot, x->caller.gen);
	const char *why = answer_message(&x->answer);
	char text[TEXT_BYTES];
	unsigned left;

	if (!refusal_counts(x))
		return;
	refusals_begin(&x->broker->refusals);
	left = refusals_left(&x->broker->refusals, g, x->peer->uid);
	if (!left)
		return;
	text_copy(text, left == 1 ? sizeof(text) - strlen(LAST) : sizeof(text), why ? why : "");
	if (left == 1)
		strcat(text, LAST);
	if (g)
		recorder_note(&x->broker->recorder, NOTE_REFUSED, g, text);
	else
		refusal_of_user(x, text);
}
