/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "broker/adopt.h"
#include "broker/bind.h"
#include "broker/claims.h"
#include "broker/delegate.h"
#include "broker/fold.h"
#include "broker/handlers.h"
#include "broker/keys.h"
#include "broker/lifecycle.h"
#include "broker/mint.h"
#include "broker/peer.h"
#include "broker/status_lists.h"
#include "broker/ticket.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/memfd.h"
#include "common/roads.h"
#include "common/shared.h"

/* ---- who asks, for what ---- */

int mint_caller(struct mint *m)
{
	m->uid = m->x->caller.uid;
	user_find(m->uid, &m->user);
	return m->request.ticket || m->request.thread ? bind_present(m->x) : bind_single(m->x);
}

int mint_request(struct mint *m)
{
	return request_decode(m->x->body ? m->x->body : "", m->x->size, REQUEST_GRANT, &m->request,
			      m->answer);
}

int mint_request_narrower(struct mint *m)
{
	return request_decode(m->x->body ? m->x->body : "", m->x->size, REQUEST_NARROWER, &m->request,
			      m->answer);
}

int mint_request_renewal(struct mint *m)
{
	return request_decode(m->x->body ? m->x->body : "{}", m->x->body ? m->x->size : 2, REQUEST_RENEWAL,
			      &m->request, m->answer);
}

/* What this kernel cannot close is no secret, and is not begun unless the policy's author has said so. */
int mint_roads(struct mint *m)
{
	uint64_t open = m->b->control->open_roads;
	char names[512];

	if (!open || m->terms.open_roads)
		return 0;
	roads_format(open, names, sizeof(names));
	return answer_problem(
		m->answer, PROBLEM_REFUSED,
		"this kernel leaves open: %s; purpose %s starts here only with `open_roads: accept`", names,
		m->request.purpose);
}

/* ---- the grant ---- */

static int mint_labels(struct mint *m, struct grant *g)
{
	_cleanup_free_ char *labels = NULL;
	size_t size = 0;
	char *p;

	for (uint32_t i = 0; i < m->table->rule_count; i++)
		size += strlen(m->table->rules[i]) + 1;
	p = labels = malloc(size + 1);
	if (!p)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->table->rule_count; i++)
		p = stpcpy(p, m->table->rules[i]) + 1;
	return grant_label(g, labels, size);
}

static void mint_clock(struct mint *m, struct grant *g)
{
	g->began = clock_boottime();
	g->deadline = g->began + m->request.ttl_ns;
	g->not_before = time(NULL);
	g->expires = g->not_before + (int64_t)(m->request.ttl_ns / 1000000000);
	if (*m->from.id)
		delegate_clamp(m, g);
}

/* A delegated grant stands under its parent's policy and may have one of its own within that. */
static int mint_line(const struct mint *m, const struct grant *g, char **line)
{
	int n = *g->parent && m->policy
			? asprintf(line, "%s %s (policy %s %s)", g->id, g->purpose, g->policy, g->digest)
			: asprintf(line, "%s %s", g->id, g->purpose);

	return n < 0 ? -ENOMEM : 0;
}

static int mint_lines_root(const struct grant *g, const char **lines)
{
	_cleanup_free_ char *line = NULL;
	int n = asprintf(&line, "policy %s %s", g->policy, g->digest);

	if (n < 0) {
		line = NULL;
		return -ENOMEM;
	}
	*lines = shared_bytes(line, (size_t)n + 1);
	return *lines ? 0 : -ENOMEM;
}

/* Those of the grant above, and its own. */
static int mint_lines_below(const struct grant *above, const char **lines)
{
	size_t size = above->lines ? shared_size(above->lines) : 0,
	       own = above->line ? strlen(above->line) + 1 : 0;
	_cleanup_free_ char *all = malloc(size + own + 1);

	if (!all)
		return -ENOMEM;
	if (size)
		memcpy(all, above->lines, size);
	if (own)
		memcpy(all + size, above->line, own);
	*lines = shared_bytes(all, size + own);
	return *lines ? 0 : -ENOMEM;
}

int mint_lines(const struct mint *m, struct grant *g)
{
	const char *lines;
	char *line = NULL;
	int err = mint_line(m, g, &line);

	if (err)
		return err;
	err = g->above ? mint_lines_below(g->above, &lines) : mint_lines_root(g, &lines);
	if (err) {
		free(line);
		return err;
	}
	shared_drop(g->lines);
	free(g->line);
	g->lines = lines;
	g->line = line;
	return 0;
}

