/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dpop_make.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "token/base64url.h"
#include "token/hash.h"
#include "token/jws.h"

#define JTI_BYTES 16

/* Nobody is asked for a passphrase: this is for programs. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int pem_seed(FILE *file, unsigned char seed[KEY_SEED_BYTES])
{
	EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
	size_t size = KEY_SEED_BYTES;
	bool good = pkey && EVP_PKEY_is_a(pkey, "ED25519") &&
		    EVP_PKEY_get_raw_private_key(pkey, seed, &size) > 0 && size == KEY_SEED_BYTES;

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good ? 0 : -EBADMSG;
}

int dpop_key(const char *path, struct secret_key **key)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	unsigned char seed[KEY_SEED_BYTES];
	int err = file ? pem_seed(file, seed) : -errno;

	if (!err)
		err = key_from_seed(seed, key);
	sodium_memzero(seed, sizeof(seed));
	return err;
}

static int token_hash(const char *token, char ath[BASE64URL_LEN(HASH_BYTES) + 1])
{
	unsigned char hash[HASH_BYTES];
	int err = hash_sha256(token, strlen(token), hash);

	if (!err)
		base64url_encode(hash, sizeof(hash), ath);
	return err;
}

static json_t *proof_claims(const char *method, const char *uri, const char *nonce, const char *token)
{
	char jti[BASE64URL_LEN(JTI_BYTES) + 1], ath[BASE64URL_LEN(HASH_BYTES) + 1];
	unsigned char bytes[JTI_BYTES];
	bool with_token = token && *token;

	randombytes_buf(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), jti);
	if (with_token && token_hash(token, ath))
		return NULL;
	return json_pack("{s:s, s:I, s:s, s:s, s:s*, s:s*}", "jti", jti, "iat", (json_int_t)time(NULL), "htm",
			 method, "htu", uri, "nonce", nonce && *nonce ? nonce : NULL, "ath",
			 with_token ? ath : NULL);
}

int dpop_make(const struct secret_key *key, const char *method, const char *uri, const char *nonce,
	      const char *token, char **proof)
{
	json_auto_t *header = json_pack("{s:s, s:s, s:o}", "alg", "EdDSA", "typ", "dpop+jwt", "jwk",
					key_jwk(key_public(key)));
	json_auto_t *claims = proof_claims(method, uri, nonce, token);
	_cleanup_free_ char *head = json_dumps(header, JSON_COMPACT),
			    *body = json_dumps(claims, JSON_COMPACT);

	if (!head || !body)
		return -ENOMEM;
	return jws_sign(key, head, strlen(head), body, strlen(body), proof);
}
