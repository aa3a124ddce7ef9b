/* SPDX-License-Identifier: Apache-2.0 */
#include "token/did_key.h"

#include <errno.h>
#include <string.h>

#include "token/base58.h"

#define PREFIX	   "did:key:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

static const unsigned char ed25519_pub[2] = {0xed, 0x01}; /* multicodec 0xed, as an unsigned varint */

_Static_assert(DID_KEY_LEN == PREFIX_LEN + DID_KEY_MULTIBASE_LEN, "DID");

void did_key_multibase(const struct public_key *key, char text[DID_KEY_MULTIBASE_LEN + 1])
{
	unsigned char bytes[sizeof(ed25519_pub) + KEY_PUBLIC_BYTES];
	char digits[BASE58_LEN(sizeof(bytes)) + 1];

	memcpy(bytes, ed25519_pub, sizeof(ed25519_pub));
	memcpy(bytes + sizeof(ed25519_pub), key->bytes, KEY_PUBLIC_BYTES);
	base58_encode(bytes, sizeof(bytes), digits);
	text[0] = 'z';
	memcpy(text + 1, digits, DID_KEY_MULTIBASE_LEN);
}

void did_key_encode(const struct public_key *key, char did[DID_KEY_LEN + 1])
{
	memcpy(did, PREFIX, PREFIX_LEN);
	did_key_multibase(key, did + PREFIX_LEN);
}

void did_key_method(const struct public_key *key, char url[DID_KEY_METHOD_LEN + 1])
{
	did_key_encode(key, url);
	url[DID_KEY_LEN] = '#';
	did_key_multibase(key, url + DID_KEY_LEN + 1);
}

int did_key_from_multibase(const char *text, size_t len, struct public_key *key)
{
	unsigned char bytes[sizeof(ed25519_pub) + KEY_PUBLIC_BYTES];
	size_t size;

	if (len != DID_KEY_MULTIBASE_LEN || text[0] != 'z' ||
	    base58_decode(text + 1, len - 1, bytes, sizeof(bytes), &size) || size != sizeof(bytes) ||
	    memcmp(bytes, ed25519_pub, sizeof(ed25519_pub)) != 0)
		return -EBADMSG;
	key_from_public(bytes + sizeof(ed25519_pub), key);
	return 0;
}

int did_key_decode(const char *did, size_t len, struct public_key *key)
{
	if (len != DID_KEY_LEN || memcmp(did, PREFIX, PREFIX_LEN) != 0)
		return -EBADMSG;
	return did_key_from_multibase(did + PREFIX_LEN, len - PREFIX_LEN, key);
}

int did_key_from_method(const char *url, size_t len, struct public_key *key)
{
	if (len != DID_KEY_METHOD_LEN || url[DID_KEY_LEN] != '#' ||
	    memcmp(url + PREFIX_LEN, url + DID_KEY_LEN + 1, DID_KEY_MULTIBASE_LEN) != 0)
		return -EBADMSG;
	return did_key_decode(url, DID_KEY_LEN, key);
}
