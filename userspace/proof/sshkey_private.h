/* SPDX-License-Identifier: Apache-2.0 */
/* What sshkey.c (keys) and sshkey_verify.c (signatures) share. */
#ifndef DEPUTY_SSHKEY_PRIVATE_H
#define DEPUTY_SSHKEY_PRIVATE_H

#include <openssl/evp.h>

#include "proof/sshkey.h"

enum sshkey_family { SSHKEY_ED25519, SSHKEY_ECDSA, SSHKEY_RSA };

struct sshkey_kind {
	const char *name;
	enum sshkey_family family;
	bool token;
	const char *curve; /* RFC 5656 section 10.1 */
	const char *group; /* the same for OpenSSL */
	size_t size;	   /* bytes of the key; of a curve: of one coordinate */
	const EVP_MD *(*digest)(void);
};

struct sshkey {
	const struct sshkey_kind *kind;
	EVP_PKEY *pkey;
	uint8_t application[32]; /* SHA-256 of the string, as tokens sign it */
	char fingerprint[SSHKEY_FINGERPRINT_BYTES];
	size_t size;
	uint8_t blob[];
};

#endif
