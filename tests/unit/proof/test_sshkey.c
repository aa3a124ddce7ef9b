/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures that OpenSSH would not write. */
#include "signing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

struct part {
	const char *bytes;
	size_t size;
};
#define TEXT(s)	 {s, sizeof(s) - 1}
#define PARTS(p) p, sizeof(p) / sizeof(p[0])

static int parse(const struct part *parts, size_t count, const char *after)
{
	uint8_t blob[SSHKEY_BLOB_MAX], *copy;
	struct wire_buffer to = {.bytes = blob, .room = sizeof(blob)};
	struct sshkey *key;
	int err;

	for (size_t i = 0; i < count; i++)
		wire_put_string(&to, parts[i].bytes, parts[i].size);
	wire_put_bytes(&to, after, strlen(after));
	assert_false(to.full);
	copy = malloc(to.used);
	memcpy(copy, blob, to.used);
	err = sshkey_parse(copy, to.used, &key);
	free(copy);
	if (!err)
		sshkey_free(key);
	return err;
}

static void cut(void **state)
{
	for (size_t i = 0; i < made_key_count; i++) {
		struct sshkey *key = load_key(*state, made_keys[i].name), *other;
		const struct octets blob = sshkey_blob(key);

		for (size_t n = 0; n < blob.size; n++) {
			uint8_t *copy = malloc(n ? n : 1);

			memcpy(copy, blob.bytes, n);
			assert_int_equal(sshkey_parse(copy, n, &other), -EBADMSG);
			free(copy);
		}
		sshkey_free(key);
	}
}

static void types(void **state)
{
	static const char *const names[] = {"ssh-dss",	   "ssh-ed25519-cert-v01@openssh.com",
					    "ssh-ed448",   "",
					    "ssh-ed2551",  "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
					    "rsa-sha2-512"};
	struct sshkey *key;
	char *line;
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct part parts[] = {{names[i], strlen(names[i])},
					     TEXT("0123456789abcdef0123456789abcdef")};

		assert_int_equal(parse(PARTS(parts), ""), -EPROTONOSUPPORT);
	}
	assert_int_equal(shell(*state, "ssh-keygen -q -s rsa -I id -n alice ed25519.pub"), 0);
	line = slurp(*state, "ed25519-cert.pub", &len);
	assert_int_equal(sshkey_parse_line(line, len, &key), -EPROTONOSUPPORT);
	free(line);
}

static void lines(void **state)
{
	size_t len;
	char *line = slurp(*state, "ed25519.pub", &len), *p256 = slurp(*state, "p256.pub", &len), wrong[4096];
	const char *b64 = strchr(line, ' ') + 1;
	struct sshkey *key;

	snprintf(wrong, sizeof(wrong), "ssh-rsa %s", b64);
	assert_int_equal(sshkey_parse_line(wrong, strlen(wrong), &key), -EBADMSG);
	snprintf(wrong, sizeof(wrong), "ssh-ed25519 %s", strchr(p256, ' ') + 1);
	assert_int_equal(sshkey_parse_line(wrong, strlen(wrong), &key), -EBADMSG);
	snprintf(wrong, sizeof(wrong), "ssh-ed25519 %.40s", b64);
	assert_int_equal(sshkey_parse_line(wrong, strlen(wrong), &key), -EBADMSG);
	assert_int_equal(sshkey_parse_line("ssh-ed25519", 11, &key), -EBADMSG);
	assert_int_equal(sshkey_parse_line("ssh-ed25519 ", 12, &key), -EBADMSG);
	assert_int_equal(sshkey_parse_line("", 0, &key), -EBADMSG);
	free(line);
	free(p256);
}

/* The identity, a point of order 8, and p + 1, another spelling of the identity's y. */
static void ed25519_points(void **state)
{
	static const char *const points[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0200000000000000000000000000000000000000000000000000000000000000", /* on no curve */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		char point[32];
		const struct part parts[] = {TEXT("ssh-ed25519"), {point, sizeof(point)}};

		assert_int_equal(sodium_hex2bin((uint8_t *)point, 32, points[i], 64, NULL, NULL, NULL), 0);
		assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	}
}

static void ecdsa_points(void **state)
{
	struct sshkey *key = load_key(*state, "p256");
	const struct octets blob = sshkey_blob(key);
	char point[66];
	struct part parts[] = {TEXT("ecdsa-sha2-nistp256"), TEXT("nistp256"), {point, 65}};

	memcpy(point, blob.bytes + blob.size - 65, 65);
	point[65] = 0;
	sshkey_free(key);
	assert_int_equal(parse(PARTS(parts), ""), 0);
	assert_int_equal(parse(PARTS(parts), "x"), -EBADMSG);
	parts[1] = (struct part)TEXT("nistp384");
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	parts[1] = (struct part)TEXT("nistp256");
	parts[2].size = 66;
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	parts[2].size = 33; /* compressed */
	point[0] = (char)(2 + (point[64] & 1));
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	parts[2].size = 65; /* hybrid */
	point[0] = (char)(6 + (point[64] & 1));
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	point[0] = 4;
	assert_int_equal(parse(PARTS(parts), ""), 0);
	point[64] ^= 1; /* on no curve */
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	memset(point + 1, 0, 64);
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	parts[2] = (struct part){"\0", 1}; /* at infinity */
	assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
}

