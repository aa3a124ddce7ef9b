/* SPDX-License-Identifier: Apache-2.0 */
#include "token/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

/* A context that is made and freed for each hash costs as much as hashing a token or a record does. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *method;
static pthread_key_t contexts; /* frees a thread's context with it */
static __thread EVP_MD_CTX *context;

static void context_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void method_fetch(void)
{
	method = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (method && pthread_key_create(&contexts, context_free))
		method = NULL;
}

static EVP_MD_CTX *context_open(void)
{
	EVP_MD_CTX *ctx;

	pthread_once(&once, method_fetch);
	ctx = method ? EVP_MD_CTX_new() : NULL;
	if (ctx && EVP_DigestInit_ex2(ctx, method, NULL) && !pthread_setspecific(contexts, ctx))
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

int hash_sha256_joined(const void *bytes, size_t size, const void *more, size_t more_size,
		       unsigned char hash[HASH_BYTES])
{
	if (!context && !(context = context_open()))
		return -EIO;
	if (!EVP_DigestInit_ex2(context, NULL, NULL) || (size && !EVP_DigestUpdate(context, bytes, size)) ||
	    (more_size && !EVP_DigestUpdate(context, more, more_size)) ||
	    !EVP_DigestFinal_ex(context, hash, NULL))
		return -EIO;
	return 0;
}

int hash_sha256(const void *bytes, size_t size, unsigned char hash[HASH_BYTES])
{
	return hash_sha256_joined(bytes, size, NULL, 0, hash);
}

void hash_write(const unsigned char hash[HASH_BYTES], char text[HASH_TEXT_BYTES])
{
	sodium_bin2hex(stpcpy(text, "sha256:"), 2 * HASH_BYTES + 1, hash, HASH_BYTES);
}

int hash_text(const void *bytes, size_t size, char text[HASH_TEXT_BYTES])
{
	unsigned char hash[HASH_BYTES];
	int err = hash_sha256(bytes, size, hash);

	if (!err)
		hash_write(hash, text);
	return err;
}

int hash_read(const char *text, unsigned char hash[HASH_BYTES])
{
	size_t n;

	if (strncmp(text, "sha256:", 7) != 0 ||
	    sodium_hex2bin(hash, HASH_BYTES, text + 7, strlen(text + 7), NULL, &n, NULL) || n != HASH_BYTES)
		return -EBADMSG;
	return 0;
}
