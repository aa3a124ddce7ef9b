/* SPDX-License-Identifier: Apache-2.0 */
#include "log/merkle.h"

#include <errno.h>
#include <string.h>

#include "token/hash.h"

#define LEAF_START 1024 /* whole blocks: a record is seldom longer */

/* What is hashed begins in one piece with its prefix: a byte by itself would be copied, and all after it
 * hashed in three runs of the compression function instead of two. */
int merkle_leaf(const void *bytes, size_t len, unsigned char hash[MERKLE_HASH])
{
	unsigned char start[LEAF_START];
	size_t n = len < sizeof(start) - 1 ? len : sizeof(start) - 1;

	start[0] = 0;
	if (n)
		memcpy(start + 1, bytes, n);
	return hash_sha256_joined(start, n + 1, (const unsigned char *)bytes + n, len - n, hash);
}

int merkle_node(const unsigned char left[MERKLE_HASH], const unsigned char right[MERKLE_HASH],
		unsigned char hash[MERKLE_HASH])
{
	unsigned char both[1 + 2 * MERKLE_HASH] = {1};

	memcpy(both + 1, left, MERKLE_HASH);
	memcpy(both + 1 + MERKLE_HASH, right, MERKLE_HASH);
	return hash_sha256(both, sizeof(both), hash);
}

/* As adding one in binary: each subtree that is complete joins the one of its size to its left. */
int merkle_append(struct merkle *tree, const unsigned char leaf[MERKLE_HASH])
{
	unsigned char hash[MERKLE_HASH];
	unsigned level = 0;

	if (tree->size == UINT64_MAX)
		return -EOVERFLOW;
	memcpy(hash, leaf, sizeof(hash));
	for (uint64_t rest = tree->size; rest & 1; rest >>= 1, level++)
		if (merkle_node(tree->node[level], hash, hash))
			return -EIO;
	memcpy(tree->node[level], hash, sizeof(hash));
	tree->size++;
	return 0;
}

int merkle_root(const struct merkle *tree, unsigned char root[MERKLE_HASH])
{
	unsigned char hash[MERKLE_HASH];
	unsigned level = 0;

	if (!tree->size)
		return hash_sha256(NULL, 0, root);
	while (!(tree->size >> level & 1))
		level++;
	memcpy(hash, tree->node[level], sizeof(hash));
	while (++level < MERKLE_LEVELS)
		if (tree->size >> level & 1 && merkle_node(tree->node[level], hash, hash))
			return -EIO;
	memcpy(root, hash, sizeof(hash));
	return 0;
}

size_t merkle_count(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void merkle_store(const struct merkle *tree, unsigned char (*subtrees)[MERKLE_HASH])
{
	for (unsigned level = MERKLE_LEVELS; level-- > 0;)
		if (tree->size >> level & 1)
			memcpy(*subtrees++, tree->node[level], MERKLE_HASH);
}

int merkle_restore(uint64_t size, const unsigned char (*subtrees)[MERKLE_HASH], size_t count,
		   struct merkle *tree)
{
	if (count != merkle_count(size))
		return -EBADMSG;
	tree->size = size;
	for (unsigned level = MERKLE_LEVELS; level-- > 0;)
		if (size >> level & 1)
			memcpy(tree->node[level], *subtrees++, MERKLE_HASH);
	return 0;
}
