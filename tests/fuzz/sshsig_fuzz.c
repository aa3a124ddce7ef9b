/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a signature, armoured and not, as a line of a key file, and as what a good key is said to have
 * signed with. Nothing that was not signed here may verify. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "proof/sshsig.h"

#define NAMESPACE "grant@deputy"

static struct sshkey *key;

/* Of RFC 8032 section 7.1, test 1: nobody here has signed anything with it. */
static const uint8_t blob[] = "\0\0\0\x0bssh-ed25519\0\0\0\x20"
			      "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a"
			      "\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return sodium_init() < 0 ? -1 : sshkey_parse(blob, sizeof(blob) - 1, &key);
}

/* Decoded fields lie where they should, and written again they are the same signature. */
static void check(struct sshsig *sig)
{
	struct sshsig_facts facts;
	struct sshsig again;
	char *text, *text_again, name[SSHSIG_NAMESPACE_MAX + 1];

	if (sig->name_space.size > SSHSIG_NAMESPACE_MAX || sig->signature.size > SSHKEY_SIGNATURE_MAX)
		abort();
	sshsig_verify(sig, NAMESPACE, "message", 7, &facts);
	memcpy(name, sig->name_space.bytes, sig->name_space.size);
	name[sig->name_space.size] = '\0';
	if (strlen(name) == sig->name_space.size &&
	    sshsig_encode_text(sig->key, name, sig->hash, sig->signature, &text) == 0) {
		if (sshsig_decode_text(text, strlen(text), &again) ||
		    sshsig_encode_text(again.key, name, again.hash, again.signature, &text_again) ||
		    strcmp(text, text_again) != 0)
			abort();
		sshsig_free(&again);
		free(text_again);
		free(text);
	}
	sshsig_free(sig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = copy_of(data, size);
	struct sshkey_touch touch;
	struct sshkey *other;
	struct sshsig sig;

	if (sshsig_decode(copy, size, &sig) == 0)
		check(&sig);
	if (sshsig_decode_text((char *)copy, size, &sig) == 0)
		check(&sig);
	if (sshkey_parse_line((char *)copy, size, &other) == 0)
		sshkey_free(other);
	if (sshkey_verify(key, (struct octets){copy, size}, (struct octets){(const uint8_t *)"message", 7},
			  &touch) == 0)
		abort();
	free(copy);
	return 0;
}