/* A modulus of so many bits, odd, with room for a sign. */
static struct part modulus(char *bytes, size_t bits)
{
	const size_t size = bits / 8 + 1;

	memset(bytes, 0xff, size);
	bytes[0] = (char)((1u << bits % 8) - 1);
	return (struct part){bytes, size}; /* a zero in front of a full byte is for the sign */
}

static void rsa_numbers(void **state)
{
	static const struct {
		struct part e;
		size_t bits;
		int err;
	} cases[] = {
		{TEXT("\1\0\1"), 2047, -ERANGE},
		{TEXT("\1\0\1"), 2048, 0},
		{TEXT("\1\0\1"), 16384, 0},
		{TEXT("\1\0\1"), 16385, -ERANGE},
		{TEXT("\3"), 2048, 0},
		{TEXT("\0\xff\xff\xff\xff\xff\xff\xff\xff"), 2048, 0},
		{TEXT("\1\xff\xff\xff\xff\xff\xff\xff\xff"), 2048, -EBADMSG}, /* longer than 8 bytes */
		{TEXT("\1"), 2048, -EBADMSG},
		{TEXT("\2"), 2048, -EBADMSG},
		{TEXT(""), 2048, -EBADMSG},
		{TEXT("\0"), 2048, -EBADMSG},
		{TEXT("\0\3"), 2048, -EBADMSG},	    /* padded */
		{TEXT("\0\0\xff"), 2048, -EBADMSG}, /* padded */
		{TEXT("\xff\1\1"), 2048, -EBADMSG}, /* negative */
	};
	char n[16385 / 8 + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct part parts[] = {TEXT("ssh-rsa"), cases[i].e, modulus(n, cases[i].bits)};

		if (parse(PARTS(parts), "") != cases[i].err)
			fail_msg("case %zu", i);
		assert_int_equal(parse(PARTS(parts), "x"), cases[i].err ? cases[i].err : -EBADMSG);
	}
	for (int i = 0; i < 3; i++) {
		struct part parts[] = {TEXT("ssh-rsa"), TEXT("\1\0\1"), modulus(n, 2048)};

		if (i == 0) { /* without its sign: negative */
			parts[2].bytes++;
			parts[2].size--;
		} else if (i == 1) { /* even */
			n[parts[2].size - 1] = (char)0xfe;
		} else { /* padded */
			n[1] = 0x7f;
		}
		assert_int_equal(parse(PARTS(parts), ""), -EBADMSG);
	}
}

/* ---- signatures ---- */

#define MESSAGE "a message"

static int verify(const struct sshkey *key, const char *algorithm, const struct part *signature,
		  const char *after)
{
	uint8_t bytes[SSHKEY_SIGNATURE_MAX];
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};
	const struct octets message = {(const uint8_t *)MESSAGE, strlen(MESSAGE)};
	struct sshkey_touch touch;

	wire_put_string(&to, algorithm, strlen(algorithm));
	wire_put_string(&to, signature->bytes, signature->size);
	wire_put_bytes(&to, after, strlen(after));
	assert_false(to.full);
	return sshkey_verify(key, (struct octets){bytes, to.used}, message, &touch);
}

