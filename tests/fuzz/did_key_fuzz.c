/* SPDX-License-Identifier: Apache-2.0 */
/* base58 and did:key: whatever decodes encodes to the very same text. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "token/base58.h"
#include "token/did_key.h"

static void base58(const char *text, size_t len)
{
	unsigned char bytes[BASE58_BYTES_MAX];
	char again[BASE58_LEN(BASE58_BYTES_MAX) + 1];
	size_t size;

	if (base58_decode(text, len, bytes, sizeof(bytes), &size))
		return;
	if (size > sizeof(bytes) || base58_encode(bytes, size, again) != len || memcmp(again, text, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy_of(data, size), again[DID_KEY_METHOD_LEN + 1];
	struct public_key key;

	if (sodium_init() < 0)
		abort();
	base58(text, size);
	if (did_key_decode(text, size, &key) == 0) {
		did_key_encode(&key, again);
		if (memcmp(again, text, size) != 0)
			abort();
	}
	if (did_key_from_method(text, size, &key) == 0) {
		did_key_method(&key, again);
		if (memcmp(again, text, size) != 0)
			abort();
	}
	free(text);
	return 0;
}
