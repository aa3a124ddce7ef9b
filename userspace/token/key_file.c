/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key_file.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define FAMILY	  "deputy/keys/"
#define CONTEXT	  "dpt-seal"
#define NAME_SIZE crypto_kdf_BYTES_MIN
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES

enum subkey { SUBKEY_CIPHER = 1, SUBKEY_NAME };

struct head {
	char magic[16];
	unsigned char seal[NAME_SIZE];
	unsigned char nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
};

static const char magic[16] = FAMILY "1";

_Static_assert(sizeof(struct head) == 56 && TAG_BYTES == 16, "as the header says");
_Static_assert(SEAL_BYTES == crypto_kdf_KEYBYTES, "sealing key");
_Static_assert(sizeof(CONTEXT) - 1 == crypto_kdf_CONTEXTBYTES, "context");

static void seal_name(const unsigned char seal[SEAL_BYTES], unsigned char name[NAME_SIZE])
{
	crypto_kdf_derive_from_key(name, NAME_SIZE, SUBKEY_NAME, CONTEXT, seal);
}

/* The cipher's key, in memory of its own. NULL without any. */
static unsigned char *seal_cipher(const unsigned char seal[SEAL_BYTES])
{
	unsigned char *key = sodium_malloc(crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

	if (key)
		crypto_kdf_derive_from_key(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, SUBKEY_CIPHER,
					   CONTEXT, seal);
	return key;
}

int key_file_seal(const unsigned char seal[SEAL_BYTES], const struct secret_ring *ring,
		  unsigned char file[KEY_FILE_BYTES], size_t *size)
{
	_cleanup_secret_ unsigned char *key = seal_cipher(seal), *plain = sodium_malloc(SECRET_RING_BYTES);
	unsigned long long sealed;
	struct head head;

	if (!key || !plain)
		return -ENOMEM;
	memcpy(head.magic, magic, sizeof(magic));
	seal_name(seal, head.seal);
	randombytes_buf(head.nonce, sizeof(head.nonce));
	memcpy(file, &head, sizeof(head));
	crypto_aead_xchacha20poly1305_ietf_encrypt(file + sizeof(head), &sealed, plain,
						   secret_ring_encode(ring, plain), file, sizeof(head), NULL,
						   head.nonce, key);
	*size = sizeof(head) + sealed;
	return 0;
}

bool key_file_is_seed(const unsigned char *file, size_t size)
{
	return size == KEY_SEED_BYTES && memcmp(file, FAMILY, sizeof(FAMILY) - 1) != 0;
}

static int head_check(const unsigned char seal[SEAL_BYTES], const struct head *head)
{
	unsigned char name[NAME_SIZE];

	if (memcmp(head->magic, FAMILY, sizeof(FAMILY) - 1))
		return -EBADMSG;
	if (memcmp(head->magic, magic, sizeof(magic)))
		return -EPROTONOSUPPORT;
	seal_name(seal, name);
	return sodium_memcmp(head->seal, name, sizeof(name)) ? -ENOKEY : 0;
}

int key_file_open(const unsigned char seal[SEAL_BYTES], const unsigned char *file, size_t size,
		  struct secret_ring *ring)
{
	_cleanup_secret_ unsigned char *key = seal_cipher(seal), *plain = sodium_malloc(SECRET_RING_BYTES);
	unsigned long long n;
	struct head head;
	int err;

	if (!key || !plain)
		return -ENOMEM;
	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, file, sizeof(head));
	err = head_check(seal, &head);
	if (err)
		return err;
	if (size < sizeof(head) + TAG_BYTES || size > KEY_FILE_BYTES ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL, file + sizeof(head),
						       size - sizeof(head), file, sizeof(head), head.nonce,
						       key))
		return -EKEYREJECTED;
	return secret_ring_decode(plain, n, ring);
}
