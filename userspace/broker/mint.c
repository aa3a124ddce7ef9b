/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/grants, step by step. A step that fails has answered why, and everything that earlier ones did
 * outside this process is undone: a caller is either bound by a recorded grant or untouched.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/claims.h"
#include "broker/cleanup.h"
#include "broker/handlers.h"
#include "broker/http.h"
#include "broker/lifecycle.h"
#include "broker/memfd.h"
#include "broker/request.h"
#include "broker/user.h"
#include "policy/policy.h"

struct mint {
	struct exchange *x;
	struct broker *b;
	struct answer *answer;
	struct user user;
	struct grant_request request;
	struct policy *policy;
	struct policy_grant terms;
	struct table *table;
	struct grant *grant;
	bool loaded; /* a slot was taken */
};

/* ---- who asks, for what ---- */

static int mint_caller(struct mint *m)
{
	const struct caller *c = &m->x->caller;

	if (c->threads > 1)
		return answer_problem(m->answer, PROBLEM_CONFLICT,
				      "the calling process has %u threads and a grant binds one: ask before starting "
				      "threads, or let `deputy run` ask and start the program",
				      c->threads);
	user_find(c->uid, &m->user);
	return 0;
}

static int mint_request(struct mint *m)
{
	return request_decode(m->x->body ? m->x->body : "", m->x->size, &m->request, m->answer);
}

/* ---- the policy ---- */

static int mint_text(struct mint *m)
{
	struct grant_request *r = &m->request;
	const struct text_file *t = texts_find(&m->b->policies, r->name);
	bool installed = t && (!r->text || (t->len == r->text_len && memcmp(t->text, r->text, t->len) == 0));

	if (!installed && !r->text)
		return answer_problem(m->answer, PROBLEM_BAD_POLICY, "no policy \"%s\" is installed on this host",
				      r->name);
	if (!installed && !m->b->options.user_policies)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "this host takes installed policies only, and \"%s\" is not one as it stands",
				      r->name);
	if (!r->text) {
		r->text = t->text;
		r->text_len = t->len;
	}
	if (r->text_len > POLICY_TEXT_MAX)
		return answer_problem(m->answer, PROBLEM_TOO_LARGE, "the policy has %zu bytes; the limit is %u",
				      r->text_len, POLICY_TEXT_MAX);
	return 0;
}

static int mint_mistakes(struct mint *m, const struct policy_errors *errors, int err)
{
	char line[1024];
	size_t count;

	if (err != -EINVAL)
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot read the policy: %s", strerror(-err));
	count = errors->count + errors->more;
	err = answer_problem(m->answer, PROBLEM_BAD_POLICY, "%zu mistake%s in the policy", count,
			     count == 1 ? "" : "s");
	for (size_t i = 0; i < errors->count; i++)
		if (policy_error_format(&errors->list[i], line, sizeof(line)) == 0)
			answer_detail(m->answer, line);
	return err;
}

static int mint_parse(struct mint *m)
{
	const struct grant_request *r = &m->request;
	struct policy_errors errors = {0};
	int err = policy_parse(r->name, r->text, r->text_len, texts_profile, &m->b->profiles, &errors, &m->policy);

	if (err)
		err = mint_mistakes(m, &errors, err);
	policy_errors_free(&errors);
	return err;
}

static int mint_owner(struct mint *m)
{
	char number[32], name[sizeof(m->user.name) + 8];

	snprintf(number, sizeof(number), "uid:%u", (unsigned)m->x->caller.uid);
	snprintf(name, sizeof(name), "uid:%s", m->user.name);
	if (policy_owned_by(m->policy, number) || policy_owned_by(m->policy, name))
		return 0;
	return answer_problem(m->answer, PROBLEM_FORBIDDEN, "policy %s does not name %s (%s) as an owner",
			      policy_name(m->policy), number, m->user.name);
}

/* ---- the purpose and its time ---- */

static int mint_purpose(struct mint *m)
{
	const char **purpose = &m->request.purpose;

	if (!*purpose) {
		*purpose = policy_purpose(m->policy, 0);
		if (!*purpose || policy_purpose(m->policy, 1))
			return answer_problem(m->answer, PROBLEM_BAD_REQUEST,
					      "\"purpose\" is missing, and policy %s has not exactly one",
					      policy_name(m->policy));
	}
	if (policy_terms(m->policy, *purpose, &m->terms))
		return answer_problem(m->answer, PROBLEM_REFUSED, "policy %s has no purpose \"%s\"",
				      policy_name(m->policy), *purpose);
	return 0;
}

static int mint_ttl(struct mint *m)
{
	uint64_t host = m->b->options.max_ttl_ns;
	uint64_t limit = m->terms.ttl_ns < host ? m->terms.ttl_ns : host;
	char asked[TIME_BYTES], purpose_ttl[TIME_BYTES], host_ttl[TIME_BYTES];

	if (!m->request.ttl_ns)
		m->request.ttl_ns = limit;
	if (m->request.ttl_ns <= limit)
		return 0;
	text_ttl(m->request.ttl_ns, asked);
	text_ttl(m->terms.ttl_ns, purpose_ttl);
	text_ttl(host, host_ttl);
	return answer_problem(m->answer, PROBLEM_REFUSED,
			      "a ttl of %s is too long: purpose %s allows %s, this host %s", asked,
			      m->request.purpose, purpose_ttl, host_ttl);
}

