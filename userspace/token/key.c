/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "token/base64url.h"
#include "token/hash.h"

struct secret_key {
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	struct public_key public;
};

_Static_assert(KEY_SEED_BYTES == crypto_sign_SEEDBYTES, "seed");
_Static_assert(KEY_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "public key");
_Static_assert(KEY_SIGN_BYTES == crypto_sign_BYTES, "signature");
_Static_assert(KID_BYTES == BASE64URL_LEN(crypto_hash_sha256_BYTES) + 1, "thumbprint");

/* RFC 7638 section 3: the required members only, by name, without white space; RFC 8037 section 2. */
#define JWK_BEFORE "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\""
#define JWK_AFTER  "\"}"

void key_from_public(const unsigned char bytes[KEY_PUBLIC_BYTES], struct public_key *key)
{
	char jwk[sizeof(JWK_BEFORE JWK_AFTER) + BASE64URL_LEN(KEY_PUBLIC_BYTES)] = JWK_BEFORE, *x;
	unsigned char hash[HASH_BYTES];

	memcpy(key->bytes, bytes, sizeof(key->bytes));
	x = jwk + sizeof(JWK_BEFORE) - 1;
	x += base64url_encode(bytes, KEY_PUBLIC_BYTES, x);
	memcpy(x, JWK_AFTER, sizeof(JWK_AFTER) - 1);
	/* OpenSSL's takes less than half the time, but may be configured away. */
	if (hash_sha256(jwk, sizeof(jwk) - 1, hash))
		crypto_hash_sha256(hash, (unsigned char *)jwk, sizeof(jwk) - 1);
	base64url_encode(hash, sizeof(hash), key->kid);
}

int key_from_seed(const unsigned char seed[KEY_SEED_BYTES], struct secret_key **key)
{
	unsigned char public[KEY_PUBLIC_BYTES];
	/* Guard pages around it, mlock and MADV_DONTDUMP where the host's limits allow. */
	struct secret_key *k = sodium_malloc(sizeof(*k));

	if (!k)
		return -ENOMEM;
	crypto_sign_seed_keypair(public, k->secret, seed);
	key_from_public(public, &k->public);
	*key = k;
	return 0;
}

void key_seed(const struct secret_key *key, unsigned char seed[KEY_SEED_BYTES])
{
	crypto_sign_ed25519_sk_to_seed(seed, key->secret);
}

/* BLAKE2b keyed with the seed, personalised so that its output means this and nothing else. */
int key_derive(const struct secret_key *root, const char *grant_id, struct secret_key **key)
{
	static const unsigned char use[crypto_generichash_blake2b_PERSONALBYTES] = "deputy holder 1";
	unsigned char seed[KEY_SEED_BYTES], child[KEY_SEED_BYTES];
	int err;

	key_seed(root, seed);
	err = crypto_generichash_blake2b_salt_personal(child, sizeof(child), (const unsigned char *)grant_id,
						       strlen(grant_id), seed, sizeof(seed), NULL, use)
		      ? -EINVAL
		      : key_from_seed(child, key);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(child, sizeof(child));
	return err;
}

void key_free(struct secret_key *key)
{
	sodium_free(key); /* wipes it first */
}

const struct public_key *key_public(const struct secret_key *key)
{
	return &key->public;
}

void key_sign(const struct secret_key *key, const void *msg, size_t size,
	      unsigned char signature[KEY_SIGN_BYTES])
{
	crypto_sign_detached(signature, NULL, msg, size, key->secret);
}

int key_verify(const struct public_key *key, const void *msg, size_t size,
	       const unsigned char signature[KEY_SIGN_BYTES])
{
	return crypto_sign_verify_detached(signature, msg, size, key->bytes) ? -EKEYREJECTED : 0;
}

json_t *key_jwk(const struct public_key *key)
{
	char x[BASE64URL_LEN(KEY_PUBLIC_BYTES) + 1];

	base64url_encode(key->bytes, sizeof(key->bytes), x);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "OKP", "crv", "Ed25519", "x", x, "use",
			 "sig", "alg", "EdDSA", "kid", key->kid);
}

json_t *key_set(const struct public_key *key)
{
	return json_pack("{s: [o]}", "keys", key_jwk(key));
}
