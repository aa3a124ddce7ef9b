/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/sshsig.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "proof/base64.h"

#define MAGIC	 "SSHSIG"
#define VERSION	 1u
#define BEGIN	 "-----BEGIN SSH SIGNATURE-----"
#define END	 "-----END SSH SIGNATURE-----"
#define LINE_LEN 70 /* characters, as OpenSSH has them */

static const char *const hash_names[] = {[SSHSIG_SHA256] = "sha256", [SSHSIG_SHA512] = "sha512"};

/* ---- taken apart ---- */

static int take_hash(struct octets *from, enum sshsig_hash *hash)
{
	struct octets name;

	if (wire_string(from, &name))
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(hash_names) / sizeof(hash_names[0]); i++) {
		if (!span_is(&name, hash_names[i]))
			continue;
		*hash = (enum sshsig_hash)i;
		return 0;
	}
	return -EBADMSG;
}

/* PROTOCOL.sshsig asks to ignore what `reserved` holds, but OpenSSH does not sign it then: it could be
 * anything. */
static int take_fields(struct octets from, struct sshsig *sig, struct octets *key)
{
	struct octets magic, reserved;
	uint32_t version;

	if (wire_bytes(&from, strlen(MAGIC), &magic) || !span_is(&magic, MAGIC) ||
	    wire_u32(&from, &version) || version != VERSION || wire_string(&from, key) ||
	    wire_string(&from, &sig->name_space) || wire_string(&from, &reserved) || reserved.size ||
	    take_hash(&from, &sig->hash) || wire_string(&from, &sig->signature))
		return -EBADMSG;
	if (sig->name_space.size == 0 || sig->name_space.size > SSHSIG_NAMESPACE_MAX ||
	    sig->signature.size > SSHKEY_SIGNATURE_MAX)
		return -EBADMSG;
	return wire_end(&from);
}

/* `raw` is taken over. */
static int decode_owned(uint8_t *raw, size_t size, struct sshsig *sig)
{
	struct sshsig s = {.raw = raw};
	struct octets key;
	int err = take_fields((struct octets){raw, size}, &s, &key);

	if (!err)
		err = sshkey_parse(key.bytes, key.size, &s.key);
	if (err) {
		sshsig_free(&s);
		return err;
	}
	*sig = s;
	return 0;
}

int sshsig_decode(const void *raw, size_t size, struct sshsig *sig)
{
	uint8_t *copy;

	if (size > SSHSIG_MAX)
		return -EMSGSIZE;
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, raw, size);
	return decode_owned(copy, size, sig);
}

/* The text between the first and the last line. */
static int armour_body(const char *text, size_t len, const char **body, size_t *body_len)
{
	const size_t begin = strlen(BEGIN);
	const char *end;

	if (len <= begin || memcmp(text, BEGIN, begin) != 0 || !strchr("\r\n", text[begin]) || !text[begin])
		return -EBADMSG;
	end = memmem(text + begin, len - begin, "\n" END, strlen("\n" END));
	if (!end)
		return -EBADMSG;
	for (const char *p = end + strlen("\n" END); p < text + len; p++)
		if (!*p || !strchr(" \t\r\n", *p))
			return -EBADMSG;
	*body = text + begin;
	*body_len = (size_t)(end - *body);
	return 0;
}

int sshsig_decode_text(const char *text, size_t len, struct sshsig *sig)
{
	const char *body;
	size_t body_len, size;
	uint8_t *raw;
	int err;

	if (len > SSHSIG_TEXT_MAX)
		return -EMSGSIZE;
	err = armour_body(text, len, &body, &body_len);
	if (err)
		return err;
	raw = malloc(SSHSIG_MAX);
	if (!raw)
		return -ENOMEM;
	err = base64_decode(body, body_len, "\r\n", raw, SSHSIG_MAX, &size);
	if (err) {
		free(raw);
		return err == -ENOSPC ? -EMSGSIZE : err;
	}
	return decode_owned(raw, size, sig);
}

