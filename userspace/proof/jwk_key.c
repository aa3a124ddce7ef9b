/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/jwk_key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdint.h>
#include <string.h>

static const struct jwk_curve curves[] = {
	{"P-256", JWK_P256, 32, "prime256v1"},
	{"P-384", JWK_P384, 48, "secp384r1"},
	{"P-521", JWK_P521, 66, "secp521r1"},
	{"Ed25519", JWK_ED25519, 32, NULL},
};

const struct jwk_curve *jwk_curve_find(const char *kty, const char *crv)
{
	bool ec = strcmp(kty, "EC") == 0;

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(curves[i].name, crv) == 0 && ec == !!curves[i].group)
			return &curves[i];
	return NULL;
}

static void free_bignum(BIGNUM **n)
{
	BN_free(*n);
}

static void free_build(OSSL_PARAM_BLD **b)
{
	OSSL_PARAM_BLD_free(*b);
}

static void free_params(OSSL_PARAM **p)
{
	OSSL_PARAM_free(*p);
}

static void free_context(EVP_PKEY_CTX **c)
{
	EVP_PKEY_CTX_free(*c);
}

#define _cleanup_bignum_  __attribute__((cleanup(free_bignum)))
#define _cleanup_build_	  __attribute__((cleanup(free_build)))
#define _cleanup_params_  __attribute__((cleanup(free_params)))
#define _cleanup_context_ __attribute__((cleanup(free_context)))

/* NULL: what the parameters say is no key. OpenSSL's list of errors is this thread's, and nobody reads it. */
static EVP_PKEY *key_make(const char *type, OSSL_PARAM *params)
{
	_cleanup_context_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	ERR_clear_error();
	return pkey;
}

/*
 * ROCA (CVE-2017-15361): a modulus from Infineon's library is a power of 65537 modulo each of these primes,
 * and its private key can be computed. A random modulus passes all of the tests below once in 10^8.
 */
static bool rsa_is_roca(const BIGNUM *n)
{
	static const uint16_t primes[] = {11, 13, 17,  19,  37,	 53,  61,  71, 73,
					  79, 97, 103, 107, 109, 127, 151, 157};

	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
		unsigned p = primes[i], rest = (unsigned)BN_mod_word(n, p), power = 1;

		do
			power = power * (65537 % p) % p;
		while (power != rest && power != 1);
		if (power != rest)
			return false;
	}
	return true;
}

static const char *rsa_weakness(const BIGNUM *n, const BIGNUM *e)
{
	if (BN_num_bits(n) < JWK_RSA_BITS_MIN)
		return "an RSA key of less than 2048 bits";
	if (BN_num_bits(n) > JWK_RSA_BITS_MAX)
		return "an RSA key of more than 8192 bits";
	if (!BN_is_odd(n))
		return "an RSA modulus that is even";
	/* OpenSSL itself takes no exponent past 64 bits with a modulus past 3072. */
	if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64)
		return "an RSA exponent that is 1, even or past 64 bits";
	return rsa_is_roca(n) ? "an RSA key with the ROCA weakness" : NULL;
}

int jwk_key_rsa(const struct jwk_part *n, const struct jwk_part *e, EVP_PKEY **pkey, struct why *why)
{
	_cleanup_bignum_ BIGNUM *bn = BN_bin2bn(n->bytes, (int)n->size, NULL);
	_cleanup_bignum_ BIGNUM *be = BN_bin2bn(e->bytes, (int)e->size, NULL);
	_cleanup_build_ OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	_cleanup_params_ OSSL_PARAM *params = NULL;
	const char *weakness = bn && be ? rsa_weakness(bn, be) : NULL;

	if (weakness)
		return why_set(why, -ENOTSUP, "%s", weakness);
	if (!bn || !be || !build || !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be))
		return -ENOMEM;
	params = OSSL_PARAM_BLD_to_param(build);
	if (!params)
		return -ENOMEM;
	*pkey = key_make("RSA", params);
	return *pkey ? 0 : why_set(why, -EBADMSG, "not an RSA key");
}

/* On the curve, not at infinity, coordinates below p, and of the group's order (SP 800-56A 5.6.2.3.3). */
static bool ec_key_checks(EVP_PKEY *pkey)
{
	_cleanup_context_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool good = ctx && EVP_PKEY_public_check(ctx) == 1;

	ERR_clear_error();
	return good;
}

int jwk_key_ec(const struct jwk_curve *curve, const struct jwk_part *x, const struct jwk_part *y,
	       EVP_PKEY **pkey, struct why *why)
{
	unsigned char point[1 + 2 * 66] = {POINT_CONVERSION_UNCOMPRESSED};
	char group[16];
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->size),
		OSSL_PARAM_END,
	};
	EVP_PKEY *key;

	params[0].data_size = (size_t)snprintf(group, sizeof(group), "%s", curve->group);
	memcpy(point + 1, x->bytes, curve->size);
	memcpy(point + 1 + curve->size, y->bytes, curve->size);
	key = key_make("EC", params);
	if (!key || !ec_key_checks(key)) {
		EVP_PKEY_free(key);
		return why_set(why, -EBADMSG, "x and y are no point of the curve");
	}
	*pkey = key;
	return 0;
}

/* OpenSSL takes any 32 bytes. A point of small order verifies one signature for many messages. */
int jwk_key_ed25519(const struct jwk_part *x, EVP_PKEY **pkey, struct why *why)
{
	unsigned char bytes[crypto_core_ed25519_BYTES];
	OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes)),
		OSSL_PARAM_END,
	};

	memcpy(bytes, x->bytes, sizeof(bytes));
	if (!crypto_core_ed25519_is_valid_point(bytes))
		return why_set(why, -EBADMSG, "x is no point of the curve that a key can be");
	*pkey = key_make("ED25519", params);
	return *pkey ? 0 : -ENOMEM;
}
