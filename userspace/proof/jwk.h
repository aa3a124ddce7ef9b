/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys in JSON (RFC 7517): RSA and EC as in RFC 7518 section 6, Ed25519 as in RFC 8037 section 2.
 * Only what verifies signatures is taken; everything is checked here, once, so that whoever holds a struct
 * jwk may verify with it.
 */
#ifndef DEPUTY_JWK_H
#define DEPUTY_JWK_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stddef.h>

#include "proof/jws_alg.h"
#include "proof/why.h"
#include "token/key.h"

#define JWK_RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define JWK_RSA_BITS_MAX 8192 /* a verification takes 0.3 ms, and 1.1 with an exponent of 64 bits */
#define JWK_KID_MAX	 255  /* bytes */

#define JWK_SET_TEXT_MAX 262144u /* bytes of a JWK Set */
#define JWK_SET_KEYS_MAX 64u	 /* keys in it, those that are skipped too */

struct jwk {
	EVP_PKEY *pkey;
	enum jwk_kind kind;
	const struct jws_alg *alg;  /* the only one it may be used with; NULL: whichever fits the kind */
	char *kid;		    /* NULL: none */
	char thumbprint[KID_BYTES]; /* RFC 7638, SHA-256 */
};

/*
 * One key.
 *   -EBADMSG  not a JWK, or not one that its members allow: a member missing or of another type, base64url
 *             that is not canonical, a coordinate of another length, no point of the curve, an `alg` of
 *             another kind of key
 *   -EPERM    it has private members: whoever published it gave the key away
 *   -ENOTSUP  well, but not for us: another kind, `use`, `key_ops`, `alg` or size
 *   -ENOMEM
 * jwk_free() in the end.
 */
int jwk_parse(const json_t *object, struct jwk *jwk, struct why *why);
void jwk_free(struct jwk *jwk);

struct jwk_set {
	struct jwk *keys;
	size_t count;
	size_t skipped; /* -ENOTSUP: passed over, as RFC 7517 section 5 wants it */
};

/* A JWK Set's text. -EMSGSIZE: past the limits above; -EBADMSG, -EPERM, -ENOMEM: as of any one key, which
 * fails the whole, and for a `kid` that two usable keys share. A set may come out empty. jwk_set_free() in
 * the end. */
int jwk_set_parse(const char *text, size_t len, struct jwk_set *set, struct why *why);
void jwk_set_free(struct jwk_set *set);

/* The key that a header means: by `kid`; without one the only key that there is (OpenID Connect Core
 * section 10.1). NULL: none, or it is not clear which. */
const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid);

#endif
