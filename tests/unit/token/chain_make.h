/* SPDX-License-Identifier: Apache-2.0 */
/* Chains to test with: made by the library, or link by link from any payload with our own keys. */
#ifndef DEPUTY_CHAIN_MAKE_H
#define DEPUTY_CHAIN_MAKE_H

#include <stdint.h>

#include "token/chain.h"

#define NOW    1000000
#define OWNER  "uid:1000"
#define POLICY "sha256:9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define TABLE  "sha256:11d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f6"

struct made {
	struct secret_key *root;
	struct key_ring ring;
	struct secret_key *holders[CHAIN_MAX];
	char *links[CHAIN_MAX];
	struct chain_report parents[CHAIN_MAX]; /* [i]: of the first i + 1 links */
	size_t count;
};

/* The host's key and its ring. `seed` tells hosts apart. */
void made_open(struct made *m, unsigned char seed);
void made_close(struct made *m);
/* Terms that any link may follow; holder derived from `id`. */
struct link_terms made_terms(struct made *m, const char *id);
/* Signs one more link below the last with link_sign(). Of the terms, the holder has to be derived from the
 * id. */
int made_add(struct made *m, const struct link_terms *terms, enum chain_why *why);
/* `count` links of terms that narrow at random, by a stream of its own. */
void made_random(struct made *m, size_t count, const char *prefix, uint32_t *random);
uint32_t made_next(uint32_t *random);
/* A link of any header (NULL: the right one) and payload, signed well. To be freed. */
char *made_forge(const struct secret_key *key, const char *header, const char *payload, size_t len);

#endif
