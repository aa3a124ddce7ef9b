/* SPDX-License-Identifier: Apache-2.0 */
#include "token/data_integrity.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"
#include "token/base58.h"
#include "token/date_time.h"
#include "token/jcs.h"

#define SUITE	"eddsa-jcs-2022"
#define TYPE	"DataIntegrityProof"
#define PURPOSE "assertionMethod"

#define HASH_BYTES crypto_hash_sha256_BYTES

static int canonical_hash(const json_t *value, unsigned char hash[HASH_BYTES])
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = jcs_dump(value, &text, &len);

	if (!err)
		crypto_hash_sha256(hash, (unsigned char *)text, len);
	return err;
}

/* Sections 3.3.3 to 3.3.5: the hash of the proof's options comes first. */
static int proof_hash(const json_t *options, const json_t *document, unsigned char hash[2 * HASH_BYTES])
{
	int err = canonical_hash(options, hash);

	return err ? err : canonical_hash(document, hash + HASH_BYTES);
}

static json_t *proof_options(const json_t *document, const char *method, const char *created)
{
	json_t *context = json_object_get(document, "@context");
	json_t *proof = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", TYPE, "cryptosuite", SUITE, "created",
				  created, "verificationMethod", method, "proofPurpose", PURPOSE);

	/* section 3.3.1, step 2 */
	if (proof && context && json_object_set(proof, "@context", context)) {
		json_decref(proof);
		return NULL;
	}
	return proof;
}

/* Multibase, 'z' for base58btc. */
static int proof_put_value(json_t *proof, const unsigned char signature[KEY_SIGN_BYTES])
{
	char text[1 + BASE58_LEN(KEY_SIGN_BYTES) + 1] = "z";

	base58_encode(signature, KEY_SIGN_BYTES, text + 1);
	return json_object_set_new(proof, "proofValue", json_string(text)) ? -ENOMEM : 0;
}

static int proof_get_value(const json_t *proof, unsigned char signature[KEY_SIGN_BYTES])
{
	const json_t *value = json_object_get(proof, "proofValue");
	const char *text = json_string_value(value);
	size_t size;

	if (!text || *text != 'z' ||
	    base58_decode(text + 1, json_string_length(value) - 1, signature, KEY_SIGN_BYTES, &size) ||
	    size != KEY_SIGN_BYTES)
		return -EBADMSG;
	return 0;
}

int data_integrity_sign(const struct secret_key *key, const json_t *document, const char *method,
			int64_t created, json_t **secured)
{
	unsigned char hash[2 * HASH_BYTES], signature[KEY_SIGN_BYTES];
	json_auto_t *copy = NULL, *proof = NULL;
	char time[DATE_TIME_LEN + 1];
	int err;

	if (!json_is_object(document) || json_object_get(document, "proof"))
		return -EINVAL;
	err = date_time_format(created, time);
	if (err)
		return err;
	proof = proof_options(document, method, time);
	copy = json_copy((json_t *)document); /* its prototype asks for it; nothing is changed */
	if (!proof || !copy)
		return -ENOMEM;
	err = proof_hash(proof, document, hash);
	if (err)
		return err;
	key_sign(key, hash, sizeof(hash), signature);
	err = proof_put_value(proof, signature);
	if (!err && json_object_set(copy, "proof", proof))
		err = -ENOMEM;
	if (!err)
		*secured = json_incref(copy);
	return err;
}

const char *data_integrity_method(const json_t *secured)
{
	return json_string_value(json_object_get(json_object_get(secured, "proof"), "verificationMethod"));
}

/* Whatever else a proof may hold (expires, domain, challenge, nonce, previousProof) would ask for a decision
 * that nobody here takes: it is not ignored but refused. */
static int proof_check(const json_t *secured, const json_t *proof, int64_t *created)
{
	const json_t *context = json_object_get(proof, "@context");
	const char *type, *suite, *time, *method, *purpose;
	json_t *p = (json_t *)proof; /* likewise */

	if (json_unpack(p, "{s:s, s:s, s:s, s:s, s:s}", "type", &type, "cryptosuite", &suite, "created",
			&time, "verificationMethod", &method, "proofPurpose", &purpose) ||
	    json_object_size(proof) != (context ? 7 : 6))
		return -EBADMSG;
	if (strcmp(type, TYPE) != 0 || strcmp(suite, SUITE) != 0 || strcmp(purpose, PURPOSE) != 0)
		return -EBADMSG;
	if (context && !json_equal(context, json_object_get(secured, "@context")))
		return -EBADMSG;
	return date_time_parse(time, created);
}

static int proof_verify(const json_t *secured, const json_t *proof, const struct public_key *key)
{
	json_auto_t *document = json_copy((json_t *)secured), *options = json_copy((json_t *)proof);
	unsigned char hash[2 * HASH_BYTES], signature[KEY_SIGN_BYTES];
	int err = proof_get_value(proof, signature);

	if (err)
		return err;
	if (!document || !options)
		return -ENOMEM;
	json_object_del(document, "proof");
	json_object_del(options, "proofValue");
	err = proof_hash(options, document, hash);
	if (err)
		return err == -ENOMEM ? err : -EBADMSG;
	return key_verify(key, hash, sizeof(hash), signature);
}

int data_integrity_verify(const json_t *secured, const struct public_key *key, int64_t *created)
{
	const json_t *proof = json_object_get(secured, "proof");
	int64_t time;
	int err = proof_check(secured, proof, &time);

	if (!err)
		err = proof_verify(secured, proof, key);
	if (!err)
		*created = time;
	return err;
}
