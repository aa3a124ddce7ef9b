/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merkle trees by RFC 6962 section 2.1 (RFC 9162 section 2.1.1), of SHA-256. What is kept of a tree that only
 * grows is its compact range: the roots of the perfect subtrees that it is made of, one for each bit of its
 * size. From them follows its root, and with the next leaf the next tree.
 *
 * Every function that hashes: -EIO, the library has no SHA-256. Thread-safe.
 */
#ifndef DEPUTY_MERKLE_H
#define DEPUTY_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH   32
#define MERKLE_LEVELS 64

struct merkle {
	uint64_t size;					/* leaves */
	unsigned char node[MERKLE_LEVELS][MERKLE_HASH]; /* [k]: of 2^k leaves, where bit k of size is set */
};

/* SHA-256(0x00 || bytes). */
int merkle_leaf(const void *bytes, size_t len, unsigned char hash[MERKLE_HASH]);
/* SHA-256(0x01 || left || right); `hash` may be either. */
int merkle_node(const unsigned char left[MERKLE_HASH], const unsigned char right[MERKLE_HASH],
		unsigned char hash[MERKLE_HASH]);

/* One leaf more, by its hash. -EOVERFLOW. */
int merkle_append(struct merkle *tree, const unsigned char leaf[MERKLE_HASH]);
/* Of no leaves: SHA-256 of nothing. */
int merkle_root(const struct merkle *tree, unsigned char root[MERKLE_HASH]);

/* How many subtrees a tree of `size` leaves is made of. */
size_t merkle_count(uint64_t size);
/* Their roots from left to right, which is from the largest to the smallest: merkle_count() of them. */
void merkle_store(const struct merkle *tree, unsigned char (*subtrees)[MERKLE_HASH]);
/* Back. -EBADMSG: not as many as a tree of that size has. */
int merkle_restore(uint64_t size, const unsigned char (*subtrees)[MERKLE_HASH], size_t count,
		   struct merkle *tree);

#endif
