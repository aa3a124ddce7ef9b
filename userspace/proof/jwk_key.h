/* SPDX-License-Identifier: Apache-2.0 */
/* Key material to EVP_PKEY; for jwk.c alone. */
#ifndef DEPUTY_JWK_KEY_H
#define DEPUTY_JWK_KEY_H

#include "proof/jwk.h"

#define JWK_PART_MAX (JWK_RSA_BITS_MAX / 8) /* bytes of the largest member */

struct jwk_part {
	unsigned char bytes[JWK_PART_MAX];
	size_t size;
	const char *text; /* as in the JWK: base64url */
};

struct jwk_curve {
	const char *name; /* `crv` */
	enum jwk_kind kind;
	size_t size;	   /* bytes of a coordinate, exactly (RFC 7518 section 6.2.1.2, RFC 8037 section 2) */
	const char *group; /* as OpenSSL names it; NULL: Ed25519 */
};

/* NULL: one we do not know, or not of this `kty`. */
const struct jwk_curve *jwk_curve_find(const char *kty, const char *crv);

/* Each gives a key that has been checked. Errors as jwk_parse(). */
int jwk_key_rsa(const struct jwk_part *n, const struct jwk_part *e, EVP_PKEY **pkey, struct why *why);
int jwk_key_ec(const struct jwk_curve *curve, const struct jwk_part *x, const struct jwk_part *y,
	       EVP_PKEY **pkey, struct why *why);
int jwk_key_ed25519(const struct jwk_part *x, EVP_PKEY **pkey, struct why *why);

#endif
