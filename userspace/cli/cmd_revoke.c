/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "common/cleanup.h"

/* What grants have in common: members of POST /v1/revocations. */
struct common {
	const char *owner, *policy, *digest, *purpose, *key;
};

static bool common_named(const struct common *c)
{
	return c->owner || c->policy || c->digest || c->purpose || c->key;
}

static int revoke_print(const json_t *grant, const char *asked)
{
	const char *id = member_text(grant, "grant");

	fputs("revoked ", stdout);
	print_safe(stdout, *id ? id : asked, strlen(*id ? id : asked));
	putchar('\n');
	return 0;
}

/* ---- one grant ---- */

static int revoke_one(struct cli *cli, const char *asked, const char *mode)
{
	_cleanup_reply_ struct reply reply = {0};
	_cleanup_free_ char *id = client_escape(asked), *path = NULL;
	int code;

	if (!id || asprintf(&path, "/v1/grants/%s%s%s", id, mode ? "?mode=" : "", mode ? mode : "") < 0)
		return EX_OSERR;
	code = client_call(cli, "DELETE", path, NULL, &reply);
	if (code)
		return code;
	return cli->json ? print_json(reply.body) : revoke_print(reply.body, asked);
}

/* ---- all that have something in common ---- */

static void revoke_print_all(const json_t *answer)
{
	const json_t *grant;
	size_t i;

	json_array_foreach (json_object_get(answer, "revoked"), i, grant) {
		const char *purpose = member_text(grant, "purpose"), *user = member_text(grant, "user");
		long long beneath = member_number(grant, "beneath");

		fputs("revoked ", stdout);
		print_safe(stdout, member_text(grant, "grant"), strlen(member_text(grant, "grant")));
		fputs("  ", stdout);
		print_safe(stdout, purpose, strlen(purpose));
		fputs(" of ", stdout);
		print_safe(stdout, user, strlen(user));
		if (beneath)
			printf(" and %lld beneath it", beneath);
		putchar('\n');
	}
}

/* Some may have ended though others did not: both are told. */
static int revoke_all(struct cli *cli, const struct common *c, const char *mode)
{
	json_auto_t *body =
		json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "owner", c->owner, "policy", c->policy,
			  "policy_digest", c->digest, "purpose", c->purpose, "key", c->key, "mode", mode);
	_cleanup_reply_ struct reply reply = {0};
	int code;

	if (!body)
		return cli_usage(cli, "an option's value is no UTF-8");
	code = client_request(cli, "POST", "/v1/revocations", body, &reply);
	if (code)
		return code;
	if (cli->json && reply.body)
		print_json(reply.body);
	else
		revoke_print_all(reply.body);
	return client_problem(&reply);
}

int cmd_revoke(struct cli *cli, int argc, char **argv)
{
	struct common common = {0};
	const char *mode = NULL;
	const struct cli_option options[] = {
		{"mode", "kill|deny", "end the tasks, or only refuse them everything", .text = &mode},
		{"owner", "OWNER", "all grants of uid:ID, uid:NAME, ssh:SHA256:..., oidc:...",
		 .text = &common.owner},
		{"policy", "NAME", "all under a policy of that name", .text = &common.policy},
		{"policy-digest", "DIGEST", "all under that very text", .text = &common.digest},
		{"purpose", "NAME", "all for that purpose", .text = &common.purpose},
		{"key", "KEY", "all signed by a host's key, or for an SSH key", .text = &common.key},
		{0},
	};
	int code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (mode && strcmp(mode, "kill") != 0 && strcmp(mode, "deny") != 0)
		return cli_usage(cli, "--mode is kill or deny");
	if (common_named(&common))
		return argc == first ? revoke_all(cli, &common, mode)
				     : cli_usage(cli, "either an ID, or what the grants have in common");
	if (argc - first != 1)
		return cli_usage(cli,
				 "the ID of one grant is needed, or what those to revoke have in common");
	return revoke_one(cli, argv[first], mode);
}
