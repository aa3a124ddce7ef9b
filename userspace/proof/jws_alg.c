/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/jws_alg.h"

#include <string.h>

static const struct jws_alg algs[] = {
	{"RS256", JWK_RSA, "SHA256", false, 0},	  {"RS384", JWK_RSA, "SHA384", false, 0},
	{"RS512", JWK_RSA, "SHA512", false, 0},	  {"PS256", JWK_RSA, "SHA256", true, 0},
	{"PS384", JWK_RSA, "SHA384", true, 0},	  {"PS512", JWK_RSA, "SHA512", true, 0},
	{"ES256", JWK_P256, "SHA256", false, 32}, {"ES384", JWK_P384, "SHA384", false, 48},
	{"ES512", JWK_P521, "SHA512", false, 66}, {"EdDSA", JWK_ED25519, NULL, false, 0},
	{"Ed25519", JWK_ED25519, NULL, false, 0},
};

const struct jws_alg *jws_alg_find(const char *name)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(algs[i].name, name) == 0)
			return &algs[i];
	return NULL;
}

const char *jws_alg_name(size_t i)
{
	return i < sizeof(algs) / sizeof(algs[0]) ? algs[i].name : NULL;
}
