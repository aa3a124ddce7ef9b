/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/proofs.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "token/base64url.h"

#define SPAN_NS (PROOF_NONCE_SECONDS * 1000000000ull)

_Static_assert(PROOF_NONCE_TEXT == BASE64URL_LEN(PROOF_NONCE_BYTES) + 1, "text of a nonce");

void proofs_init(struct proofs *p)
{
	memset(p, 0, sizeof(*p));
	randombytes_buf(p->key, sizeof(p->key));
	TAILQ_INIT(&p->oldest_first);
}

static void proofs_forget(struct proofs *p)
{
	struct proof_seen *s = TAILQ_FIRST(&p->oldest_first);

	TAILQ_REMOVE(&p->oldest_first, s, next);
	HASH_DEL(p->by_id, s);
	p->count--;
	free(s);
}

void proofs_clear(struct proofs *p)
{
	while (p->count)
		proofs_forget(p);
}

/* A function of the time and a key: none has to be kept, and nobody takes up another's place. */
static void nonce_of(const struct proofs *p, uint64_t span, char text[PROOF_NONCE_TEXT])
{
	unsigned char bytes[PROOF_NONCE_BYTES];

	crypto_generichash(bytes, sizeof(bytes), (const unsigned char *)&span, sizeof(span), p->key,
			   sizeof(p->key));
	base64url_encode(bytes, sizeof(bytes), text);
}

void proofs_nonce(const struct proofs *p, uint64_t now, char text[PROOF_NONCE_TEXT])
{
	nonce_of(p, now / SPAN_NS, text);
}

bool proofs_nonce_good(const struct proofs *p, uint64_t now, const char *text)
{
	uint64_t span = now / SPAN_NS;
	char good[PROOF_NONCE_TEXT];

	if (strlen(text) != PROOF_NONCE_TEXT - 1)
		return false;
	for (uint64_t i = 0; i < PROOF_NONCE_SPANS && i <= span; i++) {
		nonce_of(p, span - i, good);
		if (sodium_memcmp(good, text, PROOF_NONCE_TEXT) == 0)
			return true;
	}
	return false;
}

int proofs_see(struct proofs *p, uint64_t now, const unsigned char id[HASH_BYTES])
{
	struct proof_seen *s;

	while (p->count && TAILQ_FIRST(&p->oldest_first)->deadline <= now)
		proofs_forget(p);
	HASH_FIND(hh, p->by_id, id, HASH_BYTES, s);
	if (s)
		return -EEXIST;
	if (p->count >= PROOFS_MAX)
		return -EAGAIN;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	memcpy(s->id, id, HASH_BYTES);
	s->deadline = now + PROOF_NONCE_SPANS * SPAN_NS; /* all live for as long: the list is in order */
	TAILQ_INSERT_TAIL(&p->oldest_first, s, next);
	HASH_ADD(hh, p->by_id, id, HASH_BYTES, s);
	p->count++;
	return 0;
}