static int mint_compile(struct mint *m)
{
	const struct policy_vars vars = {
		.workdir = m->request.workdir,
		.home = *m->user.home ? m->user.home : NULL,
		.user = m->user.name,
	};
	struct policy_errors errors = {0};
	int err = policy_compile(m->policy, m->request.purpose, &vars, &errors, &m->table);

	if (err)
		err = mint_mistakes(m, &errors, err);
	policy_errors_free(&errors);
	return err;
}

/* ---- the grant ---- */

static int mint_labels(struct mint *m, struct grant *g)
{
	char *p;

	for (uint32_t i = 0; i < m->table->rule_count; i++)
		g->labels_size += strlen(m->table->rules[i]) + 1;
	p = g->labels = malloc(g->labels_size + 1);
	if (!p)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->table->rule_count; i++)
		p = stpcpy(p, m->table->rules[i]) + 1;
	return 0;
}

static void mint_clock(struct mint *m, struct grant *g)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	g->deadline = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec + m->request.ttl_ns;
	g->not_before = time(NULL);
	g->expires = g->not_before + (int64_t)(m->request.ttl_ns / 1000000000);
}

static int mint_describe(struct mint *m, struct grant *g)
{
	size_t bytes = (size_t)m->table->count * sizeof(*m->table->cells);

	g->uid = m->x->caller.uid;
	g->kill = m->terms.kill;
	g->argv = json_incref(m->request.argv);
	g->workdir = m->request.workdir ? strdup(m->request.workdir) : NULL;
	if (m->request.workdir && !g->workdir)
		return -ENOMEM;
	snprintf(g->owner, sizeof(g->owner), "uid:%u", (unsigned)g->uid);
	text_copy(g->user, sizeof(g->user), m->user.name);
	text_copy(g->purpose, sizeof(g->purpose), m->request.purpose);
	text_copy(g->policy, sizeof(g->policy), policy_name(m->policy));
	g->cost = bytes + g->labels_size;
	if (text_digest(m->request.text, m->request.text_len, g->digest) ||
	    text_digest(m->table->cells, bytes, g->table))
		return -EIO;
	mint_clock(m, g);
	return lifecycle_arm(m->b, g);
}

static int mint_grant(struct mint *m)
{
	int err;

	m->grant = grant_new();
	err = m->grant ? mint_labels(m, m->grant) : -ENOMEM;
	if (!err)
		err = mint_describe(m, m->grant);
	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot make a grant: %s", strerror(-err)) : 0;
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
		return answer_problem(m->answer, PROBLEM_TOO_MANY,
				      "the grants of %s hold %zu bytes of tables, this one takes %zu; the limit is %u",
				      m->grant->owner, bytes, m->grant->cost, GRANT_BYTES_PER_USER);
	return 0;
}

/* ---- what others do ---- */

static int mint_load(struct mint *m)
{
	_cleanup_close_ int cells = -1;
	struct warden_load load = {.flags = (m->terms.kill ? SLOT_KILL : 0) | m->terms.audit,
				   .expires = m->grant->deadline};
	struct warden_tag tag = {0};
	int err = memfd_sealed("deputy-table", m->table->cells, m->table->count * sizeof(*m->table->cells), &cells);

	load.cells = cells;
	if (!err)
		err = warden_load(FD_WARDEN, &load, &tag);
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
	int err = claims_sign(m->b->key, m->grant);

	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot sign: %s", strerror(-err)) : 0;
}

static int mint_record(struct mint *m)
{
	int err = recorder_grant(&m->b->recorder, m->grant);

	return err ? answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot record: %s", strerror(-err)) : 0;
}

static int mint_tag(struct mint *m)
{
	int err = warden_tag(FD_WARDEN, m->x->peer->fd, grant_tag(m->grant));

	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "already under a grant: a tagged process cannot take a new grant");
	case -EBUSY:
		return answer_problem(m->answer, PROBLEM_CONFLICT,
				      "the calling process has started threads: a grant binds one");
	case -ESRCH:
		return answer_problem(m->answer, PROBLEM_CONFLICT, "the calling process is gone");
	default:
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot tag the caller: %s", strerror(-err));
	}
}

static void mint_announce(struct mint *m)
{
	char text[TEXT_BYTES] = "", ttl[TIME_BYTES];
	size_t i, n;
	json_t *arg;

	text_ttl(m->request.ttl_ns, ttl);
	n = (size_t)snprintf(text, sizeof(text), "for %s:", ttl);
	json_array_foreach (m->grant->argv, i, arg) {
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

	registry_add(&m->b->grants, g);
	lifecycle_refresh(m->b, g);
	mint_announce(m);
	m->grant = NULL; /* the registry's from here on */
	m->loaded = false;
	return answer_json(m->answer, 201, grant_json(g, true));
}

static void mint_clean(struct mint *m)
{
	if (m->loaded) {
		warden_revoke(FD_WARDEN, grant_tag(m->grant), 0);
		warden_release(FD_WARDEN, grant_tag(m->grant));
	}
	grant_free(m->grant);
	table_free(m->table);
	policy_free(m->policy);
	request_free(&m->request);
}

int handle_mint(struct exchange *x)
{
	static int (*const steps[])(struct mint *) = {
		mint_caller, mint_request, mint_text,  mint_parse, mint_owner, mint_purpose, mint_ttl,	mint_compile,
		mint_grant,  mint_limits,  mint_load,  mint_sign,  mint_record, mint_tag,    mint_finish,
	};
	struct mint m = {.x = x, .b = x->broker, .answer = &x->answer};
	int err = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && !err; i++)
		err = steps[i](&m);
	mint_clean(&m);
	return err;
}
