/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deputy's side of tests/interop/vc, with a key that anybody may know.
 *   vc_tool issue           prints the credential of a chain of three grants
 *   vc_tool verify < FILE   checks such a credential; prints "ok" or the reason
 *   vc_tool proof < FILE    checks the proof alone, by the key that its method names
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "token/data_integrity.h"
#include "token/did_key.h"
#include "token/vc.h"

static struct secret_key *tool_key(void)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "an open secret";
	struct secret_key *key;

	if (sodium_init() < 0 || key_from_seed(seed, &key))
		abort();
	return key;
}

static int tool_issue(const struct secret_key *key)
{
	int64_t now = time(NULL);
	const struct vc_link links[] = {
		{"groot", NULL, "fix-issue", "coder", "sha256:00", "sha256:01", "h.p1.s", now - 60,
		 now + 900},
		{"gmid", "groot", "fix-issue/test", "coder", "sha256:00", "sha256:02", "h.p2.s", now - 30,
		 now + 600},
		{"gleaf", "gmid", "fix-issue/test", "coder", "sha256:00", "sha256:03", "h.p3.s", now,
		 now + 300},
	};
	json_auto_t *assurance = json_pack("{s:s, s:s}", "method", "ssh-sk", "signer", "SHA256:ab\xc3\xa9");
	struct vc_chain chain = {"oidc:alice@example.com", assurance, links, 3};
	json_auto_t *credential = NULL;
	int err = vc_sign(key, &chain, now, &credential);

	return err ? err : json_dumpf(credential, stdout, JSON_INDENT(1)) ? -EIO : 0;
}

static int tool_read(json_t **credential)
{
	char *text = malloc(VC_MAX + 1);
	size_t len = text ? fread(text, 1, VC_MAX + 1, stdin) : 0;
	int err = text ? vc_parse(text, len, credential) : -ENOMEM;

	free(text);
	return err;
}

static int tool_verify(const struct secret_key *key)
{
	json_auto_t *credential = NULL;
	int err = tool_read(&credential);

	return err ? err : vc_verify(credential, key_public(key), time(NULL));
}

static int tool_proof(const struct secret_key *key)
{
	json_auto_t *credential = NULL;
	struct public_key signer;
	const char *method;
	int64_t created;
	int err = tool_read(&credential);

	(void)key;
	method = data_integrity_method(credential);
	if (!err)
		err = method ? did_key_from_method(method, strlen(method), &signer) : -EBADMSG;
	return err ? err : data_integrity_verify(credential, &signer, &created);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct secret_key *key);
	} verbs[] = {{"issue", tool_issue}, {"verify", tool_verify}, {"proof", tool_proof}};
	struct secret_key *key = tool_key();
	int err = -EINVAL;

	for (size_t i = 0; argc == 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			err = verbs[i].run(key);
	if (err)
		fprintf(stderr, "vc_tool: %s\n", strerror(-err));
	key_free(key);
	return err ? 1 : 0;
}
