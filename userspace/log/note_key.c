/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "log/signed_note.h"
#include "proof/base64.h"
#include "token/hash.h"

#define SECRET_PREFIX "PRIVATE+KEY+"
#define VARIANT	      sodium_base64_VARIANT_ORIGINAL
#define MATERIAL      (1 + KEY_PUBLIC_BYTES) /* the type, and the key or the seed */
#define ID_DIGITS     8

_Static_assert(KEY_SEED_BYTES == KEY_PUBLIC_BYTES, "both have the same form");
_Static_assert(sizeof(SECRET_PREFIX) + NOTE_NAME_MAX + 2 + ID_DIGITS +
			       sodium_base64_ENCODED_LEN(MATERIAL, VARIANT) <=
		       NOTE_KEY_BYTES,
	       "the longest key");

/* What Unicode calls white space, beyond ASCII. */
static const char *const spaces[] = {
	"\xc2\x85",	"\xc2\xa0",	"\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
	"\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
	"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

int note_name_check(const char *name, size_t len)
{
	if (!len || len > NOTE_NAME_MAX || !utf8_valid(name, len) || memchr(name, '+', len))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return -EINVAL;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (memmem(name, len, spaces[i], strlen(spaces[i])))
			return -EINVAL;
	return 0;
}

static uint32_t key_id(const char *name, uint8_t type, const struct public_key *public)
{
	unsigned char bytes[NOTE_NAME_MAX + 1 + MATERIAL], hash[crypto_hash_sha256_BYTES];
	size_t len = strlen(name);
	uint32_t id;

	memcpy(bytes, name, len);
	bytes[len++] = '\n';
	bytes[len++] = type;
	memcpy(bytes + len, public->bytes, KEY_PUBLIC_BYTES);
	crypto_hash_sha256(hash, bytes, len + KEY_PUBLIC_BYTES);
	memcpy(&id, hash, sizeof(id));
	return be32toh(id);
}

int note_key_make(const char *name, enum signature_type type, const struct public_key *public,
		  struct note_key *key)
{
	size_t len = strlen(name);

	if (note_name_check(name, len))
		return -EINVAL;
	*key = (struct note_key){.type = (uint8_t)type, .public = *public};
	memcpy(key->name, name, len);
	key->id = key_id(name, key->type, public);
	return 0;
}

/* "NAME+ID+BASE64". The name, the id and what base64 holds; the caller checks that they go together. */
static int parts_parse(const char *text, size_t len, struct note_key *key, unsigned char material[MATERIAL])
{
	const char *plus = memchr(text, '+', len), *end = text + len, *id;
	size_t name_len = plus ? (size_t)(plus - text) : 0, size;

	if (note_name_check(text, name_len) || end - plus < ID_DIGITS + 2 || plus[1 + ID_DIGITS] != '+')
		return -EBADMSG;
	*key = (struct note_key){0};
	memcpy(key->name, text, name_len);
	for (id = plus + 1; *id != '+'; id++) {
		if (!isdigit((unsigned char)*id) && (*id < 'a' || *id > 'f'))
			return -EBADMSG;
		key->id = key->id << 4 | (uint32_t)(isdigit((unsigned char)*id) ? *id - '0' : *id - 'a' + 10);
	}
	if (base64_decode(id + 1, (size_t)(end - id - 1), NULL, material, MATERIAL, &size) ||
	    size != MATERIAL)
		return -EBADMSG;
	if (material[0] != SIGNATURE_ED25519 && material[0] != SIGNATURE_WITNESS)
		return -EPROTONOSUPPORT;
	key->type = material[0];
	return 0;
}

int note_key_parse(const char *text, size_t len, struct note_key *key)
{
	unsigned char material[MATERIAL];
	struct note_key k;
	int err = parts_parse(text, len, &k, material);

	if (err)
		return err;
	key_from_public(material + 1, &k.public);
	if (key_id(k.name, k.type, &k.public) != k.id)
		return -EBADMSG;
	*key = k;
	return 0;
}

static void parts_format(const char *prefix, const struct note_key *key, const unsigned char bytes[32],
			 char text[NOTE_KEY_BYTES])
{
	char base64[sodium_base64_ENCODED_LEN(MATERIAL, VARIANT)];
	unsigned char material[MATERIAL] = {key->type};

	memcpy(material + 1, bytes, KEY_PUBLIC_BYTES);
	sodium_bin2base64(base64, sizeof(base64), material, sizeof(material), VARIANT);
	snprintf(text, NOTE_KEY_BYTES, "%s%s+%08x+%s", prefix, key->name, key->id, base64);
	sodium_memzero(material, sizeof(material));
	sodium_memzero(base64, sizeof(base64));
}

void note_key_format(const struct note_key *key, char text[NOTE_KEY_BYTES])
{
	parts_format("", key, key->public.bytes, text);
}

int note_secret_parse(const char *text, size_t len, struct secret_key **secret, struct note_key *key)
{
	const size_t skip = sizeof(SECRET_PREFIX) - 1;
	unsigned char material[MATERIAL];
	struct secret_key *s;
	struct note_key k;
	int err;

	if (len < skip || memcmp(text, SECRET_PREFIX, skip))
		return -EBADMSG;
	err = parts_parse(text + skip, len - skip, &k, material);
	if (!err)
		err = key_from_seed(material + 1, &s);
	sodium_memzero(material, sizeof(material));
	if (err)
		return err;
	k.public = *key_public(s);
	if (key_id(k.name, k.type, &k.public) != k.id) {
		key_free(s);
		return -EBADMSG;
	}
	*secret = s;
	*key = k;
	return 0;
}

void note_secret_format(const struct secret_key *secret, const struct note_key *key,
			char text[NOTE_KEY_BYTES])
{
	unsigned char seed[KEY_SEED_BYTES];

	key_seed(secret, seed);
	parts_format(SECRET_PREFIX, key, seed, text);
	sodium_memzero(seed, sizeof(seed));
}
