/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/owner_proof.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/client.h"
#include "cli/id_token.h"
#include "cli/print.h"
#include "cli/ssh_agent.h"
#include "common/cleanup.h"
#include "proof/statement.h"
#include "token/hash.h"

/* As the daemon reads it, which says so if it is none; 0 then. */
static int64_t ttl_seconds(const char *ttl)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}};
	char *end;
	long n = strtol(ttl, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != ttl && end[0] == units[i].unit && !end[1] && n > 0 && n < 1000000000)
			return n * units[i].seconds;
	return 0;
}

/* What the owner is to agree to, with a nonce of the daemon's. */
static int statement_get(const struct cli *cli, const json_t *ask, char **text)
{
	const json_t *policy = json_object_get(json_object_get(ask, "policy"), "text");
	_cleanup_reply_ struct reply reply = {0};
	char policy_digest[HASH_TEXT_BYTES];
	struct statement s = {
		.policy_digest = policy_digest,
		.purpose = member_text(ask, "purpose"),
		.workdir = json_string_value(json_object_get(ask, "workdir")),
		.ttl_seconds = ttl_seconds(member_text(ask, "ttl")),
	};
	int code;

	if (!policy)
		return cli_usage(cli, "an owner agrees to a policy's text: --policy must name a file");
	if (!s.ttl_seconds)
		return cli_usage(
			cli, "an owner agrees to a certain time: --ttl is needed, such as 90s, 10m or 2h");
	if (hash_text(json_string_value(policy), json_string_length(policy), policy_digest)) {
		cli_error("cannot make a digest of the policy");
		return EX_OSERR;
	}
	code = client_call(cli, "POST", "/v1/nonce", NULL, &reply);
	if (code)
		return code;
	s.aud = member_text(reply.body, "aud");
	s.nonce = member_text(reply.body, "nonce");
	s.iat = json_integer_value(json_object_get(reply.body, "iat"));
	if (statement_write(&s, text) == 0)
		return 0;
	cli_error("the daemon's nonce is none");
	return EX_PROTOCOL;
}

static int agent_problem(int err)
{
	static const struct {
		int err;
		const char *text;
	} problems[] = {
		{-ENOKEY, "it has no such key"},
		{-ENOTUNIQ, "it has several keys: say which, as ssh:SHA256:... or ssh:FILE.pub"},
		{-EPROTO, "its answer makes no sense"},
		{-EACCES, "it refused"},
		{-ETIMEDOUT, "it did not answer"},
	};

	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		if (problems[i].err != err)
			continue;
		cli_error("ssh-agent: %s", problems[i].text);
		return EX_NOPERM;
	}
	cli_error("signing by ssh-agent: %s", sshkey_problem(err));
	return EX_NOPERM;
}

static int statement_sign(int agent, const char *which, const char *statement, char **signature)
{
	struct sshkey *key;
	int err = agent_find(agent, which, &key);

	if (err)
		return agent_problem(err);
	if (sshkey_is_token(key))
		fprintf(stderr, "deputy: touch the security key %s\n", sshkey_fingerprint(key));
	err = agent_sign(agent, key, STATEMENT_NAMESPACE, statement, strlen(statement), signature);
	sshkey_free(key);
	return err ? agent_problem(err) : 0;
}

/* ---- the methods ---- */

static int proof_set(json_t *ask, json_t *proof)
{
	return json_object_set_new(ask, "proof", proof) ? EX_OSERR : 0;
}

static int prove_ssh(const struct cli *cli, const char *which, json_t *ask)
{
	_cleanup_free_ char *statement = NULL, *signature = NULL;
	_cleanup_close_ int agent = -1;
	int code, err = agent_connect(NULL, &agent);

	if (err) {
		cli_error("no ssh-agent: SSH_AUTH_SOCK: %s", err == -ENOENT ? "none there" : strerror(-err));
		return EX_UNAVAILABLE;
	}
	code = statement_get(cli, ask, &statement);
	if (!code)
		code = statement_sign(agent, which, statement, &signature);
	return code
		       ?: proof_set(ask, json_pack("{s:s, s:s, s:s}", "type", "ssh", "statement", statement,
						   "signature", signature));
}

/* The token comes after its nonce: one that was made before is good for nothing. */
static int prove_oidc(const struct cli *cli, const char *from, json_t *ask,
		      int (*get)(const char *from, const char *nonce, char **token))
{
	_cleanup_free_ char *statement = NULL, *token = NULL;
	char nonce[STATEMENT_BOUND_BYTES];
	int code = statement_get(cli, ask, &statement);

	if (code)
		return code;
	statement_nonce(statement, strlen(statement), nonce);
	code = get(from, nonce, &token);
	return code
		       ?: proof_set(ask, json_pack("{s:s, s:s, s:s}", "type", "oidc", "statement", statement,
						   "id_token", token));
}

static int prove_oidc_file(const struct cli *cli, const char *path, json_t *ask)
{
	return prove_oidc(cli, path, ask, id_token_read);
}

static int prove_oidc_command(const struct cli *cli, const char *program, json_t *ask)
{
	return prove_oidc(cli, program, ask, id_token_run);
}

static const struct {
	const char *name;
	bool bare; /* what comes behind the colon may be left out, with it */
	int (*prove)(const struct cli *cli, const char *what, json_t *ask);
} methods[] = {
	{"ssh", true, prove_ssh},
	{"oidc", false, prove_oidc_file},
	{"oidc-command", false, prove_oidc_command},
};

int owner_proof_add(const struct cli *cli, const char *how, json_t *ask)
{
	size_t len = strcspn(how, ":");
	const char *what = how[len] ? how + len + 1 : NULL;

	if (sodium_init() < 0) {
		cli_error("no randomness");
		return EX_OSERR;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strlen(methods[i].name) == len && strncmp(methods[i].name, how, len) == 0 &&
		    (what ? *what : methods[i].bare))
			return methods[i].prove(cli, what, ask);
	return cli_usage(cli,
			 "--owner-proof %s: write ssh, ssh:SHA256:..., ssh:FILE.pub, oidc:FILE or "
			 "oidc-command:PROGRAM",
			 how);
}
