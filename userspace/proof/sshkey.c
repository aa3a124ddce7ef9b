/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proof/base64.h"
#include "proof/sshkey_private.h"

#define APPLICATION	"ssh:"
#define APPLICATION_MAX 1024u /* bytes */
#define RSA_EXPONENT	8u    /* bytes: a longer one only takes the verifier's time */

/* Digests of a curve: RFC 5656 section 6.2.1. */
static const struct sshkey_kind kinds[] = {
	{"ssh-ed25519", SSHKEY_ED25519, false, NULL, NULL, 32, NULL},
	{"sk-ssh-ed25519@openssh.com", SSHKEY_ED25519, true, NULL, NULL, 32, NULL},
	{"ecdsa-sha2-nistp256", SSHKEY_ECDSA, false, "nistp256", "P-256", 32, EVP_sha256},
	{"ecdsa-sha2-nistp384", SSHKEY_ECDSA, false, "nistp384", "P-384", 48, EVP_sha384},
	{"ecdsa-sha2-nistp521", SSHKEY_ECDSA, false, "nistp521", "P-521", 66, EVP_sha512},
	{"sk-ecdsa-sha2-nistp256@openssh.com", SSHKEY_ECDSA, true, "nistp256", "P-256", 32, EVP_sha256},
	{"ssh-rsa", SSHKEY_RSA, false, NULL, NULL, 0, NULL},
};

static void pkey_ctx_clear(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
	ERR_clear_error();
}
#define _cleanup_pkey_ctx_ __attribute__((cleanup(pkey_ctx_clear)))

static int pkey_make(const char *algorithm, OSSL_PARAM *params, EVP_PKEY **pkey)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	EVP_PKEY *p = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1)
		return -EIO;
	if (EVP_PKEY_fromdata(ctx, &p, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return -EBADMSG;
	*pkey = p;
	return 0;
}

/* On the curve, not the point at infinity, and of the curve's order. */
static int pkey_check(EVP_PKEY *pkey)
{
	_cleanup_pkey_ctx_ EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (!ctx)
		return -ENOMEM;
	return EVP_PKEY_public_check(ctx) == 1 ? 0 : -EBADMSG;
}

/* A point outside of the main subgroup, or spelt otherwise than RFC 8032 section 5.1.2 does, is nobody's key:
 * under some of them one signature fits many messages. */
static int take_ed25519(struct sshkey *key, struct octets *from)
{
	struct octets point;

	if (wire_string(from, &point) || point.size != key->kind->size ||
	    crypto_core_ed25519_is_valid_point(point.bytes) != 1)
		return -EBADMSG;
	key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point.bytes, point.size);
	return key->pkey ? 0 : -EIO;
}

/* Uncompressed only: RFC 5656 section 3.1 allows more, OpenSSH does not. */
static int take_ecdsa(struct sshkey *key, struct octets *from)
{
	const struct sshkey_kind *k = key->kind;
	struct octets curve, point;
	OSSL_PARAM params[3];
	int err;

	if (wire_string(from, &curve) || !span_is(&curve, k->curve) || wire_string(from, &point) ||
	    point.size != 1 + 2 * k->size || point.bytes[0] != 0x04)
		return -EBADMSG;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)k->group, 0);
	params[1] =
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point.bytes, point.size);
	params[2] = OSSL_PARAM_construct_end();
	err = pkey_make("EC", params, &key->pkey);
	return err ? err : pkey_check(key->pkey);
}

static int rsa_make(struct octets e, struct octets n, EVP_PKEY **pkey)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *bn_e = BN_bin2bn(e.bytes, (int)e.size, NULL), *bn_n = BN_bin2bn(n.bytes, (int)n.size, NULL);
	OSSL_PARAM *params = NULL;
	int err = -ENOMEM;

	if (build && bn_e && bn_n && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, bn_e) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn_n))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params)
		err = pkey_make("RSA", params, pkey);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(bn_e);
	BN_free(bn_n);
	return err;
}

static size_t bits(struct octets number)
{
	size_t n = number.size * 8;

	for (uint8_t top = number.bytes[0]; !(top & 0x80); top = (uint8_t)(top << 1))
		n--;
	return n;
}

