/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/owner_proof.h"
#include "cli/print.h"
#include "common/cleanup.h"

struct renew {
	const char *ttl, *policy, *proof;
	char *id; /* as part of a path */
};

/* What an owner agrees to names the purpose and the directory too: those that the grant has. */
static int renew_prove(const struct cli *cli, const struct renew *r, json_t *body)
{
	_cleanup_reply_ struct reply grant = {0};
	_cleanup_free_ char *path = NULL;
	json_auto_t *ask = json_copy(body);
	int code = asprintf(&path, "/v1/grants/%s", r->id) < 0 ? EX_OSERR
							       : client_call(cli, "GET", path, NULL, &grant);

	if (code)
		return code;
	json_object_set(ask, "purpose", json_object_get(grant.body, "purpose"));
	json_object_set(ask, "workdir", json_object_get(grant.body, "workdir"));
	code = owner_proof_add(cli, r->proof, ask);
	if (!code && json_object_set(body, "proof", json_object_get(ask, "proof")))
		code = EX_OSERR;
	return code;
}

static int renew_body(const struct cli *cli, const struct renew *r, json_t **body)
{
	json_t *policy = NULL;
	int code = r->policy ? ask_policy(r->policy, &policy) : 0;

	if (code)
		return code;
	*body = json_pack("{s:o*, s:s*}", "policy", policy, "ttl", r->ttl);
	if (!*body)
		return cli_usage(cli, "the TTL is no UTF-8");
	return r->proof ? renew_prove(cli, r, *body) : 0;
}

static int renew_print(const json_t *grant)
{
	const char *id = member_text(grant, "grant"), *until = member_text(grant, "expires");

	fputs("renewed ", stdout);
	print_safe(stdout, id, strlen(id));
	fputs(" until ", stdout);
	print_safe(stdout, until, strlen(until));
	putchar('\n');
	return 0;
}

static int renew(const struct cli *cli, const struct renew *r)
{
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *path = NULL;
	json_auto_t *body = NULL;
	int code = renew_body(cli, r, &body);

	if (!code && asprintf(&path, "/v1/grants/%s/renew", r->id) < 0)
		code = EX_OSERR;
	if (!code)
		code = client_call(cli, "POST", path, body, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : renew_print(reply.body);
}

int cmd_renew(struct cli *cli, int argc, char **argv)
{
	struct renew r = {0};
	const struct cli_option options[] = {
		{"ttl", "TIME", "from now on: 90s, 10m, 2h (as long as its policy allows)", .text = &r.ttl},
		{"policy", "FILE", "its policy again, where that is not an installed one", .text = &r.policy},
		{"owner-proof", "HOW", "have the owner agree: as for `deputy run`", .text = &r.proof},
		{0},
	};
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first > 1)
		return cli_usage(cli, "one grant at most");
	r.id = client_escape(argc > first ? argv[first] : "self");
	code = r.id ? renew(cli, &r) : EX_OSERR;
	free(r.id);
	return code;
}
