/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of sealed keys, as what is sealed in one, and as the ring that the broker is sent. What
 * is read is written again as it was; what was not sealed with this key is not read. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "token/key_file.h"

#define HEAD 56

static const unsigned char seal[SEAL_BYTES] = "a sealing key of thirty-two byt";
static unsigned char head[HEAD], cipher[32];

/* A head as key_file_seal() makes it, to seal nonsense under. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned char file[KEY_FILE_BYTES];
	struct secret_ring ring;
	size_t size;

	(void)argc;
	(void)argv;
	if (sodium_init() < 0 || secret_ring_begin(1, &ring) || key_file_seal(seal, &ring, file, &size))
		return -1;
	memcpy(head, file, HEAD);
	crypto_kdf_derive_from_key(cipher, sizeof(cipher), 1, "dpt-seal", seal);
	secret_ring_clear(&ring);
	return 0;
}

static void as_file(const uint8_t *data, size_t size)
{
	struct secret_ring ring = {0};

	if (key_file_open(seal, data, size, &ring) == 0 || ring.count)
		abort(); /* nobody else has the key */
}

/* As long as it might be, and beyond. */
static void as_sealed(const uint8_t *data, size_t size)
{
	unsigned char file[KEY_FILE_BYTES + 2 * SECRET_RING_ENTRY];
	unsigned long long n;
	struct secret_ring ring = {0}, plain = {0};
	int err;

	if (size > sizeof(file) - HEAD - 16)
		return;
	memcpy(file, head, HEAD);
	crypto_aead_xchacha20poly1305_ietf_encrypt(file + HEAD, &n, data, size, file, HEAD, NULL, head + 32,
						   cipher);
	err = key_file_open(seal, file, HEAD + n, &ring);
	if (!err != !secret_ring_decode(data, size, &plain))
		abort();
	secret_ring_clear(&ring);
	secret_ring_clear(&plain);
}

static void as_ring(const uint8_t *data, size_t size)
{
	unsigned char again[SECRET_RING_BYTES];
	struct secret_ring ring = {0};

	if (secret_ring_decode(data, size, &ring))
		return;
	if (ring.count < 2 || ring.public.count != ring.count || secret_ring_encode(&ring, again) != size ||
	    memcmp(again, data, size))
		abort();
	secret_ring_clear(&ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = copy_of(data, size);

	as_file(copy, size);
	as_sealed(copy, size);
	as_ring(copy, size);
	free(copy);
	return 0;
}
