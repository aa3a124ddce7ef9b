/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPoP at the token endpoint: nonces of ours (RFC 9449 section 8), so that no proof is made before its time,
 * and the proofs that came with them, so that none comes twice. Who has neither key nor nonce has no proof.
 */
#ifndef DEPUTY_PROOFS_H
#define DEPUTY_PROOFS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "proof/dpop.h"

#define PROOF_NONCE_SECONDS 30u /* of CLOCK_BOOTTIME for which one nonce is given */
#define PROOF_NONCE_SPANS   3u	/* for so many such times it is taken */
#define PROOF_NONCE_BYTES   16
#define PROOF_NONCE_TEXT    23	   /* base64url of these, and NUL */
#define PROOFS_MAX	    65536u /* remembered, until their nonces are good no more */

struct proof_seen {
	unsigned char id[HASH_BYTES];
	uint64_t deadline; /* CLOCK_BOOTTIME, ns */
	TAILQ_ENTRY(proof_seen) next;
	UT_hash_handle hh;
};

TAILQ_HEAD(proof_list, proof_seen);

struct proofs {
	unsigned char key[32]; /* of this run */
	struct proof_seen *by_id;
	struct proof_list oldest_first;
	unsigned count;
};

void proofs_init(struct proofs *p);
void proofs_clear(struct proofs *p);

/* The nonce that is given now. */
void proofs_nonce(const struct proofs *p, uint64_t now, char text[PROOF_NONCE_TEXT]);
/* Whether it was given in the last spans. */
bool proofs_nonce_good(const struct proofs *p, uint64_t now, const char *text);
/* Remembers a proof whose nonce is good. -EEXIST: it was here before; -EAGAIN: there is no room; -ENOMEM. */
int proofs_see(struct proofs *p, uint64_t now, const unsigned char id[HASH_BYTES]);

#endif
