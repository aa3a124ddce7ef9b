/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <sodium.h>
#include <string.h>

#include "proof/sshkey_private.h"

#define ED25519_SIGNATURE 64u
/* SEQUENCE of two INTEGERs of at most 66 bytes and a sign byte, each with its header. */
#define DER_MAX 160

/* Bits of an authenticator's flags (WebAuthn level 2, section 6.1). */
#define FLAG_USER_PRESENT  0x01
#define FLAG_USER_VERIFIED 0x04

/* The algorithms that a signature may name: RFC 8332 section 3 for RSA, where a key has more than one; any
 * other key's is called what its type is. */
static const struct rsa_algorithm {
	const char *name;
	const EVP_MD *(*digest)(void);
} rsa_algorithms[] = {
	{"rsa-sha2-256", EVP_sha256},
	{"rsa-sha2-512", EVP_sha512},
};

static void md_ctx_clear(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
	ERR_clear_error();
}

static int pkey_verify(EVP_PKEY *pkey, const EVP_MD *digest, struct octets signature, struct octets message)
{
	__attribute__((cleanup(md_ctx_clear))) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(ctx, NULL, digest, NULL, pkey) != 1)
		return -EIO;
	if (EVP_DigestVerify(ctx, signature.bytes, signature.size, message.bytes, message.size) != 1)
		return -EKEYREJECTED;
	return 0;
}

/* RFC 5656 section 3.1.2 has two mpints where OpenSSL has DER. */
static int ecdsa_der(struct octets signature, size_t size, uint8_t der[DER_MAX], size_t *der_size)
{
	struct octets r, s;
	BIGNUM *bn_r, *bn_s;
	ECDSA_SIG *sig;
	uint8_t *end = der;
	int n = -1;

	if (wire_mpint(&signature, &r) || wire_mpint(&signature, &s) || wire_end(&signature) ||
	    r.size > size || s.size > size)
		return -EBADMSG;
	sig = ECDSA_SIG_new();
	bn_r = BN_bin2bn(r.bytes, (int)r.size, NULL);
	bn_s = BN_bin2bn(s.bytes, (int)s.size, NULL);
	if (sig && bn_r && bn_s && ECDSA_SIG_set0(sig, bn_r, bn_s)) {
		bn_r = bn_s = NULL; /* the signature's */
		n = i2d_ECDSA_SIG(sig, NULL) <= DER_MAX ? i2d_ECDSA_SIG(sig, &end) : -1;
	}
	BN_free(bn_r);
	BN_free(bn_s);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return -ENOMEM;
	*der_size = (size_t)n;
	return 0;
}

static int verify_ecdsa(const struct sshkey *key, struct octets signature, struct octets message)
{
	uint8_t der[DER_MAX];
	size_t size;
	int err = ecdsa_der(signature, key->kind->size, der, &size);

	return err ? err : pkey_verify(key->pkey, key->kind->digest(), (struct octets){der, size}, message);
}

static int verify_ed25519(const struct sshkey *key, struct octets signature, struct octets message)
{
	if (signature.size != ED25519_SIGNATURE)
		return -EBADMSG;
	return pkey_verify(key->pkey, NULL, signature, message);
}

static int verify_rsa(const struct sshkey *key, const struct octets *algorithm, struct octets signature,
		      struct octets message)
{
	for (size_t i = 0; i < sizeof(rsa_algorithms) / sizeof(rsa_algorithms[0]); i++) {
		if (!span_is(algorithm, rsa_algorithms[i].name))
			continue;
		/* RFC 8017 section 8.2.2: of the modulus' length, or no signature. */
		if (signature.size != (size_t)EVP_PKEY_get_size(key->pkey))
			return -EBADMSG;
		return pkey_verify(key->pkey, rsa_algorithms[i].digest(), signature, message);
	}
	return -EPROTONOSUPPORT;
}

/* One that does not say its name has been made for something else. */
static int verify_named(const struct sshkey *key, const struct octets *algorithm, struct octets signature,
			struct octets message)
{
	if (key->kind->family == SSHKEY_RSA)
		return verify_rsa(key, algorithm, signature, message);
	if (!span_is(algorithm, key->kind->name))
		return -EBADMSG;
	return key->kind->family == SSHKEY_ECDSA ? verify_ecdsa(key, signature, message)
						 : verify_ed25519(key, signature, message);
}

/* A token signs hashes and its own flags and counter between them (PROTOCOL.u2f, "SSH U2F Signatures"). */
static int verify_token(const struct sshkey *key, const struct octets *algorithm, struct octets signature,
			struct octets message, uint8_t flags, uint32_t counter)
{
	uint8_t bytes[2 * crypto_hash_sha256_BYTES + 5], hash[crypto_hash_sha256_BYTES];
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};

	crypto_hash_sha256(hash, message.bytes, message.size);
	wire_put_bytes(&to, key->application, sizeof(key->application));
	wire_put_u8(&to, flags);
	wire_put_u32(&to, counter);
	wire_put_bytes(&to, hash, sizeof(hash));
	return verify_named(key, algorithm, signature, (struct octets){bytes, to.used});
}

int sshkey_verify(const struct sshkey *key, struct octets signature, struct octets message,
		  struct sshkey_touch *touch)
{
	struct octets algorithm, bytes;
	struct sshkey_touch t = {.token = key->kind->token};
	uint8_t flags = 0;
	int err;

	if (wire_string(&signature, &algorithm) || wire_string(&signature, &bytes))
		return -EBADMSG;
	if (t.token && (wire_u8(&signature, &flags) || wire_u32(&signature, &t.counter)))
		return -EBADMSG;
	if (wire_end(&signature))
		return -EBADMSG;
	err = t.token ? verify_token(key, &algorithm, bytes, message, flags, t.counter)
		      : verify_named(key, &algorithm, bytes, message);
	if (err)
		return err;
	if (t.token && !(flags & FLAG_USER_PRESENT))
		return -EPERM;
	t.verified = flags & FLAG_USER_VERIFIED;
	*touch = t;
	return 0;
}

const char *sshkey_problem(int err)
{
	static const struct {
		int err;
		const char *text;
	} problems[] = {
		{-EPROTONOSUPPORT,
		 "a type of key or signature that is not taken (certificates, DSA and SHA-1 are not)"},
		{-EBADMSG, "not in the form that OpenSSH writes"},
		{-ERANGE, "an RSA key of less than 2048 or more than 16384 bits"},
		{-EINVAL, "a security key that was not made for SSH (its application is not ssh:)"},
		{-EKEYREJECTED, "the signature is wrong"},
		{-EPERM, "made by a security key that nobody touched"},
		{-EMSGSIZE, "too long"},
		{-ENOTUNIQ, "made for another namespace"},
	};

	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		if (problems[i].err == err)
			return problems[i].text;
	return strerror(-err);
}
