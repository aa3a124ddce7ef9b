/* SPDX-License-Identifier: Apache-2.0 */
/* vc_verify() on any JSON, and on any document behind a good proof. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/data_integrity.h"
#include "token/did_key.h"
#include "token/vc.h"

#define NOW 1000000

static struct secret_key *key;
static char method[DID_KEY_METHOD_LEN + 1], did[DID_KEY_LEN + 1];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "for the fuzzer";

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	did_key_method(key_public(key), method);
	did_key_encode(key_public(key), did);
	return 0;
}

/* The right issuer is filled in: the fuzzer cannot guess it. */
static void forge(json_t *vc)
{
	json_t *secured = NULL;
	int64_t created;

	json_object_set_new(vc, "issuer", json_string(did));
	if (data_integrity_sign(key, vc, method, NOW, &secured))
		return;
	if (data_integrity_verify(secured, key_public(key), &created) || created != NOW)
		abort();
	vc_verify(secured, key_public(key), NOW);
	json_decref(secured);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *vc = NULL;
	int64_t created;

	if (vc_parse((const char *)data, size, &vc))
		return 0;
	/* nobody but the key's owner makes these: the fuzzer has found a hole if it did */
	if (data_integrity_verify(vc, key_public(key), &created) == 0 ||
	    vc_verify(vc, key_public(key), NOW) == 0)
		abort();
	forge(vc);
	json_decref(vc);
	return 0;
}
