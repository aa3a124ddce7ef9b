/* SPDX-License-Identifier: Apache-2.0 */
#include "log/merkle_proof.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The largest power of two below n > 1: where RFC 9162 section 2.1.1 splits n leaves. */
static uint64_t split(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n - 1));
}

static int proof_put(struct merkle_proof *proof, merkle_subtree_fn subtree, void *arg, uint64_t from,
		     uint64_t to)
{
	int err = proof->count < PROOF_MAX ? subtree(arg, from, to, proof->hash[proof->count]) : -EOVERFLOW;

	proof->count += !err;
	return err;
}

/* Found from the root down, written from the leaf up. */
static void proof_reverse(struct merkle_proof *proof)
{
	unsigned char swap[MERKLE_HASH];

	for (size_t i = 0, j = proof->count; i + 1 < j; i++) {
		j--;
		memcpy(swap, proof->hash[i], sizeof(swap));
		memcpy(proof->hash[i], proof->hash[j], sizeof(swap));
		memcpy(proof->hash[j], swap, sizeof(swap));
	}
}

int inclusion_make(uint64_t index, uint64_t size, merkle_subtree_fn subtree, void *arg,
		   struct merkle_proof *proof)
{
	uint64_t from = 0, to = size;
	int err = 0;

	if (index >= size)
		return -ERANGE;
	proof->count = 0;
	while (!err && to - from > 1) {
		uint64_t middle = from + split(to - from);

		if (index < middle) {
			err = proof_put(proof, subtree, arg, middle, to);
			to = middle;
		} else {
			err = proof_put(proof, subtree, arg, from, middle);
			from = middle;
		}
	}
	proof_reverse(proof);
	return err;
}

/* SUBPROOF of section 2.1.4.1, its recursion unrolled: it goes down one side only. */
int consistency_make(uint64_t old, uint64_t size, merkle_subtree_fn subtree, void *arg,
		     struct merkle_proof *proof)
{
	uint64_t from = 0, to = size;
	int err = 0;

	if (!old || old > size)
		return -ERANGE;
	proof->count = 0;
	while (!err && old != to) {
		uint64_t middle = from + split(to - from);

		if (old <= middle) {
			err = proof_put(proof, subtree, arg, middle, to);
			to = middle;
		} else {
			err = proof_put(proof, subtree, arg, from, middle);
			from = middle;
		}
	}
	if (!err && from) /* else it is the old root, which the verifier has */
		err = proof_put(proof, subtree, arg, from, to);
	proof_reverse(proof);
	return err;
}

/* A node's place among those of its level, and that of the level's last one. */
struct place {
	uint64_t node, last;
};

static void place_up(struct place *p)
{
	p->node >>= 1;
	p->last >>= 1;
}

/* Whether what the path has next stands to the left. */
static bool place_is_right(const struct place *p)
{
	return p->node & 1 || p->node == p->last;
}

/* Past the levels where a node at the right edge has no sibling, and stands for its parent. */
static void place_skip(struct place *p)
{
	while (p->node && !(p->node & 1))
		place_up(p);
}

int inclusion_check(uint64_t index, uint64_t size, const unsigned char leaf[MERKLE_HASH],
		    const unsigned char root[MERKLE_HASH], const struct merkle_proof *proof)
{
	struct place p = {index, size - 1};
	unsigned char hash[MERKLE_HASH];
	int err = 0;

	if (index >= size || proof->count > PROOF_MAX)
		return -EBADMSG;
	memcpy(hash, leaf, sizeof(hash));
	for (size_t i = 0; i < proof->count && !err; i++) {
		if (!p.last)
			return -EBADMSG;
		if (place_is_right(&p)) {
			err = merkle_node(proof->hash[i], hash, hash);
			place_skip(&p);
		} else {
			err = merkle_node(hash, proof->hash[i], hash);
		}
		place_up(&p);
	}
	if (err)
		return err;
	return p.last || memcmp(hash, root, sizeof(hash)) ? -EBADMSG : 0;
}

/* Both roots at once, from the hash that both trees have as a node. */
static int consistency_climb(struct place p, const unsigned char seed[MERKLE_HASH],
			     const struct merkle_proof *proof, size_t first,
			     unsigned char roots[2][MERKLE_HASH])
{
	int err = 0;

	memcpy(roots[0], seed, MERKLE_HASH);
	memcpy(roots[1], seed, MERKLE_HASH);
	for (size_t i = first; i < proof->count && !err; i++) {
		if (!p.last)
			return -EBADMSG;
		if (place_is_right(&p)) {
			err = merkle_node(proof->hash[i], roots[0], roots[0])
				      ?: merkle_node(proof->hash[i], roots[1], roots[1]);
			place_skip(&p);
		} else {
			err = merkle_node(roots[1], proof->hash[i], roots[1]);
		}
		place_up(&p);
	}
	return err ?: p.last ? -EBADMSG : 0;
}

int consistency_check(uint64_t old, const unsigned char old_root[MERKLE_HASH], uint64_t size,
		      const unsigned char root[MERKLE_HASH], const struct merkle_proof *proof)
{
	struct place p = {old - 1, size - 1};
	unsigned char roots[2][MERKLE_HASH];
	bool whole = !(old & (old - 1)); /* the old root is itself a node of the new tree */
	int err;

	if (!old || old > size) /* of the empty tree every other is a continuation, and that proves nothing */
		return -EBADMSG;
	if (old == size)
		return proof->count || memcmp(old_root, root, MERKLE_HASH) ? -EBADMSG : 0;
	if (!proof->count || proof->count > PROOF_MAX)
		return -EBADMSG;
	while (p.node & 1)
		place_up(&p);
	err = consistency_climb(p, whole ? old_root : proof->hash[0], proof, !whole, roots);
	if (err)
		return err;
	return memcmp(roots[0], old_root, MERKLE_HASH) || memcmp(roots[1], root, MERKLE_HASH) ? -EBADMSG : 0;
}