/* Of a command line that was not given nothing is said. */
static int mint_argv(const struct mint *m, struct grant *g)
{
	_cleanup_free_ char *text = json_dumps(m->request.argv, JSON_COMPACT);

	return text ? grant_say(g, GRANT_ARGV, text) : -ENOMEM;
}

static int mint_names(const struct mint *m, struct grant *g)
{
	const char *policy = m->policy ? policy_name(m->policy) : m->from.policy;

	return grant_say(g, GRANT_USER, m->user.name) ?: grant_say(g, GRANT_PURPOSE, m->request.purpose)
		?: grant_say(g, GRANT_POLICY, policy) ?: grant_say(g, GRANT_FILE, m->request.name ?: "")
		?: grant_say(g, GRANT_WORKDIR, m->request.workdir ?: "")
		?: grant_say(g, GRANT_DIGEST, m->policy_digest) ?: grant_say(g, GRANT_TABLE, m->table_digest)
		?: grant_say(g, GRANT_KEY, key_public(secret_ring_current(&m->b->keys))->kid)
		?: mint_argv(m, g) ?: mint_proof_describe(m, g);
}

static int mint_describe(struct mint *m, struct grant *g)
{
	size_t bytes = (size_t)m->table->count * sizeof(*m->table->cells);
	int err;

	g->uid = m->uid;
	g->kill = m->terms.kill;
	g->audit = m->terms.audit;
	g->depth = m->terms.depth;
	g->children = m->terms.children;
	g->installed = m->installed;
	g->cost = bytes + g->labels_size;
	err = mint_names(m, g);
	if (err)
		return err;
	mint_clock(m, g);
	if (*m->from.id)
		err = delegate_describe(m, g);
	return err ?: mint_lines(m, g) ?: lifecycle_arm(m->b, g);
}

static int mint_grant(struct mint *m)
{
	int err;

	m->grant = grant_new();
	err = m->grant ? mint_labels(m, m->grant) : -ENOMEM;
	if (!err)
		err = mint_describe(m, m->grant);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot make a grant: %s", strerror(-err))
		   : 0;
}

static int mint_limits(struct mint *m)
{
	size_t grants, bytes;

	if (m->grant->uid == 0)
		return 0;
	registry_usage(&m->b->grants, m->grant->uid, &grants, &bytes);
	if (grants >= GRANTS_PER_USER)
		return answer_problem(m->answer, PROBLEM_TOO_MANY, "%s holds %zu grants; the limit is %u",
				      m->grant->owner, grants, GRANTS_PER_USER);
	if (bytes + m->grant->cost > GRANT_BYTES_PER_USER)
		return answer_problem(
			m->answer, PROBLEM_TOO_MANY,
			"the grants of %s hold %zu bytes of tables, this one takes %zu; the limit is %u",
			m->grant->owner, bytes, m->grant->cost, GRANT_BYTES_PER_USER);
	return 0;
}

/* ---- what others do ---- */

static int mint_load(struct mint *m)
{
	_cleanup_close_ int cells = -1;
	struct warden_load load = {.flags = (m->terms.kill ? SLOT_KILL : 0) | m->terms.audit,
				   .expires = m->grant->deadline,
				   .parent = m->from.tag};
	struct warden_tag tag = {0};
	int err = memfd_sealed("deputy-table", m->table->cells, m->table->count * sizeof(*m->table->cells),
			       &cells);

	load.cells = cells;
	if (!err)
		err = warden_load(FD_WARDEN, &load, &tag);
	if (err == -ENOSPC)
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE,
				      "no room for another grant: this host has as many as it may");
	if (err == -ESTALE)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN, "the grant %s has ended", m->from.id);
	if (err)
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot load the policy table: %s",
				      strerror(-err));
	m->grant->slot = tag.slot;
	m->grant->gen = tag.gen;
	m->loaded = true;
	return 0;
}

static int mint_sign(struct mint *m)
{
	const struct secret_key *host = keys_of_grant(m->b, m->grant);
	const char *why = "";
	int err = host ? status_lists_give(m->b, m->grant) : -ENOKEY;

	if (!err)
		err = claims_sign(host, m->grant, &why);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot sign: %s%s%s", strerror(-err),
				    *why ? ": " : "", why)
		   : 0;
}

static int mint_keep(struct mint *m)
{
	int err = adopt_keep(m->b, m->grant);

	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot keep a record of the grant: %s",
				    strerror(-err))
		   : 0;
}

static int mint_record(struct mint *m)
{
	int err = recorder_grant(&m->b->recorder, m->grant);

	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot record: %s", strerror(-err)) : 0;
}

