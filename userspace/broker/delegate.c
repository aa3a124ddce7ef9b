/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/delegate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/handlers.h"
#include "broker/lifecycle.h"
#include "broker/state.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "policy/within.h"

/* ---- who delegates ---- */

/* The grant behind the caller's tag, which is all that the caller is. */
static struct grant *delegate_parent(const struct mint *m)
{
	const struct caller *c = &m->x->caller;
	struct grant *g = registry_by_tag(&m->b->grants, c->slot, c->gen);

	return g && g->state == GRANT_LIVE ? g : NULL;
}

static int delegate_refuse_ended(struct mint *m)
{
	return answer_problem(m->answer, PROBLEM_FORBIDDEN, "the grant that would be delegated has ended");
}

/* In the second a grant asks for as much as it may: the worker serves the others in between. */
bool delegate_too_often(struct grant *g)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((uint64_t)now.tv_sec != g->asked_second)
		g->asked = 0;
	g->asked_second = (uint64_t)now.tv_sec;
	return ++g->asked > DELEGATE_RATE;
}

static int delegate_room(struct mint *m)
{
	const struct grant *g = delegate_parent(m);

	if (!g)
		return delegate_refuse_ended(m);
	if (!g->depth)
		return answer_problem(m->answer, PROBLEM_REFUSED, "grant %s may not be delegated%s", g->id,
				      *g->parent
					      ? " any further"
					      : ": its purpose has no `delegate: {depth: N, children: N}`");
	if (g->below < g->children)
		return 0;
	return answer_problem(m->answer, PROBLEM_TOO_MANY,
			      "grant %s has delegated %u grants that live, and may have no more", g->id,
			      g->below);
}

static int delegate_rate(struct mint *m)
{
	struct grant *g = delegate_parent(m);

	if (!g || !delegate_too_often(g))
		return 0;
	return answer_problem(m->answer, PROBLEM_TOO_MANY, "grant %s asked more than %u times in a second",
			      g->id, DELEGATE_RATE);
}

/* ---- what it has ---- */

static int table_labels(const struct grant *g, struct table *t)
{
	const char *end = g->labels + g->labels_size;
	uint32_t count = 0;

	for (const char *p = g->labels; p < end; p += strlen(p) + 1)
		count++;
	t->rules = calloc(count + 1, sizeof(*t->rules));
	if (!t->rules)
		return -ENOMEM;
	for (const char *p = g->labels; p < end; p += strlen(p) + 1) {
		t->rules[t->rule_count] = strdup(p);
		if (!t->rules[t->rule_count++])
			return -ENOMEM;
	}
	return 0;
}

static int table_cells(int fd, struct table *t)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size % sizeof(*t->cells) ||
	    st.st_size > (off_t)(TABLE_CELLS * sizeof(*t->cells)))
		return -EBADMSG;
	t->cells = malloc((size_t)st.st_size);
	if (!t->cells)
		return -ENOMEM;
	t->count = (uint32_t)(st.st_size / sizeof(*t->cells));
	return pread(fd, t->cells, (size_t)st.st_size, 0) == st.st_size ? 0 : -EIO;
}

int mint_table_of(struct mint *m, const struct grant *g)
{
	_cleanup_close_ int fd = -1;
	struct table *t = calloc(1, sizeof(*t));
	int err = t ? warden_table(FD_WARDEN, grant_tag(g), &fd) : -ENOMEM;

	m->from.table = t; /* freed with the rest, however far this comes */
	if (!err)
		err = table_cells(fd, t);
	if (!err)
		err = table_labels(g, t);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot read the table of %s: %s", g->id,
				    strerror(-err))
		   : 0;
}

