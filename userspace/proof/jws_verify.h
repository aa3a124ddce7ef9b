/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strangers' JWS in compact serialization (RFC 7515 section 7.1), with any algorithm of jws_alg.h. Those
 * of our own tokens have one algorithm and one key: token/jws.h.
 */
#ifndef DEPUTY_JWS_VERIFY_H
#define DEPUTY_JWS_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proof/jwk.h"
#include "proof/why.h"

#define JWS_TEXT_MAX	  65536u /* bytes of one compact serialization */
#define JWS_HEADER_MAX	  8192u	 /* bytes of its header */
#define JWS_SIGNATURE_MAX (JWK_RSA_BITS_MAX / 8)

/* A JWS taken apart. The text is borrowed and must outlive it. */
struct jws_open {
	const char *text;
	size_t signed_len; /* of the text: header, dot, payload */
	json_t *header;
	const struct jws_alg *alg;
	const char *kid; /* of the header; NULL: none */
	const char *typ;
	char *payload; /* decoded, with a NUL behind it that does not count; proves nothing until verified */
	size_t payload_len;
	unsigned char signature[JWS_SIGNATURE_MAX];
	size_t signature_len;
};

/*
 * Takes a text apart and checks its form and header: an algorithm that we know, none of the members that
 * change what the rest means (crit, b64, zip, cty) or bring a key along (jwk, jku, x5u, x5c). Other members
 * are ignored, as RFC 7515 section 4 wants it. `with_jwk`: a `jwk` is allowed, for who judges it (RFC 9449).
 *   -EMSGSIZE  past the limits above
 *   -EBADMSG   not of this form
 *   -ENOTSUP   an `alg` that is not in jws_alg.h, which `none` and HS256 are not
 *   -ENOMEM
 * jws_open_free() in the end.
 */
int jws_open(const char *text, size_t len, bool with_jwk, struct jws_open *jws, struct why *why);
void jws_open_free(struct jws_open *jws);

/* Is `typ` this media type? RFC 7515 section 4.1.9: without case, and "application/" may be left out. */
bool jws_typ_is(const char *typ, const char *type);

/* -EKEYREJECTED: `alg` is not one that this key is for, or the signature is not this key's. */
int jws_verify(const struct jws_open *jws, const struct jwk *key, struct why *why);

/* The same over any bytes: what jws_verify() does once the algorithm fits. */
bool jws_verify_raw(const struct jws_alg *alg, EVP_PKEY *pkey, const void *msg, size_t size,
		    const unsigned char *signature, size_t signature_len);

#endif
