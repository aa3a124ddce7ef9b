/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"
#include "cli/dpop_make.h"
#include "cli/token_text.h"
#include "common/cleanup.h"

struct proof_request {
	const char *key, *method, *url, *nonce;
};

static int proof_print(const struct proof_request *r, const char *token)
{
	struct secret_key *key = NULL;
	_cleanup_free_ char *proof = NULL;
	int err = dpop_key(r->key, &key);

	if (err) {
		cli_error("%s: no Ed25519 key in PEM without a passphrase: %s", r->key, strerror(-err));
		return EX_NOINPUT;
	}
	err = dpop_make(key, r->method, r->url, r->nonce, token, &proof);
	key_free(key);
	if (err) {
		cli_error("the proof: %s", strerror(-err));
		return EX_SOFTWARE;
	}
	puts(proof);
	return 0;
}

int cmd_token_proof(struct cli *cli, int argc, char **argv)
{
	struct proof_request r = {.method = "GET"};
	const struct cli_option options[] = {
		{"key", "FILE", "the Ed25519 key that the token is bound to, in PEM", .text = &r.key},
		{"method", "METHOD", "of the request (default GET)", .text = &r.method},
		{"url", "URL", "of the request", .text = &r.url},
		{"nonce", "TEXT", "that the server gave in DPoP-Nonce", .text = &r.nonce},
		{0},
	};
	_cleanup_free_ char *token = NULL;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (!r.key || !r.url || argc - first > 1)
		return cli_usage(cli, "--key, --url and one token at most are needed");
	err = argc > first ? token_text(argv[first], &token) : 0;
	if (err || sodium_init() < 0) {
		cli_error("the token: %s", strerror(-err));
		return EX_NOINPUT;
	}
	return proof_print(&r, token);
}
