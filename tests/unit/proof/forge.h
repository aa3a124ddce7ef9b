/* SPDX-License-Identifier: Apache-2.0 */
/* Keys made by OpenSSL, their JWKs, and JWS signed with them, well or badly. */
#ifndef DEPUTY_FORGE_H
#define DEPUTY_FORGE_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stddef.h>

/* A new key for an algorithm of JWS; kept and given again for the same kind. */
EVP_PKEY *forge_key(const char *alg);
/* Another one of this kind, or NULL and `bits` of an RSA key. The caller frees it. */
EVP_PKEY *forge_new_key(const char *alg, unsigned bits);
void forge_free_keys(void);
/* The same for cmocka. */
int forge_teardown(void **state);

/* The public JWK, without kid, alg or use; a new reference. */
json_t *forge_jwk(EVP_PKEY *key);
/* A JWK Set's text of one key with this kid and alg (NULL: without). The caller frees it. */
char *forge_set(EVP_PKEY *key, const char *kid, const char *alg);

/* The signature that JWS wants; its size. `sig` has room for 1024 bytes. */
size_t forge_sign(EVP_PKEY *key, const char *alg, const char *text, size_t len, unsigned char *sig);
/* HEADER.PAYLOAD.SIGNATURE of raw bytes. The caller frees it. */
char *forge_jws(EVP_PKEY *key, const char *alg, const char *header, const char *payload);
/* The same with a signature of the caller's. */
char *forge_join(const char *header, const char *payload, const unsigned char *sig, size_t sig_len);

#endif
