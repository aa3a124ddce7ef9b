/* SPDX-License-Identifier: Apache-2.0 */
#include "forge.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"

static const struct form {
	const char *alg, *digest, *group, *crv;
	size_t coordinate;
} forms[] = {
	{"RS256", "SHA256", NULL, NULL, 0},	   {"RS384", "SHA384", NULL, NULL, 0},
	{"RS512", "SHA512", NULL, NULL, 0},	   {"PS256", "SHA256", NULL, NULL, 0},
	{"PS384", "SHA384", NULL, NULL, 0},	   {"PS512", "SHA512", NULL, NULL, 0},
	{"ES256", "SHA256", "P-256", "P-256", 32}, {"ES384", "SHA384", "P-384", "P-384", 48},
	{"ES512", "SHA512", "P-521", "P-521", 66}, {"EdDSA", NULL, NULL, "Ed25519", 32},
};

static void must(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "forge: %s\n", what);
		abort();
	}
}

static const struct form *form_of(const char *alg)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(forms[i].alg, alg) == 0)
			return &forms[i];
	must(0, alg);
	return NULL;
}

EVP_PKEY *forge_new_key(const char *alg, unsigned bits)
{
	const struct form *f = form_of(alg);
	EVP_PKEY *key;

	if (f->group)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", f->group);
	else if (f->digest)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)(bits ?: 2048));
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	must(!!key, "no key");
	return key;
}

static struct {
	const char *kind;
	EVP_PKEY *key;
} kept[8];

EVP_PKEY *forge_key(const char *alg)
{
	const struct form *f = form_of(alg);
	const char *kind = f->crv ?: "RSA";
	size_t i;

	for (i = 0; kept[i].kind; i++)
		if (strcmp(kept[i].kind, kind) == 0)
			return kept[i].key;
	kept[i].kind = kind;
	kept[i].key = forge_new_key(alg, 0);
	return kept[i].key;
}

void forge_free_keys(void)
{
	for (size_t i = 0; kept[i].kind; i++) {
		EVP_PKEY_free(kept[i].key);
		kept[i].kind = NULL;
	}
}

int forge_teardown(void **state)
{
	(void)state;
	forge_free_keys();
	return 0;
}

static void set_part(json_t *jwk, const char *name, const unsigned char *bytes, size_t size)
{
	char text[2048];

	base64url_encode(bytes, size, text);
	json_object_set_new(jwk, name, json_string(text));
}

static void set_number(json_t *jwk, const char *name, EVP_PKEY *key, const char *param)
{
	unsigned char bytes[1024];
	BIGNUM *n = NULL;

	must(EVP_PKEY_get_bn_param(key, param, &n), param);
	set_part(jwk, name, bytes, (size_t)BN_bn2bin(n, bytes));
	BN_free(n);
}

static void set_point(json_t *jwk, EVP_PKEY *key, const struct form *f)
{
	unsigned char point[256];
	size_t size;

	must(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed"),
	     "format");
	must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point),
					     &size) &&
		     size == 1 + 2 * f->coordinate,
	     "point");
	set_part(jwk, "x", point + 1, f->coordinate);
	set_part(jwk, "y", point + 1 + f->coordinate, f->coordinate);
}

json_t *forge_jwk(EVP_PKEY *key)
{
	static const char *const by_bits[][2] = {{"256", "ES256"}, {"384", "ES384"}, {"521", "ES512"}};
	unsigned char raw[32];
	size_t size = sizeof(raw);
	json_t *jwk;

	if (EVP_PKEY_is_a(key, "RSA")) {
		jwk = json_pack("{s:s}", "kty", "RSA");
		set_number(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N);
		set_number(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E);
		return jwk;
	}
	if (EVP_PKEY_is_a(key, "ED25519")) {
		jwk = json_pack("{s:s, s:s}", "kty", "OKP", "crv", "Ed25519");
		must(EVP_PKEY_get_raw_public_key(key, raw, &size), "raw key");
		set_part(jwk, "x", raw, size);
		return jwk;
	}
	for (size_t i = 0; i < 3; i++) {
		const struct form *f = form_of(by_bits[i][1]);

		if (EVP_PKEY_get_bits(key) != atoi(by_bits[i][0]))
			continue;
		jwk = json_pack("{s:s, s:s}", "kty", "EC", "crv", f->crv);
		set_point(jwk, key, f);
		return jwk;
	}
	must(0, "unknown key");
	return NULL;
}

char *forge_set(EVP_PKEY *key, const char *kid, const char *alg)
{
	json_t *jwk = forge_jwk(key), *set;
	char *text;

	if (kid)
		json_object_set_new(jwk, "kid", json_string(kid));
	if (alg)
		json_object_set_new(jwk, "alg", json_string(alg));
	set = json_pack("{s:[o]}", "keys", jwk);
	text = json_dumps(set, 0);
	json_decref(set);
	return text;
}

static size_t der_to_raw(const unsigned char *der, size_t len, size_t coordinate, unsigned char *raw)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)coordinate) > 0 &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + coordinate, (int)coordinate) > 0,
	     "der");
	ECDSA_SIG_free(sig);
	return 2 * coordinate;
}

size_t forge_sign(EVP_PKEY *key, const char *alg, const char *text, size_t len, unsigned char *sig)
{
	const struct form *f = form_of(alg);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char der[1024];
	size_t size = sizeof(der);
	EVP_PKEY_CTX *ctx;

	must(EVP_DigestSignInit_ex(md, &ctx, f->digest, NULL, NULL, key, NULL), "sign");
	if (alg[0] == 'P')
		must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
			     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0,
		     "pss");
	must(EVP_DigestSign(md, der, &size, (const unsigned char *)text, len), "sign");
	EVP_MD_CTX_free(md);
	if (f->group)
		return der_to_raw(der, size, f->coordinate, sig);
	memcpy(sig, der, size);
	return size;
}

static size_t join(const char *header, const char *payload, char **text)
{
	size_t h = strlen(header), p = strlen(payload), n;

	*text = malloc(BASE64URL_LEN(h) + BASE64URL_LEN(p) + 1024 * 2);
	n = base64url_encode(header, h, *text);
	(*text)[n++] = '.';
	return n + base64url_encode(payload, p, *text + n);
}

char *forge_join(const char *header, const char *payload, const unsigned char *sig, size_t sig_len)
{
	char *text;
	size_t n = join(header, payload, &text);

	text[n++] = '.';
	base64url_encode(sig, sig_len, text + n);
	return text;
}

char *forge_jws(EVP_PKEY *key, const char *alg, const char *header, const char *payload)
{
	unsigned char sig[1024];
	char *text;
	size_t n = join(header, payload, &text), size = forge_sign(key, alg, text, n, sig);

	text[n++] = '.';
	base64url_encode(sig, size, text + n);
	return text;
}
