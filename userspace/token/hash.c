/* SPDX-License-Identifier: Apache-2.0 */
#include "token/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

/* Fetched once: looking an algorithm up costs more than hashing a key does. */
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;
static EVP_MD *hash_method;

static void hash_fetch(void)
{
	hash_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int hash_sha256(const void *bytes, size_t size, unsigned char hash[HASH_BYTES])
{
	pthread_once(&hash_once, hash_fetch);
	if (!hash_method || !EVP_Digest(bytes, size, hash, NULL, hash_method, NULL))
		return -EIO;
	return 0;
}

int hash_text(const void *bytes, size_t size, char text[HASH_TEXT_BYTES])
{
	unsigned char hash[HASH_BYTES];
	int err = hash_sha256(bytes, size, hash);

	if (!err)
		sodium_bin2hex(stpcpy(text, "sha256:"), 2 * sizeof(hash) + 1, hash, sizeof(hash));
	return err;
}
