/* SPDX-License-Identifier: Apache-2.0 */
#include "token/base58.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* A number in some base, most significant digit last; takes in one more digit of another base. */
static size_t digits_push(unsigned char *digits, size_t count, unsigned from, unsigned to, unsigned digit)
{
	for (size_t i = 0; i < count; i++) {
		digit += digits[i] * from;
		digits[i] = (unsigned char)(digit % to);
		digit /= to;
	}
	for (; digit; digit /= to)
		digits[count++] = (unsigned char)(digit % to);
	return count;
}

/* A zero in front has no value and one character of its own on either side. */
static size_t zeros_in_front(const char *bytes, size_t size, char zero)
{
	size_t n = 0;

	while (n < size && bytes[n] == zero)
		n++;
	return n;
}

size_t base58_encode(const void *bytes, size_t size, char *text)
{
	unsigned char digits[BASE58_LEN(BASE58_BYTES_MAX)];
	const unsigned char *b = bytes;
	size_t zeros = zeros_in_front(bytes, size, '\0'), count = 0, n = zeros;

	for (size_t i = zeros; i < size; i++)
		count = digits_push(digits, count, 256, 58, b[i]);
	memset(text, alphabet[0], zeros);
	while (count)
		text[n++] = alphabet[digits[--count]];
	text[n] = '\0';
	return n;
}

int base58_decode(const char *text, size_t len, void *bytes, size_t room, size_t *size)
{
	unsigned char digits[BASE58_BYTES_MAX + 1], *out = bytes; /* one push grows it by one at most */
	size_t zeros = zeros_in_front(text, len, alphabet[0]), count = 0;

	if (room > BASE58_BYTES_MAX)
		room = BASE58_BYTES_MAX;
	if (zeros > room)
		return -ENOSPC;
	for (size_t i = zeros; i < len; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at)
			return -EBADMSG;
		count = digits_push(digits, count, 58, 256, (unsigned)(at - alphabet));
		if (zeros + count > room)
			return -ENOSPC;
	}
	memset(out, 0, zeros);
	for (size_t i = 0; i < count; i++)
		out[zeros + i] = digits[count - 1 - i];
	*size = zeros + count;
	return 0;
}