static int mint_bind(struct mint *m)
{
	int err;

	if (m->request.thread)
		return bind_thread(m->x, m->grant);
	if (!m->request.ticket)
		return bind_caller(m->x, m->grant);
	err = ticket_open(m->b, m->grant);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot make a ticket: %s",
				    strerror(-err))
		   : 0;
}

static void mint_announce(struct mint *m)
{
	char text[TEXT_BYTES] = "", ttl[TIME_BYTES];
	size_t i, n;
	json_t *arg;

	text_ttl(m->request.ttl_ns, ttl);
	n = (size_t)snprintf(text, sizeof(text), "for %s%s:", ttl,
			     m->request.ticket	 ? ", as a ticket"
			     : m->request.thread ? ", for a thread"
						 : "");
	if (m->proof.counter) /* for people to see a copied security key by: it never goes back */
		n = (size_t)snprintf(text, sizeof(text), "for %s, the security key's %u:", ttl,
				     m->proof.counter);
	json_array_foreach (m->request.argv, i, arg) {
		if (n + 2 >= sizeof(text))
			break;
		text[n++] = ' ';
		text_copy(text + n, sizeof(text) - n, json_string_value(arg));
		n += strlen(text + n);
	}
	recorder_note(&m->b->recorder, NOTE_MINTED, m->grant, text);
}

static int mint_finish(struct mint *m)
{
	struct grant *g = m->grant;
	int err;

	registry_add(&m->b->grants, g);
	lifecycle_refresh(m->b, g);
	mint_announce(m);
	m->grant = NULL; /* the registry's from here on */
	m->loaded = false;
	err = answer_json(m->answer, 201, grant_json(g, true));
	fold_link(g);
	return err;
}

/* ---- the parts ---- */

int mint_steps(struct mint *m, const mint_step *steps)
{
	m->err = 0;
	while (*steps && !m->err)
		m->err = (*steps++)(m);
	return m->err;
}

/* A caller is either bound by a recorded grant or untouched, and that by the time he reads the answer. */
static void mint_undo(struct mint *m)
{
	if (!m->loaded)
		return;
	m->loaded = false;
	warden_revoke(FD_WARDEN, grant_tag(m->grant), 0);
	warden_release(FD_WARDEN, grant_tag(m->grant));
}

static void mint_free(void *arg)
{
	struct mint *m = arg;

	grant_free(m->grant);
	table_free(m->table);
	table_free(m->from.table);
	policy_free(m->policy);
	free(m->workdir);
	json_decref(m->proof.more);
	request_free(&m->request);
	free(m);
}

static void mint_run(struct worker_job *job)
{
	struct mint *m = (struct mint *)job; /* its first member */

	mint_steps(m, m->plan->work);
}

static void mint_done(struct worker_job *job)
{
	exchange_resume(((struct mint *)job)->x);
}

_Static_assert(offsetof(struct mint, job) == 0, "a job is its mint");

static int mint_ask(struct exchange *x, const struct mint_plan *plan)
{
	struct mint *m = calloc(1, sizeof(*m));

	if (!m)
		return answer_problem(&x->answer, PROBLEM_UNAVAILABLE, "out of memory");
	*m = (struct mint){.job = {.run = mint_run, .done = mint_done},
			   .plan = plan,
			   .x = x,
			   .b = x->broker,
			   .answer = &x->answer};
	mint_proof_hosts(m);
	x->work = m;
	x->work_free = mint_free;
	if (mint_steps(m, plan->ask))
		return m->err;
	exchange_suspend(x);
	worker_submit(&x->broker->worker, &m->job);
	return 0;
}

/* Asked again by http.c after the worker: whatever the caller was before, it has been identified anew. */
int mint_handle(struct exchange *x, const struct mint_plan *plan)
{
	struct mint *m = x->work;

	if (!m)
		return mint_ask(x, plan);
	if (!m->err && mint_steps(m, plan->end))
		mint_undo(m);
	return m->err;
}

int mint_begin(struct mint *m)
{
	static const mint_step steps[] = {mint_grant, mint_limits, mint_proof_nonce, mint_load,	  mint_sign,
					  mint_keep,  mint_record, mint_bind,	     mint_finish, NULL};

	return mint_steps(m, steps);
}

int handle_mint(struct exchange *x)
{
	static const mint_step ask[] = {mint_caller, mint_request, mint_text, NULL};
	static const mint_step end[] = {mint_caller, mint_roads, mint_begin, NULL};
	static const struct mint_plan plan = {ask, mint_policy, end};

	return mint_handle(x, &plan);
}
