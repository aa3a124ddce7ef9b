/* SPDX-License-Identifier: Apache-2.0 */
#include "proof/base64.h"

#include <errno.h>
#include <sodium.h>

int base64_decode(const char *text, size_t len, const char *ignore, void *bytes, size_t room, size_t *size)
{
	size_t n;

	/* libsodium 1.0.18 takes bytes from 0x80 up for a letter of the alphabet, and NUL, which ends it, for
	 * one of `ignore`. */
	for (size_t i = 0; i < len; i++)
		if (text[i] & 0x80 || !text[i])
			return -EBADMSG;
	errno = 0;
	/* No end pointer: the whole of the text must be alphabet. */
	if (sodium_base642bin(bytes, room, text, len, ignore, &n, NULL, sodium_base64_VARIANT_ORIGINAL))
		return errno == ERANGE ? -ENOSPC : -EBADMSG;
	*size = n;
	return 0;
}
