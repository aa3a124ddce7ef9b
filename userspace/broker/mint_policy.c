/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the policy allows what was asked, and the table that it becomes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/delegate.h"
#include "broker/mint.h"
#include "broker/texts.h"
#include "token/hash.h"

int mint_text(struct mint *m)
{
	struct grant_request *r = &m->request;
	const struct text_file *t = texts_find(&m->b->policies, r->name);
	bool installed = t && (!r->text || (t->len == r->text_len && memcmp(t->text, r->text, t->len) == 0));

	if (!installed && !r->text)
		return answer_problem(m->answer, PROBLEM_BAD_POLICY,
				      "no policy \"%s\" is installed on this host", r->name);
	if (!installed && !m->b->options.user_policies)
		return answer_problem(
			m->answer, PROBLEM_FORBIDDEN,
			"this host takes installed policies only, and \"%s\" is not one as it stands",
			r->name);
	m->installed = installed;
	if (!r->text) {
		r->text = t->text;
		r->text_len = t->len;
	}
	if (r->text_len > POLICY_TEXT_MAX)
		return answer_problem(m->answer, PROBLEM_TOO_LARGE,
				      "the policy has %zu bytes; the limit is %u", r->text_len,
				      POLICY_TEXT_MAX);
	return 0;
}

static int mint_mistakes(struct mint *m, const struct policy_errors *errors, int err)
{
	char line[1024];
	size_t count;

	if (err != -EINVAL)
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot read the policy: %s",
				      strerror(-err));
	count = errors->count + errors->more;
	err = answer_problem(m->answer, PROBLEM_BAD_POLICY, "%zu mistake%s in the policy", count,
			     count == 1 ? "" : "s");
	for (size_t i = 0; i < errors->count; i++)
		if (policy_error_format(&errors->list[i], line, sizeof(line)) == 0)
			answer_detail(m->answer, line);
	return err;
}

int mint_parse(struct mint *m)
{
	const struct grant_request *r = &m->request;
	struct policy_errors errors = {0};
	int err = policy_parse(r->name, r->text, r->text_len, texts_profile, &m->b->profiles, &errors,
			       &m->policy);

	if (err)
		err = mint_mistakes(m, &errors, err);
	policy_errors_free(&errors);
	return err;
}

int mint_owner(struct mint *m)
{
	char number[32], name[sizeof(m->user.name) + 8];

	if (m->request.proof.statement)
		return mint_proof_owner(m);
	snprintf(number, sizeof(number), "uid:%u", (unsigned)m->uid);
	snprintf(name, sizeof(name), "uid:%s", m->user.name);
	if (policy_owned_by(m->policy, number) || policy_owned_by(m->policy, name))
		return 0;
	return answer_problem(m->answer, PROBLEM_FORBIDDEN, "policy %s does not name %s (%s) as an owner",
			      policy_name(m->policy), number, m->user.name);
}

/* ---- the purpose and its time ---- */

int mint_purpose(struct mint *m)
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

int mint_ttl(struct mint *m)
{
	uint64_t host = m->b->options.max_ttl_ns;
	uint64_t limit = m->terms.ttl_ns < host ? m->terms.ttl_ns : host, left;
	char asked[TIME_BYTES], purpose_ttl[TIME_BYTES], host_ttl[TIME_BYTES];

	left = *m->from.id ? delegate_left(m) : limit;
	if (!m->request.ttl_ns)
		m->request.ttl_ns = limit < left ? limit : left;
	if (!left || (m->request.ttl_ns > left && left < limit))
		return delegate_too_long(m, left);
	if (m->request.ttl_ns <= limit)
		return 0;
	text_ttl(m->request.ttl_ns, asked);
	text_ttl(m->terms.ttl_ns, purpose_ttl);
	text_ttl(host, host_ttl);
	return answer_problem(m->answer, PROBLEM_REFUSED,
			      "a ttl of %s is too long: purpose %s allows %s, this host %s", asked,
			      m->request.purpose, purpose_ttl, host_ttl);
}

int mint_compile(struct mint *m)
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

int mint_digests(struct mint *m)
{
	size_t bytes = (size_t)m->table->count * sizeof(*m->table->cells);

	if (hash_text(m->request.text, m->request.text_len, m->policy_digest) ||
	    hash_text(m->table->cells, bytes, m->table_digest))
		return answer_problem(m->answer, PROBLEM_UNAVAILABLE, "cannot make a digest");
	return 0;
}

const mint_step mint_policy[] = {mint_parse,   mint_owner,   mint_purpose,	   mint_ttl,
				 mint_compile, mint_digests, mint_proof_statement, NULL};
