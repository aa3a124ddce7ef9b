/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/jws_verify.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "token/base64url.h"

#define ES_MAX 66 /* bytes of a coordinate of P-521 */

static void free_md(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void free_ecdsa(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

#define _cleanup_md_	__attribute__((cleanup(free_md)))
#define _cleanup_ecdsa_ __attribute__((cleanup(free_ecdsa)))

/* ---- the signature ---- */

/* r and s side by side (RFC 7518 section 3.4) to DER. Whether they are within 1..n-1 OpenSSL checks. -1: no.
 */
static int ecdsa_to_der(const unsigned char *signature, size_t coordinate, unsigned char **der)
{
	_cleanup_ecdsa_ ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, (int)coordinate, NULL);
	BIGNUM *s = BN_bin2bn(signature + coordinate, (int)coordinate, NULL);

	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	return i2d_ECDSA_SIG(sig, der);
}

/* RFC 7518 section 3.5: MGF1 with the same hash, and a salt of its length, exactly. */
static bool verify_sets_padding(EVP_PKEY_CTX *ctx, const struct jws_alg *alg)
{
	if (alg->kind != JWK_RSA)
		return true;
	if (!alg->pss)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, alg->digest, NULL) > 0;
}

static bool verify_bytes(const struct jws_alg *alg, EVP_PKEY *pkey, const void *msg, size_t size,
			 const unsigned char *signature, size_t signature_len)
{
	_cleanup_md_ EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL; /* md's */
	bool good = md && EVP_DigestVerifyInit_ex(md, &ctx, alg->digest, NULL, NULL, pkey, NULL) > 0 &&
		    verify_sets_padding(ctx, alg) &&
		    EVP_DigestVerify(md, signature, signature_len, msg, size) == 1;

	ERR_clear_error();
	return good;
}

static size_t signature_size(const struct jws_alg *alg, const EVP_PKEY *pkey)
{
	/* EVP_PKEY_get_size() is the modulus' of RSA, 64 of Ed25519, but the largest DER's of ECDSA. */
	return alg->coordinate ? 2 * alg->coordinate : (size_t)EVP_PKEY_get_size(pkey);
}

bool jws_verify_raw(const struct jws_alg *alg, EVP_PKEY *pkey, const void *msg, size_t size,
		    const unsigned char *signature, size_t signature_len)
{
	unsigned char *der = NULL;
	bool good;
	int len;

	if (signature_len != signature_size(alg, pkey))
		return false;
	if (!alg->coordinate)
		return verify_bytes(alg, pkey, msg, size, signature, signature_len);
	len = ecdsa_to_der(signature, alg->coordinate, &der);
	good = len > 0 && verify_bytes(alg, pkey, msg, size, der, (size_t)len);
	OPENSSL_free(der);
	return good;
}

int jws_verify(const struct jws_open *jws, const struct jwk *key, struct why *why)
{
	/* Two names of one algorithm (RFC 9864) are two to a key that asks for one: it is pinned to a name.
	 */
	if (jws->alg->kind != key->kind || (key->alg && key->alg != jws->alg))
		return why_set(why, -EKEYREJECTED, "%s is not what this key is for", jws->alg->name);
	if (!jws_verify_raw(jws->alg, key->pkey, jws->text, jws->signed_len, jws->signature,
			    jws->signature_len))
		return why_set(why, -EKEYREJECTED, "the signature is not this key's");
	return 0;
}

/* ---- the header ---- */

bool jws_typ_is(const char *typ, const char *type)
{
	static const char prefix[] = "application/";

	if (strncasecmp(typ, prefix, strlen(prefix)) == 0)
		typ += strlen(prefix);
	return strcasecmp(typ, type) == 0;
}

/* RFC 7515 sections 4.1.2 to 4.1.6, 4.1.10, 4.1.11; RFC 7797 section 3; RFC 7516 section 4.1. */
static int header_refuses(const json_t *header, bool with_jwk, struct why *why)
{
	static const char *const members[] = {"crit", "b64", "jku", "x5u", "x5c", "zip", "cty", "enc", "epk"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_get(header, members[i]))
			return why_set(why, -EBADMSG, "a header with `%s`", members[i]);
	if (!with_jwk && json_object_get(header, "jwk"))
		return why_set(why, -EBADMSG, "a header with `jwk`");
	return 0;
}

