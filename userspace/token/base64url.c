/* SPDX-License-Identifier: Apache-2.0 */
#include "token/base64url.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

size_t base64url_encode(const void *bytes, size_t size, char *text)
{
	sodium_bin2base64(text, BASE64URL_LEN(size) + 1, bytes, size,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return BASE64URL_LEN(size);
}

int base64url_decode(const char *text, size_t len, void *bytes, size_t room, size_t *size)
{
	size_t n;

	if (len / 4 * 3 + (len % 4 + 1) / 2 > room)
		return -ENOSPC;
	/* libsodium 1.0.18 takes every byte from 0x80 up for '_'. */
	for (size_t i = 0; i < len; i++)
		if (text[i] & 0x80)
			return -EBADMSG;
	/* No ignored characters and no end pointer: the whole of the text must be alphabet. */
	if (sodium_base642bin(bytes, room, text, len, NULL, &n, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING))
		return -EBADMSG;
	*size = n;
	return 0;
}