void sshsig_free(struct sshsig *sig)
{
	sshkey_free(sig->key);
	free(sig->raw);
	*sig = (struct sshsig){0};
}

/* ---- what is signed ---- */

int sshsig_signed_bytes(const char *name_space, enum sshsig_hash hash, const void *message, size_t size,
			struct wire_buffer *to)
{
	uint8_t digest[crypto_hash_sha512_BYTES];
	const bool wide = hash == SSHSIG_SHA512;

	if (!*name_space || strlen(name_space) > SSHSIG_NAMESPACE_MAX)
		return -EMSGSIZE;
	if (wide)
		crypto_hash_sha512(digest, message, size);
	else
		crypto_hash_sha256(digest, message, size);
	wire_put_bytes(to, MAGIC, strlen(MAGIC));
	wire_put_string(to, name_space, strlen(name_space));
	wire_put_string(to, NULL, 0); /* reserved */
	wire_put_string(to, hash_names[hash], strlen(hash_names[hash]));
	wire_put_string(to, digest, wide ? crypto_hash_sha512_BYTES : crypto_hash_sha256_BYTES);
	return to->full ? -EMSGSIZE : 0;
}

int sshsig_verify(const struct sshsig *sig, const char *name_space, const void *message, size_t size,
		  struct sshsig_facts *facts)
{
	uint8_t bytes[SSHSIG_SIGNED_MAX];
	struct wire_buffer to = {.bytes = bytes, .room = sizeof(bytes)};
	struct sshkey_touch touch;
	int err;

	if (!span_is(&sig->name_space, name_space))
		return -ENOTUNIQ;
	err = sshsig_signed_bytes(name_space, sig->hash, message, size, &to);
	if (!err)
		err = sshkey_verify(sig->key, sig->signature, (struct octets){bytes, to.used}, &touch);
	if (err)
		return err;
	*facts = (struct sshsig_facts){.key_type = sshkey_type(sig->key),
				       .assurance = touch.token ? "ssh-sk" : "ssh",
				       .verified = touch.verified,
				       .counter = touch.counter};
	memcpy(facts->fingerprint, sshkey_fingerprint(sig->key), sizeof(facts->fingerprint));
	return 0;
}

/* ---- written ---- */

static int armour(const uint8_t *raw, size_t size, char **text)
{
	const size_t b64_size = sodium_base64_ENCODED_LEN(size, sodium_base64_VARIANT_ORIGINAL);
	_cleanup_free_ char *b64 = malloc(b64_size);
	/* every line ends in a newline, the last of the base64 and both that frame it too */
	char *t = malloc(strlen(BEGIN) + strlen(END) + 3 + b64_size + b64_size / LINE_LEN + 1), *p = t;

	if (!b64 || !t) {
		free(t);
		return -ENOMEM;
	}
	sodium_bin2base64(b64, b64_size, raw, size, sodium_base64_VARIANT_ORIGINAL);
	p = stpcpy(p, BEGIN "\n");
	for (const char *from = b64; *from; from += strnlen(from, LINE_LEN)) {
		p = mempcpy(p, from, strnlen(from, LINE_LEN));
		*p++ = '\n';
	}
	strcpy(p, END "\n");
	*text = t;
	return 0;
}

int sshsig_encode_text(const struct sshkey *key, const char *name_space, enum sshsig_hash hash,
		       struct octets signature, char **text)
{
	uint8_t raw[SSHSIG_MAX];
	struct wire_buffer to = {.bytes = raw, .room = sizeof(raw)};
	const struct octets blob = sshkey_blob(key);

	wire_put_bytes(&to, MAGIC, strlen(MAGIC));
	wire_put_u32(&to, VERSION);
	wire_put_string(&to, blob.bytes, blob.size);
	wire_put_string(&to, name_space, strlen(name_space));
	wire_put_string(&to, NULL, 0); /* reserved */
	wire_put_string(&to, hash_names[hash], strlen(hash_names[hash]));
	wire_put_string(&to, signature.bytes, signature.size);
	return to.full ? -EMSGSIZE : armour(raw, to.used, text);
}