/* A member that is there is a string of at least one character. */
static int header_text(const json_t *header, const char *name, const char **text, struct why *why)
{
	const json_t *v = json_object_get(header, name);

	if (v && (!json_is_string(v) || !json_string_length(v)))
		return why_set(why, -EBADMSG, "a header whose `%s` is no text", name);
	*text = json_string_value(v);
	return 0;
}

static int header_read(const json_t *header, bool with_jwk, struct jws_open *jws, struct why *why)
{
	const char *alg;
	int err;

	if (!json_is_object(header))
		return why_set(why, -EBADMSG, "a header that is no JSON object");
	err = header_refuses(header, with_jwk, why);
	if (!err)
		err = header_text(header, "alg", &alg, why);
	if (!err)
		err = header_text(header, "kid", &jws->kid, why);
	if (!err)
		err = header_text(header, "typ", &jws->typ, why);
	if (err)
		return err;
	jws->alg = alg ? jws_alg_find(alg) : NULL;
	return jws->alg ? 0 : why_set(why, -ENOTSUP, "an `alg` that we do not verify");
}

/* ---- the form ---- */

static int part_decode(const char *text, size_t len, char **bytes, size_t *size)
{
	char *b = malloc(len + 1);
	int err = b ? base64url_decode(text, len, b, len, size) : -ENOMEM;

	if (err) {
		free(b);
		return err;
	}
	b[*size] = '\0';
	*bytes = b;
	return 0;
}

static int open_header(const char *text, size_t len, bool with_jwk, struct jws_open *jws, struct why *why)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	int err;

	if (len > BASE64URL_LEN(JWS_HEADER_MAX))
		return why_set(why, -EMSGSIZE, "a header of more than %u bytes", JWS_HEADER_MAX);
	err = part_decode(text, len, &bytes, &size);
	if (err)
		return why_set(why, err, "a header that is not base64url in its one form");
	jws->header = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	return header_read(jws->header, with_jwk, jws, why);
}

static int open_parts(const char *dot[2], size_t len, struct jws_open *jws, struct why *why)
{
	const char *payload = dot[0] + 1, *signature = dot[1] + 1;
	int err;

	/* A third dot is outside the alphabet, so it fails as part of the signature. */
	err = base64url_decode(signature, (size_t)(jws->text + len - signature), jws->signature,
			       sizeof(jws->signature), &jws->signature_len);
	if (err)
		return why_set(why, -EBADMSG, "a signature that is not base64url in its one form");
	err = part_decode(payload, (size_t)(dot[1] - payload), &jws->payload, &jws->payload_len);
	return err ? why_set(why, err, "a payload that is not base64url in its one form") : 0;
}

int jws_open(const char *text, size_t len, bool with_jwk, struct jws_open *jws, struct why *why)
{
	struct jws_open j = {.text = text};
	const char *dot[2];
	int err;

	if (len > JWS_TEXT_MAX)
		return why_set(why, -EMSGSIZE, "longer than %u bytes", JWS_TEXT_MAX);
	dot[0] = memchr(text, '.', len);
	dot[1] = dot[0] ? memchr(dot[0] + 1, '.', (size_t)(text + len - dot[0] - 1)) : NULL;
	if (!dot[1])
		return why_set(why, -EBADMSG, "not three parts");
	j.signed_len = (size_t)(dot[1] - text);
	err = open_header(text, (size_t)(dot[0] - text), with_jwk, &j, why);
	if (!err)
		err = open_parts(dot, len, &j, why);
	if (err) {
		jws_open_free(&j);
		return err;
	}
	*jws = j;
	return 0;
}

void jws_open_free(struct jws_open *jws)
{
	json_decref(jws->header);
	free(jws->payload);
	*jws = (struct jws_open){0};
}
