/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include <sodium.h>

struct secret_key *key;
struct key_ring ring;

int signer_setup(void **state)
{
	static const unsigned char seed[KEY_SEED_BYTES] = "a seed of thirty-two bytes, ok?!";

	(void)state;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	return key_ring_add(&ring, key_public(key), 0, KEY_RING_FOREVER);
}

int signer_teardown(void **state)
{
	(void)state;
	key_free(key);
	return 0;
}
