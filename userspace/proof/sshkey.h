/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys and signatures as SSH spells them: RFC 4253 section 6.6 (RSA), 5656 (ECDSA), 8332 (RSA with
 * SHA-2), 8709 (Ed25519) and OpenSSH's PROTOCOL.u2f (keys of a hardware token, sk-*). What is no longer safe
 * has no way in: no DSA, no SHA-1, no short RSA; nor have certificates. sodium_init() must have been called
 * before.
 */
#ifndef DEPUTY_SSHKEY_H
#define DEPUTY_SSHKEY_H

#include "proof/wire.h"

#define SSHKEY_BLOB_MAX		 4096u /* bytes of a public key: RSA's modulus and exponent, and their names */
#define SSHKEY_SIGNATURE_MAX	 4096u /* bytes */
#define SSHKEY_RSA_BITS_MIN	 2048u
#define SSHKEY_RSA_BITS_MAX	 16384u /* OpenSSL's limit and OpenSSH's */
#define SSHKEY_FINGERPRINT_BYTES 51	/* "SHA256:", 43 characters of base64 and NUL */

struct sshkey;

/* What a hardware token says of a signature; it has signed this too. */
struct sshkey_touch {
	bool token;	  /* false: no such key, and nothing is said */
	bool verified;	  /* by PIN or finger (UV); that the user was present (UP) is a condition */
	uint32_t counter; /* of the token's signatures; 0 where it does not count */
};

/*
 * From the blob of RFC 4253 section 6.6, what stands in base64 in a .pub file.
 *   -EPROTONOSUPPORT  a type that is not taken: certificates and webauthn too
 *   -EBADMSG	       not exactly the form of its type, or a point that is on no curve or of no use
 *   -ERANGE	       an RSA modulus outside of the limits
 *   -EINVAL	       a token's key that was not made for SSH: its application does not begin with "ssh:"
 *   -ENOMEM, -EIO     the library cannot
 * Ended by sshkey_free().
 */
int sshkey_parse(const void *blob, size_t size, struct sshkey **key);
/* From a line "TYPE BASE64 [COMMENT]", as in a .pub file. -EBADMSG too: it is none, or TYPE is another than
 * the blob's own. */
int sshkey_parse_line(const char *line, size_t len, struct sshkey **key);
void sshkey_free(struct sshkey *key);

const char *sshkey_type(const struct sshkey *key); /* "ssh-ed25519" */
const char *sshkey_fingerprint(const struct sshkey *key);
bool sshkey_is_token(const struct sshkey *key);
bool sshkey_is_rsa(const struct sshkey *key);
struct octets sshkey_blob(const struct sshkey *key); /* lives as long as the key */
bool sshkey_equal(const struct sshkey *a, const struct sshkey *b);

/*
 * Whether a signature blob (with its algorithm's name) is this key's over the message.
 *   -EBADMSG	       not exactly the form that the key's type has
 *   -EPROTONOSUPPORT  by an algorithm that is not taken: SHA-1
 *   -EKEYREJECTED     wrong
 *   -EPERM	       right, but made by the token without anybody's touch
 *   -ENOMEM, -EIO
 */
int sshkey_verify(const struct sshkey *key, struct octets signature, struct octets message,
		  struct sshkey_touch *touch);

/* What each of the errors above means, for people. */
const char *sshkey_problem(int err);

#endif
