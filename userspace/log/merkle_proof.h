/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proofs that a leaf is in a tree (RFC 9162 section 2.1.3), and that one tree is the beginning of another
 * (section 2.1.4): made from the tree's hashes, checked with roots only.
 */
#ifndef DEPUTY_MERKLE_PROOF_H
#define DEPUTY_MERKLE_PROOF_H

#include "log/merkle.h"

#define PROOF_MAX 65 /* hashes of the longest: a tree of 2^64 leaves, consistency */

struct merkle_proof {
	size_t count;
	unsigned char hash[PROOF_MAX][MERKLE_HASH];
};

/* The hash over the leaves from..to - 1 of a tree: its root, were they alone. */
typedef int (*merkle_subtree_fn)(void *arg, uint64_t from, uint64_t to, unsigned char hash[MERKLE_HASH]);

/* That leaf `index` is in the tree of the first `size` leaves. -ERANGE: it is not; else what `subtree` says.
 */
int inclusion_make(uint64_t index, uint64_t size, merkle_subtree_fn subtree, void *arg,
		   struct merkle_proof *proof);
/* That the tree of the first `old` leaves is the beginning of that of `size`. -ERANGE: old is 0 or more than
 * `size`; else what `subtree` says. Of two trees of one size the proof is empty. */
int consistency_make(uint64_t old, uint64_t size, merkle_subtree_fn subtree, void *arg,
		     struct merkle_proof *proof);

/* -EBADMSG: it does not prove that. */
int inclusion_check(uint64_t index, uint64_t size, const unsigned char leaf[MERKLE_HASH],
		    const unsigned char root[MERKLE_HASH], const struct merkle_proof *proof);
int consistency_check(uint64_t old, const unsigned char old_root[MERKLE_HASH], uint64_t size,
		      const unsigned char root[MERKLE_HASH], const struct merkle_proof *proof);

#endif
