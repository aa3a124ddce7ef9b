/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "cli/chain_scopes.h"
#include "cli/chain_text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/token_text.h"
#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/chain.h"
#include "token/jwt.h"

#define KEYS_MAX (1u << 20) /* bytes of a key set */

/* Tokens for others (POST /v1/token). */
static const char *const types[] = {"at+jwt", "txntoken+jwt"};

static const struct {
	int err;
	const char *what;
} problems[] = {
	{-EMSGSIZE, "longer than any token of ours"},
	{-EBADMSG, "not a token of ours"},
	{-ENOKEY, "signed by another key"},
	{-EKEYREJECTED, "the signature is wrong"},
	{-EKEYEXPIRED, "expired"},
	{-EAGAIN, "not valid yet"},
};

static const char *problem_text(int err)
{
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (problems[i].err == err)
			return problems[i].what;
	return strerror(-err);
}

static int key_read(const json_t *jwk, struct public_key *key)
{
	const char *x = member_text(jwk, "x");
	unsigned char bytes[KEY_PUBLIC_BYTES];
	size_t len;

	if (strcmp(member_text(jwk, "kty"), "OKP") != 0 || strcmp(member_text(jwk, "crv"), "Ed25519") != 0)
		return -ENOKEY;
	if (base64url_decode(x, strlen(x), bytes, sizeof(bytes), &len) || len != sizeof(bytes))
		return -ENOKEY;
	key_from_public(bytes, key);
	return 0;
}

static int token_times(const json_t *claims)
{
	int64_t nbf, exp, now = time(NULL);
	int err = jwt_time(claims, "nbf", &nbf) ?: jwt_time(claims, "exp", &exp);

	if (err)
		return err;
	return now >= exp ? -EKEYEXPIRED : now < nbf ? -EAGAIN : 0;
}

/* By whichever key of the set the token names. */
static int token_by_set(const json_t *set, const char *typ, const char *token, json_t **claims)
{
	json_auto_t *c = NULL;
	const json_t *jwk;
	int err = -ENOKEY;
	size_t i;

	json_array_foreach (json_object_get(set, "keys"), i, jwk) {
		struct public_key key;

		if (key_read(jwk, &key))
			continue;
		err = jwt_verify(&key, typ, token, strlen(token), &c);
		if (err != -ENOKEY)
			break;
	}
	err = err ?: token_times(c);
	if (!err)
		*claims = json_incref(c);
	return err;
}

/* From a file, else from the daemon. Exit code. */
static int keys_get(const struct cli *cli, const char *file, json_t **set)
{
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err;

	if (!file) {
		int code = client_call(cli, "GET", "/v1/keys", NULL, &reply);

		*set = json_incref(reply.body);
		return code;
	}
	err = file_read(file, KEYS_MAX, &text, &len);
	if (err) {
		cli_error("%s: %s", file, strerror(-err));
		return EX_NOINPUT;
	}
	*set = json_loadb(text, len, 0, NULL);
	if (json_is_array(json_object_get(*set, "keys")))
		return 0;
	cli_error("%s: no JSON Web Key Set", file);
	return EX_DATAERR;
}

/* A chain, or its only link as it is. -errno of chain_verify(). */
static int chain_by_set(const json_t *set, const char *text, struct chain_report *report)
{
	struct key_ring ring;
	int err = key_ring_read(set, &ring);

	if (err) {
		*report = (struct chain_report){.why = CHAIN_KEY, .claim = ""};
		return err;
	}
	if (*text == '~')
		return chain_verify_text(&ring, text, strlen(text), time(NULL), report);
	return chain_verify(&ring, &text, 1, time(NULL), report);
}

static int chain_show(const struct cli *cli, const struct chain_report *report)
{
	json_auto_t *json = cli->json ? chain_json(report) : NULL;

	if (!cli->json)
		chain_print(stdout, report, time(NULL), cli->colour);
	else if (json)
		print_json(json);
	return cli->json && !json ? EX_OSERR : 0;
}

static int verify_chain(const struct cli *cli, const json_t *set, const struct scopes_from *from,
			const char *text)
{
	struct chain_report report;
	char problem[256];

	if (!chain_by_set(set, text, &report)) {
		int code = chain_scopes(&report, from) ?: chain_show(cli, &report);

		chain_report_free(&report);
		return code;
	}
	chain_problem(&report, problem, sizeof(problem));
	cli_error("the chain: %s", problem);
	return EX_NOPERM;
}

static int verify_token(const json_t *set, const char *typ, const char *text)
{
	json_auto_t *claims = NULL;
	int err = token_by_set(set, typ, text, &claims);

	if (!err)
		return print_json(claims);
	cli_error("the token: %s", problem_text(err));
	return EX_NOPERM;
}

/* What it says it is (RFC 8725 section 3.11), which the check of that type has to find true. */
static int verify(const struct cli *cli, const json_t *set, const struct scopes_from *from, const char *text)
{
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1];
	_cleanup_free_ char *safe = NULL;

	if (*text == '~')
		return verify_chain(cli, set, from, text);
	if (jwt_names(text, kid, typ)) {
		cli_error("the token: %s", problem_text(-EBADMSG));
		return EX_NOPERM;
	}
	if (!strcmp(typ, LINK_TYPE))
		return verify_chain(cli, set, from, text);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(typ, types[i]))
			return from->policies.count
				       ? cli_usage(cli, "--policy is for chains; this is a token, %s", typ)
				       : verify_token(set, typ, text);
	safe = print_safe_copy(typ);
	cli_error("the token: its type is \"%s\"; what can be verified is at+jwt, txntoken+jwt and " LINK_TYPE
		  ", the link of a chain",
		  safe ? safe : "");
	return EX_NOPERM;
}

int cmd_token_verify(struct cli *cli, int argc, char **argv)
{
	struct scopes_from from = {0};
	const char *file = NULL;
	const struct cli_option options[] = {
		{"keys", "FILE", "the host's keys, a JSON Web Key Set; else the daemon is asked",
		 .text = &file},
		{"jwks", "FILE", "the same", .text = &file},
		{"policy", "FILE", "one that links name, each of them: prove that no link is wider",
		 .list = &from.policies},
		{"profiles", "DIR", "where their profiles are, as NAME.yaml", .list = &from.profiles},
		{"workdir", "DIR", "${workdir} of the grants, each that they had", .list = &from.workdirs},
		{"home", "DIR", "${home} of who asked for them", .text = &from.vars.home},
		{"user", "NAME", "${user}, who that is, by name", .text = &from.vars.user},
		{0},
	};
	json_auto_t *set = NULL;
	_cleanup_free_ char *text = NULL;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1)
		return cli_usage(cli, "one token or chain, a file of it, or - for standard input, is needed");
	err = token_text(argv[first], &text);
	code = err || sodium_init() < 0 ? EX_OSERR : keys_get(cli, file, &set);
	if (err)
		cli_error("the token: %s", strerror(-err));
	return code ?: verify(cli, set, &from, text);
}
