/* SPDX-License-Identifier: Apache-2.0 */
/* An owner who is not who the caller is on this host, but has agreed to what the caller asks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "broker/handlers.h"
#include "broker/mint.h"
#include "broker/text.h"
#include "common/clock.h"

_Static_assert(NONCE_SECONDS <= STATEMENT_AGE_MAX, "a statement may be as old as its nonce");

int handle_nonce(struct exchange *x)
{
	char nonce[NONCE_TEXT];
	int err = nonces_make(&x->broker->nonces, x->caller.uid, clock_boottime(), nonce);

	if (err)
		return answer_problem(&x->answer, PROBLEM_TOO_MANY, "%u nonces wait for their use",
				      NONCES_MAX);
	return answer_json(&x->answer, 200,
			   json_pack("{s:s, s:s, s:I, s:i}", "nonce", nonce, "aud",
				     key_public(secret_ring_current(&x->broker->keys))->kid, "iat",
				     (json_int_t)time(NULL), "expires_in", (int)NONCE_SECONDS));
}

/* ---- whose signature it is ---- */

static int proof_signer(struct mint *m, const struct sshsig *sig)
{
	static const struct {
		int err;
		const char *why;
	} misses[] = {
		{-ENOKEY, "is not among the allowed signers of this host"},
		{-ENOENT, "is not allowed to this principal"},
		{-EACCES, "is not allowed in the namespace " STATEMENT_NAMESPACE},
		{-EKEYEXPIRED, "is allowed no longer (valid-before)"},
		{-EAGAIN, "is not allowed yet (valid-after)"},
	};
	const struct allowed_signer *signer;
	int err = allowed_signers_find(&m->b->signers, sig->key, STATEMENT_NAMESPACE, time(NULL),
				       m->request.proof.principal, &signer);

	for (size_t i = 0; err && i < sizeof(misses) / sizeof(misses[0]); i++)
		if (misses[i].err == err)
			return answer_problem(m->answer, PROBLEM_FORBIDDEN, "the key %s %s",
					      sshkey_fingerprint(sig->key), misses[i].why);
	return err;
}

static int proof_verify(struct mint *m, const struct sshsig *sig)
{
	const struct grant_proof *p = &m->request.proof;
	struct sshsig_facts facts;
	int err = sshsig_verify(sig, STATEMENT_NAMESPACE, p->statement, p->statement_len, &facts);

	if (err)
		return answer_problem(m->answer, PROBLEM_FORBIDDEN, "the owner's proof: %s",
				      sshkey_problem(err));
	err = proof_signer(m, sig);
	if (err)
		return err;
	snprintf(m->proof.owner, sizeof(m->proof.owner), "ssh:%s", facts.fingerprint);
	m->proof.assurance = facts.assurance;
	m->proof.counter = facts.counter;
	return 0;
}

static int mint_ssh_owner(struct mint *m)
{
	const struct grant_proof *p = &m->request.proof;
	struct sshsig sig;
	int err;

	if (!m->b->options.allowed_signers)
		return answer_problem(m->answer, PROBLEM_REFUSED,
				      "this host takes no proofs by SSH keys: deputyd.yaml names no "
				      "allowed_signers");
	err = sshsig_decode_text(p->signature, p->signature_len, &sig);
	if (err)
		return answer_problem(m->answer, PROBLEM_BAD_REQUEST, "the owner's proof: %s",
				      sshkey_problem(err));
	err = proof_verify(m, &sig);
	sshsig_free(&sig);
	return err;
}

int mint_proof_owner(struct mint *m)
{
	int err = m->request.proof.id_token ? mint_oidc_owner(m) : mint_ssh_owner(m);

	if (err || policy_owned_by(m->policy, m->proof.owner))
		return err;
	return answer_problem(m->answer, PROBLEM_FORBIDDEN, "policy %s does not name %s as an owner",
			      policy_name(m->policy), m->proof.owner);
}

/* ---- what was agreed to ---- */

void mint_proof_hosts(struct mint *m)
{
	const struct secret_ring *keys = &m->b->keys;
	size_t current = keys->count - 2;

	for (size_t i = 0; i < sizeof(m->proof.aud) / sizeof(m->proof.aud[0]) && i <= current; i++)
		text_copy(m->proof.aud[i], KID_BYTES, key_public(keys->keys[current - i].key)->kid);
}

/* A statement may have been asked for just before another key began to sign. */
static int proof_statement(struct mint *m, struct statement *asked, const char **member)
{
	const struct grant_proof *p = &m->request.proof;
	int err = -EPERM;

	*member = "aud";
	for (size_t i = 0; i < sizeof(m->proof.aud) / sizeof(m->proof.aud[0]) && *m->proof.aud[i] &&
			   err == -EPERM && !strcmp(*member, "aud");
	     i++) {
		asked->aud = m->proof.aud[i];
		err = statement_check(p->statement, p->statement_len, asked, time(NULL), m->proof.nonce,
				      member);
	}
	return err;
}

int mint_proof_statement(struct mint *m)
{
	struct statement asked = {
		.policy_digest = m->policy_digest,
		.purpose = m->request.purpose,
		.workdir = m->request.workdir,
		.ttl_seconds = (int64_t)(m->request.ttl_ns / 1000000000),
	};
	const char *member;
	int err = 0;

	if (m->request.proof.statement)
		err = proof_statement(m, &asked, &member);
	switch (err) {
	case 0:
		return 0;
	case -EPERM:
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "the owner's proof is for another grant: \"%s\" differs", member);
	case -ESTALE:
		return answer_problem(m->answer, PROBLEM_FORBIDDEN,
				      "the owner's statement is of another time (iat)");
	default:
		return answer_problem(m->answer, PROBLEM_BAD_REQUEST, "the owner's statement: %s",
				      sshkey_problem(err));
	}
}

/* What the issuer has told of the owner while his token was on its way. */
static int proof_login(struct mint *m)
{
	const struct grant login = {.owner = m->proof.owner,
				    .assurance = m->proof.assurance ?: "",
				    .proof = m->proof.more,
				    .proven = m->proof.issued};

	if (!m->proof.issued || !logouts_have(&m->b->logouts, clock_boottime(), &login))
		return 0;
	return answer_problem(
		m->answer, PROBLEM_FORBIDDEN,
		"the owner's ID token: its issuer has told since that this login of %s is over: "
		"log in again",
		m->proof.owner);
}

int mint_proof_nonce(struct mint *m)
{
	if (!m->request.proof.statement)
		return 0;
	if (nonces_take(&m->b->nonces, m->uid, clock_boottime(), m->proof.nonce) == 0)
		return proof_login(m);
	return answer_problem(m->answer, PROBLEM_FORBIDDEN,
			      "the nonce was not given to this user, was used before or is older than %u s",
			      NONCE_SECONDS);
}

int mint_proof_describe(const struct mint *m, struct grant *g)
{
	char peer[32];

	snprintf(peer, sizeof(peer), "uid:%u", (unsigned)g->uid);
	g->proof = json_incref(m->proof.more);
	g->proven = m->proof.issued;
	return grant_say(g, GRANT_OWNER, *m->proof.owner ? m->proof.owner : peer)
		       ?: grant_say(g, GRANT_ASSURANCE, m->proof.assurance ?: "peer");
}