static void rsa_signatures(void **state)
{
	static const struct {
		const EVP_MD *(*digest)(void);
		const char *algorithm;
		int err;
	} cases[] = {
		{EVP_sha256, "rsa-sha2-256", 0},
		{EVP_sha512, "rsa-sha2-512", 0},
		{EVP_sha256, "rsa-sha2-512", -EKEYREJECTED},
		{EVP_sha1, "rsa-sha2-256", -EKEYREJECTED},
		{EVP_sha1, "ssh-rsa", -EPROTONOSUPPORT},
		{EVP_sha256, "ssh-rsa", -EPROTONOSUPPORT},
		{EVP_sha256, "", -EPROTONOSUPPORT},
		{EVP_sha256, "ssh-ed25519", -EPROTONOSUPPORT},
	};
	struct sshkey *key = load_key(*state, "rsa");
	char path[256];
	EVP_PKEY *secret;
	FILE *f;

	assert_int_equal(shell(*state, "cp rsa rsa.pem && ssh-keygen -q -p -N '' -m PEM -f rsa.pem"), 0);
	snprintf(path, sizeof(path), "%s/rsa.pem", (char *)*state);
	f = fopen(path, "re");
	assert_non_null(f);
	secret = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	assert_non_null(secret);
	fclose(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		char bytes[257];
		struct part signature = {bytes, 0};
		size_t size = 256;

		assert_int_equal(EVP_DigestSignInit(ctx, NULL, cases[i].digest(), NULL, secret), 1);
		assert_int_equal(EVP_DigestSign(ctx, (uint8_t *)bytes, &size, (const uint8_t *)MESSAGE,
						strlen(MESSAGE)),
				 1);
		bytes[256] = 0;
		signature.size = size;
		assert_int_equal(verify(key, cases[i].algorithm, &signature, ""), cases[i].err);
		if (cases[i].err == 0) {
			assert_int_equal(verify(key, cases[i].algorithm, &signature, "x"), -EBADMSG);
			signature.size = 257;
			assert_int_equal(verify(key, cases[i].algorithm, &signature, ""), -EBADMSG);
			signature.size = 255;
			assert_int_equal(verify(key, cases[i].algorithm, &signature, ""), -EBADMSG);
		}
		EVP_MD_CTX_free(ctx);
	}
	EVP_PKEY_free(secret);
	sshkey_free(key);
}

static void ecdsa_signatures(void **state)
{
	static const struct {
		struct part r, s;
		int err;
	} cases[] = {
		{TEXT("\1"), TEXT("\1"), -EKEYREJECTED},
		{TEXT(""), TEXT("\1"), -EBADMSG},
		{TEXT("\1"), TEXT(""), -EBADMSG},
		{TEXT("\0\1"), TEXT("\1"), -EBADMSG},
		{TEXT("\1"), TEXT("\0\1"), -EBADMSG},
		{TEXT("\xff"), TEXT("\1"), -EBADMSG},
		{TEXT("\1"), TEXT("\0"), -EBADMSG},
		{TEXT("\0\xff"), TEXT("\1"), -EKEYREJECTED},
		{TEXT("\1"
		      "0123456789abcdef0123456789abcdef"),
		 TEXT("\1"), -EBADMSG},
		{TEXT("0123456789abcdef0123456789abcdef"), TEXT("\1"), -EKEYREJECTED},
	};
	struct sshkey *key = load_key(*state, "p256");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t both[128];
		struct wire_buffer to = {.bytes = both, .room = sizeof(both)};
		struct part signature = {(char *)both, 0};

		wire_put_string(&to, cases[i].r.bytes, cases[i].r.size);
		wire_put_string(&to, cases[i].s.bytes, cases[i].s.size);
		signature.size = to.used;
		if (verify(key, "ecdsa-sha2-nistp256", &signature, "") != cases[i].err)
			fail_msg("case %zu", i);
		assert_int_equal(verify(key, "ecdsa-sha2-nistp384", &signature, ""), -EBADMSG);
		wire_put_u8(&to, 0);
		signature.size = to.used;
		assert_int_equal(verify(key, "ecdsa-sha2-nistp256", &signature, ""), -EBADMSG);
	}
	sshkey_free(key);
}

/* RFC 8032 section 5.1.7: S must be less than the group's order, or there are two signatures. */
static void ed25519_malleable(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
					  0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,	  0,	0,    0,
					  0,	0,    0,    0,	  0,	0,    0,    0,	  0,	0x10};
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES], bytes[64], blob[128];
	struct wire_buffer to = {.bytes = blob, .room = sizeof(blob)};
	struct part signature = {(char *)bytes, sizeof(bytes)};
	struct sshkey *key;
	unsigned carry = 0;

	(void)state;
	crypto_sign_keypair(public, secret);
	wire_put_string(&to, "ssh-ed25519", 11);
	wire_put_string(&to, public, sizeof(public));
	assert_int_equal(sshkey_parse(blob, to.used, &key), 0);
	crypto_sign_detached(bytes, NULL, (const uint8_t *)MESSAGE, strlen(MESSAGE), secret);
	assert_int_equal(verify(key, "ssh-ed25519", &signature, ""), 0);
	signature.size--;
	assert_int_equal(verify(key, "ssh-ed25519", &signature, ""), -EBADMSG);
	signature.size++;
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)bytes[32 + i] + order[i];
		bytes[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(verify(key, "ssh-ed25519", &signature, ""), -EKEYREJECTED);
	sshkey_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut),
		cmocka_unit_test(types),
		cmocka_unit_test(lines),
		cmocka_unit_test(ed25519_points),
		cmocka_unit_test(ecdsa_points),
		cmocka_unit_test(rsa_numbers),
		cmocka_unit_test(rsa_signatures),
		cmocka_unit_test(ecdsa_signatures),
		cmocka_unit_test(ed25519_malleable),
	};

	return cmocka_run_group_tests_name("proof/sshkey", tests, signing_setup, signing_teardown);
}
