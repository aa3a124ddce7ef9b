/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nonces for owners' proofs: each is for the user who asked for it, for one grant, and for a short while. Who
 * asks for too many loses his own oldest ones and nobody else's.
 */
#ifndef DEPUTY_NONCES_H
#define DEPUTY_NONCES_H

#include <stdint.h>
#include <sys/types.h>

#define NONCE_BYTES	32
#define NONCE_TEXT	44   /* base64url of these, and NUL */
#define NONCE_SECONDS	300u /* of CLOCK_BOOTTIME: to touch a key, or to log in with a second factor */
#define NONCES_PER_USER 16u
#define NONCES_MAX	1024u /* of all users together */

struct nonce {
	char text[NONCE_TEXT]; /* empty: free */
	uid_t uid;
	uint64_t deadline; /* CLOCK_BOOTTIME, ns */
};

struct nonces {
	struct nonce list[NONCES_MAX];
};

/* -EAGAIN: all users together have as many as there may be. `now` is CLOCK_BOOTTIME in ns. */
int nonces_make(struct nonces *n, uid_t uid, uint64_t now, char text[NONCE_TEXT]);
/* Takes it, whoever asks again. -ENOENT: never given to this user, taken before, or too old. */
int nonces_take(struct nonces *n, uid_t uid, uint64_t now, const char *text);

#endif
