/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/dpop_make.h"
#include "cli/files.h"
#include "cli/print.h"
#include "cli/query.h"
#include "cli/token_text.h"
#include "common/cleanup.h"
#include "token/jwt.h"

#define TYPE(name)	"urn:ietf:params:oauth:token-type:" name
#define ENV_TOKEN	"DEPUTY_TOKEN"
#define GRANT_TYPE	"urn:ietf:params:oauth:grant-type:token-exchange"
#define SUBJECT_BY_NAME "urn:deputy:token-type:grant"

/* What is to be exchanged for what. */
struct wish {
	const char *audience, *resource, *scope, *type, *grant, *subject, *key, *context, *about;
	struct option_list rules;
	bool single_use;
	char **command; /* NULL: none */
};

/* ---- the form ---- */

static int wish_type(const struct cli *cli, const char *name, const char **type)
{
	static const char *const types[][2] = {{"access", TYPE("access_token")}, {"txn", TYPE("txn_token")}};

	for (size_t i = 0; i < 2; i++)
		if (!name || strcmp(types[i][0], name) == 0) {
			*type = types[i][1];
			return 0;
		}
	return cli_usage(cli, "--type is access or txn");
}

/* A token says in its header what it is; a chain does by its first character. */
static const char *subject_type(const char *text)
{
	char kid[JWT_TYPE_MAX + 1], typ[JWT_TYPE_MAX + 1];

	if (*text == '~' || jwt_names(text, kid, typ))
		return TYPE("jwt");
	return strcmp(typ, "txntoken+jwt") == 0 ? TYPE("txn_token") : TYPE("access_token");
}

/* RFC 9396; NULL: no rules are named. The caller frees it. */
static char *wish_details(const struct wish *w)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < w->rules.count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "type", "deputy_rule", "rule", w->rules.value[i]));
	return w->rules.count ? json_dumps(list, JSON_COMPACT) : NULL;
}

/* A command goes on as the process that asks, and its token ends with it; without one this process ends now.
 */
static char *wish_form(const struct wish *w, const char *type, const char *subject)
{
	_cleanup_free_ char *details = wish_details(w);
	const struct query list[] = {
		{"grant_type", GRANT_TYPE},
		{"requested_token_type", type},
		{"subject_token", subject ?: w->grant ?: "self"},
		{"subject_token_type", subject ? subject_type(subject) : SUBJECT_BY_NAME},
		{"audience", w->audience},
		{"resource", w->resource},
		{"scope", w->scope},
		{"authorization_details", details},
		{"request_context", w->context},
		{"request_details", w->about},
		{"single_use", w->single_use ? "true" : NULL},
		{"bound_to", w->command ? "task" : "grant"},
		{NULL, NULL},
	};

	return query_path("", list);
}

/* ---- asking ---- */

/* `htu` is the endpoint's URL as the service itself names it. */
static int wish_endpoint(const struct cli *cli, char **url)
{
	_cleanup_reply_ struct reply reply = {0};
	int code = client_call(cli, "GET", "/.well-known/oauth-authorization-server", NULL, &reply);

	if (code)
		return code;
	*url = strdup(member_text(reply.body, "token_endpoint"));
	return *url ? 0 : EX_OSERR;
}

static int wish_send(const struct cli *cli, const char *form, const struct secret_key *key, const char *url,
		     const char *nonce, struct reply *reply)
{
	_cleanup_free_ char *proof = NULL, *header = NULL;
	int err = key ? dpop_make(key, "POST", url, nonce, NULL, &proof) : 0;

	if (err || (key && asprintf(&header, "DPoP: %s", proof) < 0))
		return EX_OSERR;
	return client_form(cli, "/v1/token", form, header, reply);
}

/* RFC 9449 section 8: the first answer has the nonce for the second proof. */
static int wish_prove(const struct cli *cli, const char *form, const char *path, struct reply *reply)
{
	_cleanup_reply_ struct reply first = {0};
	_cleanup_free_ char *url = NULL;
	struct secret_key *key = NULL;
	int err = sodium_init() < 0 ? -EIO : dpop_key(path, &key), code;

	if (err) {
		cli_error("%s: no Ed25519 key in PEM without a passphrase: %s", path, strerror(-err));
		return EX_NOINPUT;
	}
	code = wish_endpoint(cli, &url) ?: wish_send(cli, form, key, url, NULL, &first);
	if (!code)
		code = wish_send(cli, form, key, url, first.nonce, reply);
	key_free(key);
	return code;
}

static int wish_ask(const struct cli *cli, const struct wish *w, struct reply *reply)
{
	_cleanup_free_ char *subject = NULL, *form = NULL;
	const char *type;
	int code = wish_type(cli, w->type, &type), err;

	if (code)
		return code;
	err = w->subject ? token_text(w->subject, &subject) : 0;
	if (err) {
		cli_error("the subject: %s", strerror(-err));
		return EX_NOINPUT;
	}
	form = wish_form(w, type, subject);
	if (!form)
		return EX_OSERR;
	code = w->key ? wish_prove(cli, form + 1, w->key, reply)
		      : client_form(cli, "/v1/token", form + 1, NULL, reply);
	return code ?: client_problem(reply);
}

/* ---- what came ---- */

static int wish_run(char **command, const char *token)
{
	_cleanup_free_ char *path = NULL;
	int err = program_find(command[0], &path);

	if (!err && setenv(ENV_TOKEN, token, 1))
		err = -errno;
	if (!err) {
		execv(path, command);
		err = -errno;
	}
	cli_error("%s: %s", command[0], strerror(-err));
	return err == -ENOENT ? EX_NOINPUT : EX_NOPERM;
}

static int wish_result(const struct cli *cli, const struct wish *w, const struct reply *reply)
{
	const char *token = member_text(reply->body, "access_token");

	if (w->command)
		return wish_run(w->command, token);
	if (cli->json)
		return print_json(reply->body);
	puts(token);
	return 0;
}

int cmd_token_exchange(struct cli *cli, int argc, char **argv)
{
	struct wish w = {0};
	const struct cli_option options[] = {
		{"audience", "NAME", "whom the token is for", .text = &w.audience},
		{"resource", "URI", "the same, by a URI", .text = &w.resource},
		{"scope", "LIST", "parts of the purpose (default: all of it)", .text = &w.scope},
		{"type", "access|txn", "an access token (default) or a transaction token", .text = &w.type},
		{"single-use", NULL, "good until it is introspected", .flag = &w.single_use},
		{"grant", "ID", "the grant to exchange (default: the caller's own)", .text = &w.grant},
		{"subject", "TOKEN|CHAIN|FILE|-", "or a token to exchange", .text = &w.subject},
		{"key", "FILE", "the Ed25519 key to bind the token to, in PEM", .text = &w.key},
		{"rule", "RULE", "name a rule of the grant in the token; may be repeated", .list = &w.rules},
		{"request-context", "JSON", "of a transaction: its surroundings", .text = &w.context},
		{"request-details", "JSON", "of a transaction: what it is about", .text = &w.about},
		{0},
	};
	_cleanup_reply_ struct reply reply = {0};
	int code, first = cli_options(cli, argc, argv, options, true, &code);

	if (first < 0)
		return code;
	if (w.grant && w.subject)
		return cli_usage(cli, "--grant or --subject, not both");
	w.command = first < argc ? argv + first : NULL;
	return wish_ask(cli, &w, &reply) ?: wish_result(cli, &w, &reply);
}
