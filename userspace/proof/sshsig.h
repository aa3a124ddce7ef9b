/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures over messages by SSH keys (OpenSSH's PROTOCOL.sshsig): what `ssh-keygen -Y sign` writes. The
 * namespace keeps a signature from meaning anything elsewhere; whoever verifies says which one is meant.
 */
#ifndef DEPUTY_SSHSIG_H
#define DEPUTY_SSHSIG_H

#include "proof/sshkey.h"

#define SSHSIG_MAX	     8704u  /* bytes of a signature */
#define SSHSIG_TEXT_MAX	     16384u /* bytes of an armoured one */
#define SSHSIG_NAMESPACE_MAX 255u   /* bytes */
#define SSHSIG_SIGNED_MAX    512u   /* bytes of what the key itself signs */

enum sshsig_hash { SSHSIG_SHA256, SSHSIG_SHA512 };

/* A signature taken apart, not yet looked at. */
struct sshsig {
	uint8_t *raw; /* owns what the spans are of */
	struct sshkey *key;
	struct octets name_space;
	enum sshsig_hash hash;
	struct octets signature; /* of sshkey_verify() */
};

/* What a good signature proves, whoever its key is. */
struct sshsig_facts {
	const char *key_type;  /* static */
	const char *assurance; /* static: "ssh", or "ssh-sk": with a touch of a security key */
	char fingerprint[SSHKEY_FINGERPRINT_BYTES];
	bool verified;	  /* the security key knew who touched it (PIN, finger) */
	uint32_t counter; /* of the security key; 0: none, or it does not count */
};

/* -EMSGSIZE: longer than the limits; -EBADMSG: not exactly the form (version 1, nothing behind it, nothing in
 * `reserved`); and the errors of sshkey_parse(). sshsig_free() in the end. */
int sshsig_decode(const void *raw, size_t size, struct sshsig *sig);
/* The armoured form: its first and last line, base64 in lines between them, and white space after. */
int sshsig_decode_text(const char *text, size_t len, struct sshsig *sig);
void sshsig_free(struct sshsig *sig);

/* -ENOTUNIQ: made for another namespace; else the errors of sshkey_verify(). */
int sshsig_verify(const struct sshsig *sig, const char *name_space, const void *message, size_t size,
		  struct sshsig_facts *facts);

/* What a key has to sign; `to` has room for SSHSIG_SIGNED_MAX bytes. -EMSGSIZE: the namespace is too long or
 * empty. */
int sshsig_signed_bytes(const char *name_space, enum sshsig_hash hash, const void *message, size_t size,
			struct wire_buffer *to);
/* The armoured text of a signature over sshsig_signed_bytes(). The caller frees *text. -EMSGSIZE, -ENOMEM. */
int sshsig_encode_text(const struct sshkey *key, const char *name_space, enum sshsig_hash hash,
		       struct octets signature, char **text);

#endif
