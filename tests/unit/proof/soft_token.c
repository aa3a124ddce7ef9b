/* SPDX-License-Identifier: Apache-2.0 */
/* What a security token does (PROTOCOL.u2f), with a key in memory. */
#include "signing.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>

struct soft_token {
	bool ecdsa;
	const char *application;
	uint8_t secret[crypto_sign_SECRETKEYBYTES], public[crypto_sign_PUBLICKEYBYTES];
	EVP_PKEY *pkey;
};

struct soft_token *token_make(bool ecdsa, const char *application)
{
	struct soft_token *t = calloc(1, sizeof(*t));

	t->ecdsa = ecdsa;
	t->application = application;
	crypto_sign_keypair(t->public, t->secret);
	t->pkey = EVP_EC_gen("P-256");
	assert_non_null(t->pkey);
	return t;
}

void token_free(struct soft_token *t)
{
	EVP_PKEY_free(t->pkey);
	free(t);
}

static const char *token_type(const struct soft_token *t)
{
	return t->ecdsa ? "sk-ecdsa-sha2-nistp256@openssh.com" : "sk-ssh-ed25519@openssh.com";
}

size_t token_blob(const struct soft_token *t, uint8_t *blob, size_t room)
{
	struct wire_buffer to = {.bytes = blob, .room = room};
	uint8_t point[65];
	size_t size;

	wire_put_string(&to, token_type(t), strlen(token_type(t)));
	if (t->ecdsa) {
		assert_int_equal(EVP_PKEY_get_octet_string_param(t->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
								 sizeof(point), &size),
				 1);
		wire_put_string(&to, "nistp256", 8);
		wire_put_string(&to, point, size);
	} else {
		wire_put_string(&to, t->public, sizeof(t->public));
	}
	wire_put_string(&to, t->application, strlen(t->application));
	assert_false(to.full);
	return to.used;
}

static void put_mpint(struct wire_buffer *to, const BIGNUM *n)
{
	uint8_t bytes[34] = {0};
	int size = BN_bn2bin(n, bytes + 1);

	if (bytes[1] & 0x80)
		wire_put_string(to, bytes, (size_t)size + 1);
	else
		wire_put_string(to, bytes + 1, (size_t)size);
}

static void sign_ecdsa(const struct soft_token *t, struct octets data, struct wire_buffer *to)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[80], both[80];
	const uint8_t *p = der;
	struct wire_buffer rs = {.bytes = both, .room = sizeof(both)};
	size_t size = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, t->pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &size, data.bytes, data.size), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)size);
	put_mpint(&rs, ECDSA_SIG_get0_r(sig));
	put_mpint(&rs, ECDSA_SIG_get0_s(sig));
	wire_put_string(to, both, rs.used);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

static void sign_ed25519(const struct soft_token *t, struct octets data, struct wire_buffer *to)
{
	uint8_t signature[crypto_sign_BYTES];

	crypto_sign_detached(signature, NULL, data.bytes, data.size, t->secret);
	wire_put_string(to, signature, sizeof(signature));
}

static size_t token_sign(const struct soft_token *t, struct octets message, uint8_t flags, uint32_t counter,
			 uint8_t *signature, size_t room)
{
	struct wire_buffer to = {.bytes = signature, .room = room};
	uint8_t bytes[69], hash[32];
	struct wire_buffer data = {.bytes = bytes, .room = sizeof(bytes)};

	crypto_hash_sha256(hash, (const uint8_t *)t->application, strlen(t->application));
	wire_put_bytes(&data, hash, sizeof(hash));
	wire_put_u8(&data, flags);
	wire_put_u32(&data, counter);
	crypto_hash_sha256(hash, message.bytes, message.size);
	wire_put_bytes(&data, hash, sizeof(hash));
	wire_put_string(&to, token_type(t), strlen(token_type(t)));
	(t->ecdsa ? sign_ecdsa : sign_ed25519)(t, (struct octets){bytes, data.used}, &to);
	wire_put_u8(&to, flags);
	wire_put_u32(&to, counter);
	assert_false(to.full);
	return to.used;
}

size_t token_sshsig(const struct soft_token *t, const char *message, uint8_t flags, uint32_t counter,
		    uint8_t *raw, size_t room)
{
	uint8_t blob[256], signature[256], bytes[SSHSIG_SIGNED_MAX];
	struct wire_buffer data = {.bytes = bytes, .room = sizeof(bytes)}, to = {.bytes = raw, .room = room};

	assert_int_equal(sshsig_signed_bytes(NAMESPACE, SSHSIG_SHA512, message, strlen(message), &data), 0);
	wire_put_bytes(&to, "SSHSIG", 6);
	wire_put_u32(&to, 1);
	wire_put_string(&to, blob, token_blob(t, blob, sizeof(blob)));
	wire_put_string(&to, NAMESPACE, strlen(NAMESPACE));
	wire_put_string(&to, NULL, 0);
	wire_put_string(&to, "sha512", 6);
	wire_put_string(&to, signature,
			token_sign(t, (struct octets){bytes, data.used}, flags, counter, signature,
				   sizeof(signature)));
	assert_false(to.full);
	return to.used;
}
