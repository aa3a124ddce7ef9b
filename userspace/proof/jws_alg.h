/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithms of JWS that prove an owner: public keys only (RFC 7518 section 3, RFC 8037, RFC 9864). */
#ifndef DEPUTY_JWS_ALG_H
#define DEPUTY_JWS_ALG_H

#include <stdbool.h>
#include <stddef.h>

enum jwk_kind { JWK_RSA, JWK_P256, JWK_P384, JWK_P521, JWK_ED25519 };

struct jws_alg {
	const char *name;
	enum jwk_kind
		kind; /* the one kind of key that it works with (RFC 7518 section 3.4: curve included) */
	const char *digest; /* as OpenSSL names it; NULL: part of the algorithm */
	bool pss;	    /* RSASSA-PSS instead of RSASSA-PKCS1-v1_5 */
	size_t coordinate;  /* ECDSA: bytes of r and of s, else 0 */
};

/* NULL for what is not there: `none` and the symmetric ones are not. */
const struct jws_alg *jws_alg_find(const char *name);
/* Their names from 0 on; NULL: there are no more. */
const char *jws_alg_name(size_t i);

#endif