static int take_rsa(struct sshkey *key, struct octets *from)
{
	struct octets e, n;

	if (wire_mpint(from, &e) || wire_mpint(from, &n))
		return -EBADMSG;
	if (bits(n) < SSHKEY_RSA_BITS_MIN || bits(n) > SSHKEY_RSA_BITS_MAX)
		return -ERANGE;
	/* Both are odd of every key that there is, and with an exponent of 1 everything is a signature. */
	if (e.size > RSA_EXPONENT || bits(e) < 2 || !(e.bytes[e.size - 1] & 1) || !(n.bytes[n.size - 1] & 1))
		return -EBADMSG;
	return rsa_make(e, n, &key->pkey);
}

/* The application says what a token's key is for. Of one that is for the web, web sites get signatures. */
static int take_application(struct sshkey *key, struct octets *from)
{
	struct octets s;

	if (wire_string(from, &s) || s.size > APPLICATION_MAX)
		return -EBADMSG;
	if (s.size < strlen(APPLICATION) || memcmp(s.bytes, APPLICATION, strlen(APPLICATION)) != 0)
		return -EINVAL;
	crypto_hash_sha256(key->application, s.bytes, s.size);
	return 0;
}

static int take_key(struct sshkey *key, struct octets *from)
{
	static int (*const takers[])(struct sshkey *key, struct octets *from) = {
		[SSHKEY_ED25519] = take_ed25519, [SSHKEY_ECDSA] = take_ecdsa, [SSHKEY_RSA] = take_rsa};
	int err = takers[key->kind->family](key, from);

	if (!err && key->kind->token)
		err = take_application(key, from);
	return err ? err : wire_end(from);
}

static const struct sshkey_kind *kind_find(const struct octets *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static void fingerprint(struct sshkey *key)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	const size_t prefix = strlen("SHA256:");

	crypto_hash_sha256(hash, key->blob, key->size);
	memcpy(key->fingerprint, "SHA256:", prefix);
	sodium_bin2base64(key->fingerprint + prefix, sizeof(key->fingerprint) - prefix, hash, sizeof(hash),
			  sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
}

int sshkey_parse(const void *blob, size_t size, struct sshkey **key)
{
	struct octets from = {blob, size}, name;
	const struct sshkey_kind *kind;
	struct sshkey *k;
	int err;

	if (size > SSHKEY_BLOB_MAX || wire_string(&from, &name))
		return -EBADMSG;
	kind = kind_find(&name);
	if (!kind)
		return -EPROTONOSUPPORT;
	k = calloc(1, sizeof(*k) + size);
	if (!k)
		return -ENOMEM;
	k->kind = kind;
	k->size = size;
	memcpy(k->blob, blob, size);
	fingerprint(k);
	err = take_key(k, &from);
	if (err) {
		sshkey_free(k);
		return err;
	}
	*key = k;
	return 0;
}

static size_t word_length(const char *text, const char *end)
{
	const char *p = text;

	while (p < end && *p && !strchr(" \t\r\n", *p))
		p++;
	return (size_t)(p - text);
}

int sshkey_parse_line(const char *line, size_t len, struct sshkey **key)
{
	const char *end = line + len, *b64;
	struct octets name = {(const uint8_t *)line, word_length(line, end)};
	uint8_t blob[SSHKEY_BLOB_MAX];
	struct sshkey *k;
	size_t size;
	int err;

	if (!name.size)
		return -EBADMSG;
	if (!kind_find(&name))
		return -EPROTONOSUPPORT;
	for (b64 = line + name.size; b64 < end && (*b64 == ' ' || *b64 == '\t'); b64++)
		;
	if (base64_decode(b64, word_length(b64, end), NULL, blob, sizeof(blob), &size))
		return -EBADMSG;
	err = sshkey_parse(blob, size, &k);
	if (err)
		return err;
	if (!span_is(&name, k->kind->name)) {
		sshkey_free(k);
		return -EBADMSG;
	}
	*key = k;
	return 0;
}

void sshkey_free(struct sshkey *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

const char *sshkey_type(const struct sshkey *key)
{
	return key->kind->name;
}

const char *sshkey_fingerprint(const struct sshkey *key)
{
	return key->fingerprint;
}

bool sshkey_is_token(const struct sshkey *key)
{
	return key->kind->token;
}

bool sshkey_is_rsa(const struct sshkey *key)
{
	return key->kind->family == SSHKEY_RSA;
}

struct octets sshkey_blob(const struct sshkey *key)
{
	return (struct octets){key->blob, key->size};
}

bool sshkey_equal(const struct sshkey *a, const struct sshkey *b)
{
	const struct octets x = sshkey_blob(a), y = sshkey_blob(b);

	return span_equal(&x, &y);
}
