/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys as JOSE names them (RFC 8037). A key's name, its kid, is its RFC 7638 thumbprint, so that a
 * name cannot be given to another key. sodium_init() must have been called before anything here.
 */
#ifndef DEPUTY_KEY_H
#define DEPUTY_KEY_H

#include <jansson.h>
#include <stddef.h>

#define KEY_SEED_BYTES	 32 /* RFC 8032: the private key */
#define KEY_PUBLIC_BYTES 32
#define KEY_SIGN_BYTES	 64
#define KID_BYTES	 44 /* base64url of 32 bytes, and NUL */

struct public_key {
	unsigned char bytes[KEY_PUBLIC_BYTES];
	char kid[KID_BYTES];
};

struct secret_key;

/* From a seed, which stays the caller's to wipe. The key lies in locked (best effort), undumpable memory.
 * -ENOMEM. Ended by key_free(), which wipes it. */
int key_from_seed(const unsigned char seed[KEY_SEED_BYTES], struct secret_key **key);
/*
 * The key of a grant's holder, from the host's and the grant's id: the same each time, so that it is kept
 * nowhere, and no agent has a secret to lose. The child's key tells nothing of the host's. -ENOMEM.
 */
int key_derive(const struct secret_key *root, const char *grant_id, struct secret_key **key);
/* The seed that the key was made from; the caller wipes it. */
void key_seed(const struct secret_key *key, unsigned char seed[KEY_SEED_BYTES]);
void key_free(struct secret_key *key);

const struct public_key *key_public(const struct secret_key *key);
/* Fills in the kid. */
void key_from_public(const unsigned char bytes[KEY_PUBLIC_BYTES], struct public_key *key);

void key_sign(const struct secret_key *key, const void *msg, size_t size,
	      unsigned char signature[KEY_SIGN_BYTES]);
/* -EKEYREJECTED: the signature is not this key's over this message. */
int key_verify(const struct public_key *key, const void *msg, size_t size,
	       const unsigned char signature[KEY_SIGN_BYTES]);

/* As JWK (RFC 7517 section 4): a new reference, NULL without memory. */
json_t *key_jwk(const struct public_key *key);
/* The JWK Set (RFC 7517 section 5) of one key; likewise. Of several: key_ring.h. */
json_t *key_set(const struct public_key *key);

#endif
