/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/files.h"
#include "cli/print.h"
#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/token.h"

#define KEYS_MAX (1u << 20) /* bytes of a key set */

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

/* By whichever key of the set the token names. */
static int verify_by_set(const json_t *set, const char *token, size_t len, json_t **claims)
{
	const json_t *jwk;
	int err = -ENOKEY;
	size_t i;

	json_array_foreach (json_object_get(set, "keys"), i, jwk) {
		struct public_key key;

		if (key_read(jwk, &key))
			continue;
		err = token_verify(&key, token, len, time(NULL), claims);
		if (err != -ENOKEY)
			break;
	}
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

/* The token itself, or the first line of standard input for "-". */
static int token_get(const char *arg, char **token)
{
	size_t len;
	int err = 0;

	if (strcmp(arg, "-") == 0)
		err = file_read(arg, TOKEN_MAX + 2, token, &len);
	else if (!(*token = strdup(arg)))
		err = -ENOMEM;
	if (err)
		return err;
	(*token)[strcspn(*token, "\r\n")] = '\0';
	return 0;
}

int cmd_token_verify(struct cli *cli, int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = {
		{"jwks", "FILE", "the issuer's keys; else the daemon is asked", .text = &file},
		{0},
	};
	json_auto_t *set = NULL, *claims = NULL;
	_cleanup_free_ char *token = NULL;
	int err, code, first = cli_options(cli, argc, argv, options, false, &code);

	if (first < 0)
		return code;
	if (argc - first != 1)
		return cli_usage(cli, "one token, or - for standard input, is needed");
	err = token_get(argv[first], &token);
	code = err || sodium_init() < 0 ? EX_OSERR : keys_get(cli, file, &set);
	if (err)
		cli_error("the token: %s", strerror(-err));
	if (code)
		return code;
	err = verify_by_set(set, token, strlen(token), &claims);
	if (!err)
		return print_json(claims);
	cli_error("the token: %s", problem_text(err));
	return EX_NOPERM;
}
