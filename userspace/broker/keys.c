/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/keys.h"

#include <time.h>

#include "broker/handlers.h"
#include "broker/http.h"

int keys_load(int fd, struct broker *b)
{
	struct secret_key *key;
	int err = key_load(fd, &key);

	if (err)
		return err;
	err = secret_ring_adopt(key, time(NULL), time(NULL), &b->keys);
	if (err)
		key_free(key);
	return err;
}

const struct secret_key *keys_of_grant(const struct broker *b, const struct grant *g)
{
	return secret_ring_find(&b->keys, g->key);
}

int handle_keys(struct exchange *x)
{
	return answer_json(&x->answer, 200, key_ring_jwks(secret_ring_public(&x->broker->keys), time(NULL)));
}
