/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/nonces.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "token/base64url.h"

_Static_assert(NONCE_TEXT == BASE64URL_LEN(NONCE_BYTES) + 1, "text of a nonce");

/* A free place; the user's own oldest one when he has as many as he may; NULL: neither. */
static struct nonce *nonces_place(struct nonces *n, uid_t uid, uint64_t now)
{
	struct nonce *free_place = NULL, *oldest = NULL;
	unsigned own = 0;

	for (size_t i = 0; i < NONCES_MAX; i++) {
		struct nonce *p = &n->list[i];

		if (!*p->text || now >= p->deadline) {
			*p->text = '\0';
			free_place = p;
		} else if (p->uid == uid) {
			own++;
			if (!oldest || p->deadline < oldest->deadline)
				oldest = p;
		}
	}
	return own < NONCES_PER_USER ? free_place : oldest;
}

int nonces_make(struct nonces *n, uid_t uid, uint64_t now, char text[NONCE_TEXT])
{
	struct nonce *p = nonces_place(n, uid, now);
	uint8_t bytes[NONCE_BYTES];

	if (!p)
		return -EAGAIN;
	randombytes_buf(bytes, sizeof(bytes));
	base64url_encode(bytes, sizeof(bytes), p->text);
	p->uid = uid;
	p->deadline = now + NONCE_SECONDS * 1000000000ull;
	memcpy(text, p->text, NONCE_TEXT);
	return 0;
}

int nonces_take(struct nonces *n, uid_t uid, uint64_t now, const char *text)
{
	for (size_t i = 0; *text && i < NONCES_MAX; i++) {
		struct nonce *p = &n->list[i];

		if (p->uid != uid || now >= p->deadline || strcmp(p->text, text) != 0)
			continue;
		*p->text = '\0';
		return 0;
	}
	return -ENOENT;
}