static int delegate_from(struct mint *m)
{
	const struct grant *g = delegate_parent(m);
	struct delegator *from = &m->from;

	text_copy(from->id, sizeof(from->id), g->id);
	text_copy(from->purpose, sizeof(from->purpose), g->purpose);
	text_copy(from->policy, sizeof(from->policy), g->policy);
	text_copy(from->digest, sizeof(from->digest), g->digest);
	text_copy(from->table_digest, sizeof(from->table_digest), g->table);
	from->tag = grant_tag(g);
	from->deadline = g->deadline;
	from->not_before = g->not_before;
	from->expires = g->expires;
	from->depth = g->depth;
	from->children = g->children;
	from->audit = g->audit;
	from->kill = g->kill;
	if (!m->request.workdir && *g->workdir) {
		m->workdir = strdup(g->workdir);
		m->request.workdir = m->workdir;
	}
	return mint_table_of(m, g);
}

/* Without a policy of its own the child has the parent's table; then only time and purpose are narrower. */
static int delegate_text(struct mint *m)
{
	struct grant_request *r = &m->request;
	const struct text_file *t = r->name && !r->text ? texts_find(&m->b->policies, r->name) : NULL;

	if (r->name && !r->text && !t)
		return answer_problem(m->answer, PROBLEM_BAD_POLICY,
				      "no policy \"%s\" is installed on this host", r->name);
	m->installed = t;
	if (t) {
		r->text = t->text;
		r->text_len = t->len;
	}
	if (r->text_len > POLICY_TEXT_MAX)
		return answer_problem(m->answer, PROBLEM_TOO_LARGE,
				      "the policy has %zu bytes; the limit is %u", r->text_len,
				      POLICY_TEXT_MAX);
	return 0;
}

/* ---- the worker's ---- */

static unsigned lesser(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* What is no part of a table narrows as well. */
static int delegate_terms(struct mint *m)
{
	const struct delegator *from = &m->from;

	m->terms.kill |= from->kill;
	m->terms.audit |= from->audit;
	m->terms.depth = lesser(m->terms.depth, from->depth - 1);
	m->terms.children = lesser(m->terms.children, from->children);
	m->terms.open_roads = true; /* the parent's policy has said so, or there are none */
	return 0;
}

/* The parent's table as the child's: then nothing is there to compile or to compare. */
static int delegate_copy(struct mint *m)
{
	if (m->request.purpose && !policy_name_ok(m->request.purpose))
		return answer_problem(
			m->answer, PROBLEM_BAD_REQUEST,
			"\"purpose\" must be letters, digits, '.', '_' and '-', beginning with a "
			"letter, a digit or '_'");
	m->terms = (struct policy_grant){.ttl_ns = UINT64_MAX,
					 .kill = m->from.kill,
					 .audit = m->from.audit,
					 .depth = m->from.depth,
					 .children = m->from.children};
	if (!m->request.purpose)
		m->request.purpose = m->from.purpose;
	m->table = m->from.table;
	m->from.table = NULL;
	text_copy(m->policy_digest, sizeof(m->policy_digest), m->from.digest);
	text_copy(m->table_digest, sizeof(m->table_digest), m->from.table_digest);
	return 0;
}

int mint_within(struct mint *m, const char *id)
{
	struct policy_wider *w = calloc(1, sizeof(*w));
	int err = w ? policy_within(m->table, m->from.table, w) : -ENOMEM;

	if (err == -EACCES)
		answer_problem(m->answer, PROBLEM_REFUSED,
			       "wider than grant %s: %s %s%.300s: %.200s; there: %.200s", id, w->op,
			       w->cut ? "..." : "", w->object, w->rule ? w->rule : "no rule names it",
			       w->parent_rule ? w->parent_rule : "no rule names it");
	else if (err == -E2BIG)
		answer_problem(
			m->answer, PROBLEM_REFUSED,
			"cannot prove in time that this is within grant %s: write fewer or simpler patterns",
			id);
	else if (err)
		answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot compare with grant %s: %s", id,
			       strerror(-err));
	free(w);
	return err;
}

static int delegate_within(struct mint *m)
{
	return mint_within(m, m->from.id);
}

