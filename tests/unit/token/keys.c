/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <sodium.h>

struct secret_key *key, *other;

int keys_setup(void **state)
{
	unsigned char seed[KEY_SEED_BYTES] = {1};

	(void)state;
	if (sodium_init() < 0 || key_from_seed(seed, &key))
		return -1;
	seed[0] = 2;
	return key_from_seed(seed, &other);
}

int keys_teardown(void **state)
{
	(void)state;
	key_free(key);
	key_free(other);
	return 0;
}