static int delegate_compile(struct mint *m)
{
	static const mint_step own[] = {mint_parse,   mint_purpose,    mint_ttl,       mint_compile,
					mint_digests, delegate_within, delegate_terms, NULL};
	static const mint_step same[] = {delegate_copy, mint_ttl, delegate_terms, NULL};

	return mint_steps(m, m->request.name ? own : same);
}

/*
 * A purpose is narrowed by naming a part of it: "fix-issue" becomes "fix-issue/review". Both are the names
 * of purposes, which have no slash, so no prefix is mistaken for a purpose.
 */
static int delegate_purpose(struct mint *m)
{
	const char *purpose = m->request.purpose, *from = m->from.purpose;
	const char *last = strrchr(from, '/');
	int n = snprintf(m->purpose, sizeof(m->purpose), "%s", from);

	if (strcmp(purpose, from) && strcmp(purpose, last ? last + 1 : from))
		n = snprintf(m->purpose, sizeof(m->purpose), "%s/%s", from, purpose);
	m->request.purpose = m->purpose;
	if ((size_t)n < sizeof(m->purpose))
		return 0;
	return answer_problem(m->answer, PROBLEM_REFUSED, "the purpose %s/%s has more than %zu characters",
			      from, purpose, sizeof(m->purpose) - 1);
}

/* ---- the grant ---- */

uint64_t delegate_left(const struct mint *m)
{
	uint64_t now = clock_boottime();

	return m->from.deadline > now ? m->from.deadline - now : 0;
}

int delegate_too_long(struct mint *m, uint64_t left)
{
	char asked[TIME_BYTES];

	if (!left)
		return delegate_refuse_ended(m);
	text_ttl(m->request.ttl_ns, asked);
	return answer_problem(m->answer, PROBLEM_REFUSED, "a ttl of %s is too long: grant %s has %llus left",
			      asked, m->from.id, (unsigned long long)(left / 1000000000));
}

void delegate_clamp(const struct mint *m, struct grant *g)
{
	if (g->deadline > m->from.deadline)
		g->deadline = m->from.deadline;
	if (g->expires > m->from.expires)
		g->expires = m->from.expires;
	if (g->not_before < m->from.not_before) /* the wall clock was set back */
		g->not_before = m->from.not_before;
}

int delegate_describe(struct mint *m, struct grant *g)
{
	struct grant *above = delegate_parent(m);

	if (!above || strcmp(above->id, m->from.id))
		return -ESTALE;
	text_copy(g->parent, sizeof(g->parent), above->id);
	g->above = above;
	g->uid = above->uid; /* the owner's, whoever the agent runs as */
	json_decref(g->proof);
	g->proof = json_incref(above->proof);
	g->proven = above->proven;
	return grant_say(g, GRANT_OWNER, above->owner) ?: grant_say(g, GRANT_ASSURANCE, above->assurance)
		?: grant_say(g, GRANT_KEY, above->key) ?: grant_say(g, GRANT_USER, above->user);
}

/* The kernel goes by another clock; but nobody would take a chain that is over by the one on the wall. */
int delegate_wall(struct mint *m)
{
	if (time(NULL) < m->from.expires)
		return 0;
	return answer_problem(
		m->answer, PROBLEM_CONFLICT,
		"the wall clock says that grant %s is over: it was set forward, and no link can be "
		"signed below it",
		m->from.id);
}

/* The last part: what the worker needed some time for may be so no more. */
static int delegate_again(struct mint *m)
{
	const struct grant *g = delegate_parent(m);

	if (!g || strcmp(g->id, m->from.id))
		return delegate_refuse_ended(m);
	return delegate_room(m) ?: delegate_wall(m);
}

int handle_delegate(struct exchange *x)
{
	static const mint_step ask[] = {delegate_room, delegate_rate, mint_request_narrower,
					mint_caller,   delegate_from, delegate_text,
					NULL};
	static const mint_step work[] = {delegate_compile, delegate_purpose, NULL};
	static const mint_step end[] = {mint_caller, delegate_again, mint_begin, NULL};
	static const struct mint_plan plan = {ask, work, end};

	return mint_handle(x, &plan);
}
